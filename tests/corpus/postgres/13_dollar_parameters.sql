PREPARE q (int, text) AS SELECT $1 + 1 AS a, $2||';' AS b;
CREATE TABLE t (a int, b text);
EXECUTE q(1, 'x');
PREPARE i (int, text) AS INSERT INTO t VALUES ($1, $2);
EXECUTE i(5, '$$;');
DEALLOCATE q;
