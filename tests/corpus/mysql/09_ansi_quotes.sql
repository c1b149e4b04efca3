SET sql_mode = 'ANSI_QUOTES';
CREATE TABLE "a;b" ("c""d;" INT);
INSERT INTO "a;b" VALUES (1);
SET sql_mode = DEFAULT;
CREATE TABLE t (s TEXT);
INSERT INTO t VALUES ("it\"s;");
