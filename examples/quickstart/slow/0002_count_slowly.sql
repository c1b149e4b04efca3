-- SQLite cannot sleep, so it counts
CREATE TABLE counted AS
WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 5000000)
SELECT 'once' AS times, count(*) AS numbers FROM counter;
