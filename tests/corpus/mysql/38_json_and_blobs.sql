CREATE TABLE t (j JSON, b BLOB, n DECIMAL(6, 2));
INSERT INTO t VALUES ('{"a;b": "it\\"s; \\\\"}', x'3b27', -1.50), (NULL, 0x41, 1e2), (JSON_OBJECT('k;', 'v'), b'0100', .5);
