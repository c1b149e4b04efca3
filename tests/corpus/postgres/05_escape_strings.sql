CREATE TABLE t (id int PRIMARY KEY, s text);
INSERT INTO t VALUES (1, E'it\'s; \\'), (2, e'tab\there;\n'), (3, E'\'; --'), (4, E'a''b\'');
INSERT INTO t VALUES (5, U&'d\0061t\+000061;'), (6, U&'d!0061;' UESCAPE '!');
INSERT INTO t VALUES (7, E'first\';'
  'second;'
  'third');
INSERT INTO t VALUES (8, 'plain\'
  ';more');
