CREATE TABLE t (a int, b text);
CREATE FUNCTION classify(n int) RETURNS text
LANGUAGE sql
BEGIN ATOMIC
  SELECT CASE WHEN n < 0 THEN 'neg;' WHEN n = 0 THEN 'zero' ELSE CASE n WHEN 1 THEN 'one' ELSE 'many' END END;
END;
CREATE OR REPLACE PROCEDURE fill(n int)
BEGIN ATOMIC
  INSERT INTO t VALUES (n, classify(n));
  INSERT INTO t VALUES (n + 1, classify(n + 1));
END;
CALL fill(0);
CALL fill(-3);
