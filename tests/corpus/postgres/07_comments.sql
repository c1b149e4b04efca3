-- a comment; with a semicolon and a ' quote
/* another; with a " quote */
CREATE TABLE /* in; between */ t ( -- trailing; one
  a int, /* nested /* deeper; */ still ' */ b int
); -- after
/**/
INSERT INTO t VALUES (1, 2) /* ; */; /* last; */
--
