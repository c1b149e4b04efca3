CREATE TABLE "a;b" ("c;""d" INT, [e;'f] INT, `g;``h` INT, 'i;''j' INT);
INSERT INTO [a;b] VALUES (1, 2, 3, 4);
CREATE INDEX `idx;` ON "a;b" ([e;'f]);
