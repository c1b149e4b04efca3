-- The ledger. Statements stand between lines that say "next". Times are UTC. A binary collation, so that names compare
-- exactly; the widths keep each key within the 1,700 bytes of an index.
IF OBJECT_ID(N'{lock}') IS NULL CREATE TABLE {lock} (
    name nvarchar(190) COLLATE Latin1_General_100_BIN2 NOT NULL PRIMARY KEY,
    fence bigint NOT NULL DEFAULT 0,
    run_id nvarchar(64) COLLATE Latin1_General_100_BIN2 NULL
)
-- next
IF OBJECT_ID(N'{runs}') IS NULL CREATE TABLE {runs} (
    id nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL PRIMARY KEY,
    environment nvarchar(190) COLLATE Latin1_General_100_BIN2 NOT NULL,
    lock_name nvarchar(190) COLLATE Latin1_General_100_BIN2 NOT NULL,
    lock_mode nvarchar(32) COLLATE Latin1_General_100_BIN2 NOT NULL,
    release nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    digest nvarchar(255) COLLATE Latin1_General_100_BIN2 NULL,
    deploy nvarchar(255) COLLATE Latin1_General_100_BIN2 NULL,
    leader nvarchar(1000) COLLATE Latin1_General_100_BIN2 NULL,
    platform nvarchar(max) NULL,
    host nvarchar(max) NULL,
    url nvarchar(max) NULL,
    engine nvarchar(32) NOT NULL,
    session nvarchar(255) NULL,
    status nvarchar(32) COLLATE Latin1_General_100_BIN2 NOT NULL,
    fence bigint NOT NULL,
    beats bigint NOT NULL DEFAULT 0,
    total bigint NULL,
    done bigint NOT NULL DEFAULT 0,
    [current] nvarchar(max) NULL,
    error nvarchar(max) NULL,
    failed_step nvarchar(max) NULL,
    started_at datetime2(6) NOT NULL,
    beat_at datetime2(6) NOT NULL,
    finished_at datetime2(6) NULL,
    ended_by nvarchar(max) NULL,
    UNIQUE (lock_name, fence)
)
-- next
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'{runs}') AND name LIKE 'bellwether_runs_release%')
    CREATE INDEX bellwether_runs_release ON {runs} (lock_name, environment, release, fence)
-- next
IF OBJECT_ID(N'{steps}') IS NULL CREATE TABLE {steps} (
    run_id nvarchar(64) COLLATE Latin1_General_100_BIN2 NOT NULL,
    position bigint NOT NULL,
    version nvarchar(255) COLLATE Latin1_General_100_BIN2 NOT NULL,
    description nvarchar(max) NULL,
    status nvarchar(32) COLLATE Latin1_General_100_BIN2 NOT NULL,
    started_at datetime2(6) NOT NULL,
    finished_at datetime2(6) NULL,
    error nvarchar(max) NULL,
    PRIMARY KEY (run_id, position)
)
-- next
IF OBJECT_ID(N'{meta}') IS NULL CREATE TABLE {meta} (
    version int NOT NULL PRIMARY KEY,
    min_reader int NOT NULL
)
