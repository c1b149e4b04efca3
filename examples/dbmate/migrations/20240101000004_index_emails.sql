-- migrate:up
CREATE INDEX customers_email ON customers (email);

-- migrate:down
DROP INDEX customers_email;
