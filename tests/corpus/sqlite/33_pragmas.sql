PRAGMA user_version = 7;
PRAGMA application_id = 42;
CREATE TABLE t (a);
PRAGMA table_info(t);
