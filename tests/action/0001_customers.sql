-- PostgreSQL, MySQL, MariaDB, SQLite and SQL Server alike
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL);
