create table a(x);;create table b(y);;;insert into a values(';');insert into b select x from a; create view c as select * from a, b
