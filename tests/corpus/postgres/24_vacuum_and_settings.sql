CREATE TABLE t (a int);
INSERT INTO t VALUES (1);
VACUUM ANALYZE t;
SET work_mem = '8MB';
SET search_path = public, pg_temp;
ALTER TABLE t SET (autovacuum_enabled = false);
RESET ALL;
