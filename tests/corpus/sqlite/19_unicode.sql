CREATE TABLE "таблица" ("名前" TEXT, été INT);
INSERT INTO "таблица" VALUES ('émile; 😀', 1);
CREATE VIEW vue_été AS SELECT été FROM "таблица";
