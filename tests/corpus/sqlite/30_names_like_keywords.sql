CREATE TABLE trigger_log (begin_at INT, end_at INT);
CREATE TABLE temp_create ("trigger" INT);
INSERT INTO trigger_log VALUES (1, 2);
CREATE VIEW ending AS SELECT end_at AS "end" FROM trigger_log;
