CREATE TABLE "end" ("begin" INT, "case" INT);
CREATE TRIGGER "end;" AFTER UPDATE OF "begin" ON "end" BEGIN INSERT INTO "end" VALUES (1, 2); END;
INSERT INTO "end" VALUES (0, 0);
UPDATE "end" SET "begin" = 5;
