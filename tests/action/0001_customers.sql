-- PostgreSQL, MySQL, MariaDB and SQLite alike
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL);
