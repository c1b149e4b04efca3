CREATE TABLE t (a);
CREATE /* x */ TRIGGER -- name; follows
 "tr;" /* ; */ AFTER -- when
 INSERT ON t BEGIN -- body;
  SELECT 1; -- END;
  /* END; */ SELECT 2;
END -- of it
;
INSERT INTO t VALUES (1);
