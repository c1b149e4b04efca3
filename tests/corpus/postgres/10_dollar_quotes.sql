CREATE FUNCTION add_one(i int) RETURNS int AS $$
BEGIN
  -- a comment with a $ and a ;
  RETURN i + 1;
END;
$$ LANGUAGE plpgsql;
CREATE TABLE t AS SELECT add_one(1) AS two;
