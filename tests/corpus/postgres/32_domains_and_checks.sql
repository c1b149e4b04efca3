CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE t (p positive, q pair, CONSTRAINT "c;c" CHECK ((q).b <> ';'));
INSERT INTO t VALUES (1, ROW(1, 'x')), (2, '(3,"y;")');
