SET @a = 1, @`b;c` = 'x;', @'d;' = 2;
CREATE TABLE t AS SELECT @a AS a, @`b;c` AS b;
SET SESSION group_concat_max_len = 2048;
SET @@session.group_concat_max_len = 1024;
USE mysql;
