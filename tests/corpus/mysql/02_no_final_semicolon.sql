create table t (a int primary key);
insert into t values (1)