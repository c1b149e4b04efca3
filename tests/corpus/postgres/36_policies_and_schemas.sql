CREATE SCHEMA app CREATE TABLE t (a int, owner text) CREATE VIEW v AS SELECT a FROM t;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own;" ON app.t USING (owner = current_user AND a <> 3) WITH CHECK (true);
SET search_path TO app;
CREATE TABLE u (b int);
