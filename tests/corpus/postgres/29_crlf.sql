CREATE TABLE t (a int, s text); -- comment;
INSERT INTO t VALUES (1, 'x
y');
/* a
b; */ INSERT INTO t VALUES (2, $$ a
; b $$);
