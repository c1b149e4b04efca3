CREATE TABLE t (a, b);
INSERT INTO t VALUES (x'3b27', 1e3), (X'', .5), (0x1F, -2.5e-3), (NULL, 5--1;
);
