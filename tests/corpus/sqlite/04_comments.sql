-- a comment; ' " ` [
/* another; ' " ` [ */
CREATE TABLE /* in; */ t ( -- one;
  a, /* not /* nested; */ b
); -- after
INSERT INTO t VALUES (1, 2) /* ; */; /* last; */
