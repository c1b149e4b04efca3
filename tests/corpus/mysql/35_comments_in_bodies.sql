DELIMITER //
CREATE PROCEDURE p() BEGIN -- first; END
  # second; it's
  /* third; " */ SELECT 1; -- END //
  SELECT '// not the delimiter'; /* nor // here */
END//
DELIMITER ;
CREATE TABLE t (a INT);
