CREATE TABLE "таблица" ("名前" text, été int);
INSERT INTO "таблица" VALUES ('émile; 😀', 1), ($ü$ ; $ü$, 2);
CREATE VIEW vue_été AS SELECT été FROM "таблица";
COMMENT ON TABLE "таблица" IS 'l''été; 夏';
