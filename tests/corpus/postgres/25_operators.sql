CREATE TABLE t (id int PRIMARY KEY, j jsonb, a int[]);
INSERT INTO t VALUES (1, '{"a;b": {"c": 1}}', '{1,2,3}');
INSERT INTO t SELECT 2, j #> '{a;b}', a[1:2] || 5 FROM t;
INSERT INTO t SELECT 3, NULL, NULL WHERE '{}'::jsonb ? 'a;b' OR '[1]'::jsonb @> '[1]' AND 5 # 3 = 6;
