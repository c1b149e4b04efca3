CREATE VIEW order_totals AS
SELECT orders.id AS order_id, orders.customer_id, sum(quantity * price_cents) AS total_cents
FROM orders
JOIN order_lines ON order_lines.order_id = orders.id
GROUP BY orders.id;
