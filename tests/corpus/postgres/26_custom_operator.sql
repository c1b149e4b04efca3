CREATE FUNCTION neq(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'select $1 <> $2';
CREATE OPERATOR <#> (LEFTARG = int, RIGHTARG = int, FUNCTION = neq);
CREATE TABLE t AS SELECT 1 <#> 2 AS x, 5 - -1 AS y, 3*-2 AS z;
