CREATE TABLE users (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL UNIQUE) ENGINE=InnoDB;
CREATE TABLE posts (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id BIGINT NOT NULL, title TEXT,
  CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE);
INSERT INTO users (email) VALUES ('a@example.com'), ('b@example.com');
INSERT INTO posts (user_id, title) SELECT id, CONCAT('Hello; ', email) FROM users ORDER BY id;
