-- a comment; ' " `
# another; ' " `
/* a third; ' " ` */
CREATE TABLE t ( -- one;
  a INT, # two;
  b INT /* three; */
); -- after;
INSERT INTO t VALUES (5--1, 6) # ;
; --
--	tab after dashes;
INSERT INTO t VALUES (1, 2) /* /* not nested; */;
#no blank;
INSERT INTO t VALUES (3, 4);
