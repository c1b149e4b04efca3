-- what the shop's start page asks for
CREATE INDEX orders_open ON orders (customer_id) WHERE status = 'open';
