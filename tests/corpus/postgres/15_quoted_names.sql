CREATE TABLE "semi;colon" ("a;b" int, "c""d;" text, "e--f" int, "g/*h" int);
INSERT INTO "semi;colon" VALUES (1, 'x', 2, 3);
CREATE TABLE U&"\0061;bc" (d int);
CREATE VIEW "v'w" AS SELECT "a;b" AS "it's;" FROM "semi;colon";
