CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE, title TEXT);
INSERT INTO users (email) VALUES ('a@example.com'), ('b@example.com');
INSERT INTO posts (user_id, title) SELECT id, 'Hello; ' || email FROM users;
