create table t (a);
insert into t values (1)