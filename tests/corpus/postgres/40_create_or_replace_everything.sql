CREATE OR REPLACE VIEW v AS SELECT 1 AS begin, 2 AS "end";
CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE sql AS 'select; select';
CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'begin null; end';
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE OR REPLACE PROCEDURE p(INOUT a int DEFAULT 3) LANGUAGE plpgsql AS 'begin a := a + 1; end';
