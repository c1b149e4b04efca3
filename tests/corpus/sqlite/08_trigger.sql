CREATE TABLE t (a, n INT DEFAULT 0);
CREATE TABLE log (what TEXT);
CREATE TRIGGER t_ai AFTER INSERT ON t BEGIN
  INSERT INTO log VALUES ('inserted; ' || new.a);
  UPDATE t SET n = n + 1 WHERE a = new.a;
END;
INSERT INTO t (a) VALUES ('x');
