CREATE TABLE t (id INT PRIMARY KEY, s TEXT);
INSERT INTO t VALUES (1, 'it''s; fine'), (2, 'it\'s; too'), (3, "double; \" and "" quoted"), (4, '\\'), (5, "\\"), (6, '\\\';');
INSERT INTO t VALUES (7, '-- no'), (8, '# no'), (9, '/* no'), (10, "it's"), (11, 'say "x;"'), (12, _utf8mb4'x;'), (13, N'n;'), (14, 'a' ';' 'b');
