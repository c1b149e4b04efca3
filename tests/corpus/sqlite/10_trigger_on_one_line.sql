create table t(a);create temp trigger x after insert on t begin select 1;end;create trigger y before delete on t begin select 2; end;insert into t values(1);
