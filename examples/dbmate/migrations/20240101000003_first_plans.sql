-- migrate:up
INSERT INTO plans VALUES (1, 'free'), (2, 'team');

-- migrate:down
DELETE FROM plans;
