CREATE TABLE t (a);
Create Trigger x After Insert On t Begin Select 1; eNd;
INSERT INTO t VALUES (';');
