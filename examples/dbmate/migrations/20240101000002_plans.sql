-- migrate:up
CREATE TABLE plans (id integer PRIMARY KEY, name varchar(40) NOT NULL);
ALTER TABLE customers ADD COLUMN plan_id integer;

-- migrate:down
ALTER TABLE customers DROP COLUMN plan_id;
DROP TABLE plans;
