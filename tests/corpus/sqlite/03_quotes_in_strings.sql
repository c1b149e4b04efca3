CREATE TABLE t (id INTEGER PRIMARY KEY, s);
INSERT INTO t VALUES (1, 'it''s; fine'), (2, '''; DROP TABLE t; --'), (3, '--no'), (4, '/* no'), (5, ''), (6, '''');
INSERT INTO t VALUES (7, 'C:\'); INSERT INTO t VALUES (8, ';');
