delimiter |
create procedure p() begin select 1; select 'a|b'; end|
create procedure q() select 2|
  delimiter ;
create table t (a int);
