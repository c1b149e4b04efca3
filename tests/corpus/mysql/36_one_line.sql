create table a(x int);create table b(y int);insert into a values(1);insert into b select x from a;create view c as select * from a,b;
