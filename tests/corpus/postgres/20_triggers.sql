CREATE TABLE t (a int PRIMARY KEY, updated int DEFAULT 0);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
  new.updated := coalesce(new.updated, 0) + 1; -- it''s; quoted
  RETURN new;
END;
';
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON t FOR EACH ROW WHEN (new.a > 0) EXECUTE FUNCTION touch();
INSERT INTO t VALUES (1), (-1);
