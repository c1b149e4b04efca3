CREATE TABLE t (a INT, b INT);
/*!50003 SET @saved_sql_mode = @@sql_mode */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=CURRENT_USER*/ /*!50003 TRIGGER t_bi BEFORE INSERT ON t FOR EACH ROW BEGIN
  SET NEW.b = NEW.a * 2;
  IF NEW.b > 10 THEN SET NEW.b = 10; END IF;
END */;;
DELIMITER ;
/*!50003 SET sql_mode = @saved_sql_mode */ ;
INSERT INTO t (a) VALUES (1), (7);
