CREATE TABLE t (id int PRIMARY KEY, s text);
INSERT INTO t VALUES (1, 'it''s; fine'), (2, '''; DROP TABLE t; --'), (3, '--not a comment'), (4, '/* nor this');
INSERT INTO t VALUES (5, ''), (6, ''''), (7, ';');
