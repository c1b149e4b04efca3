CREATE TYPE mood AS ENUM ('sad', 'ok;');
ALTER TYPE mood ADD VALUE 'happy' AFTER 'ok;';
CREATE TABLE t (m mood DEFAULT 'happy');
INSERT INTO t VALUES ('happy'), (DEFAULT), ('ok;');
