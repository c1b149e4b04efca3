CREATE TABLE t (a text, b time);
INSERT INTO t VALUES ('x'::text::varchar, '12:34:56'::time);
INSERT INTO t SELECT (ARRAY['p','q;','r'])[2:2]::text, NULL;
