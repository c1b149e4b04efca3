CREATE TABLE t (a);
INSERT INTO t VALUES (1);
/* SQLite lets a comment run to the end; of the file
