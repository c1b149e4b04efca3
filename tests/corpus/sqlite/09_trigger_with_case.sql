CREATE TABLE t (a INT, s TEXT);
CREATE TRIGGER c AFTER INSERT ON t WHEN new.a > 0 BEGIN
  UPDATE t SET s = CASE WHEN new.a > 10 THEN 'big;' WHEN new.a > 5 THEN CASE new.a WHEN 6 THEN 'six' ELSE 'mid' END ELSE 'small' END
    WHERE rowid = new.rowid;
  SELECT CASE new.a WHEN 99 THEN RAISE(ABORT, 'no; 99') END;
END;
INSERT INTO t (a) VALUES (1), (6), (7), (11), (-1);
