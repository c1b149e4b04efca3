CREATE FUNCTION f(text) RETURNS text AS '
  SELECT ''it''''s; '' || $1;
' LANGUAGE sql;
CREATE FUNCTION g(text) RETURNS text AS E'SELECT \'a;\' || $1; -- \\' LANGUAGE sql;
CREATE TABLE t AS SELECT f('x') || g('y') AS s;
