CREATE TABLE t (id INTEGER PRIMARY KEY, old TEXT);
INSERT INTO t VALUES (1, 'a;'), (2, NULL);
PRAGMA foreign_keys = OFF;
CREATE TABLE t_new (id INTEGER PRIMARY KEY, new TEXT NOT NULL DEFAULT 'none;');
INSERT INTO t_new SELECT id, coalesce(old, 'was null') FROM t;
DROP TABLE t;
ALTER TABLE t_new RENAME TO t;
PRAGMA foreign_key_check;
