INSERT INTO counted
WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 5000000)
SELECT 'three times', count(*) FROM counter;
