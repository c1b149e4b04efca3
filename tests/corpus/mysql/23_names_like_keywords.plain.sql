CREATE TABLE t (begin INT, end INT, `case` INT, event INT, do INT, action INT, comment TEXT, delimiter INT);
INSERT INTO t (begin, end, delimiter) VALUES (1, 2, 3);
CREATE VIEW v AS SELECT begin AS end, end AS begin FROM t;
CREATE PROCEDURE p() BEGIN SELECT begin, end FROM t; UPDATE t SET end = 5; INSERT INTO t (begin) SELECT end FROM t; END;
CALL p();
