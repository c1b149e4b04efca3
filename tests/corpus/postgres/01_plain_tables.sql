CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, created_at timestamptz);
CREATE TABLE posts (id bigserial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE, title text);
INSERT INTO users (email) VALUES ('a@example.com'), ('b@example.com');
INSERT INTO posts (user_id, title) SELECT id, 'Hello; ' || email FROM users ORDER BY id;
