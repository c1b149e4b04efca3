CREATE FUNCTION outer_one() RETURNS text LANGUAGE plpgsql AS $body$
DECLARE s text;
BEGIN
  EXECUTE $inner$ SELECT 'x;' || $$y;$$ $inner$ INTO s;
  RETURN s || $a$;$b$;$a$;
END
$body$;
CREATE TABLE t AS SELECT outer_one() AS s;
