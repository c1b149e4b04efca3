CREATE TABLE t (id int PRIMARY KEY, s text);
INSERT INTO t VALUES (1, 'C:\temp\');
INSERT INTO t VALUES (2, '\'''); 
INSERT INTO t VALUES (3, 'a\\');
