CREATE TABLE t (a int);
INSERT INTO t VALUES (5--1;
);
INSERT INTO t VALUES (1 +/* ; */ 2), (3 */*;*/ 4);
INSERT INTO t VALUES (1)--;
;
