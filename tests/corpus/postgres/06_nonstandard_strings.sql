SET standard_conforming_strings = off;
SET escape_string_warning = off;
CREATE TABLE t (id int PRIMARY KEY, s text);
INSERT INTO t VALUES (1, 'it\'s; old \\');
SET standard_conforming_strings TO on;
INSERT INTO t VALUES (2, 'new\');
INSERT INTO t VALUES (3, ';');
