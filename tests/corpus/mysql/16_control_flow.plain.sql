CREATE TABLE log (id INT AUTO_INCREMENT PRIMARY KEY, s TEXT);
CREATE PROCEDURE flow(n INT)
BEGIN
  DECLARE i INT DEFAULT CASE n WHEN 0 THEN 1 ELSE n END;
  IF n > 5 THEN
    INSERT INTO log (s) VALUES ('big;');
  ELSEIF n > 2 THEN
    INSERT INTO log (s) VALUES (IF(n = 3, 'three;', 'more'));
  ELSE
    CASE n
      WHEN 0 THEN INSERT INTO log (s) VALUES ('zero');
      WHEN 1 THEN BEGIN INSERT INTO log (s) VALUES ('one'); INSERT INTO log (s) VALUES ('uno'); END;
      ELSE INSERT INTO log (s) VALUES ('two');
    END CASE;
  END IF;
  again: LOOP
    SET i = i - 1;
    IF i <= 0 THEN LEAVE again; END IF;
    IF i = 2 THEN ITERATE again; END IF;
    INSERT INTO log (s) VALUES (CONCAT('loop ', i));
  END LOOP again;
  REPEAT SET i = i + 1; UNTIL i >= CASE WHEN n > 3 THEN 3 ELSE 2 END END REPEAT;
  w: WHILE i > (SELECT CASE WHEN 1 THEN 0 END) DO SET i = i - 1; END WHILE w;
  CASE WHEN i = 0 THEN INSERT INTO log (s) VALUES (REPEAT('ab;', 2)); END CASE;
END;
CALL flow(0); CALL flow(1); CALL flow(3); CALL flow(9);
