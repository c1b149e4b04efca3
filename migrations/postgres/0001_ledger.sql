-- The ledger. Statements stand between lines that say "next"; the tables' names are put in with their schema.
CREATE TABLE IF NOT EXISTS {lock} (
    name text PRIMARY KEY,
    fence bigint NOT NULL DEFAULT 0,
    run_id text
)
-- next
CREATE TABLE IF NOT EXISTS {runs} (
    id text PRIMARY KEY,
    environment text NOT NULL,
    lock_name text NOT NULL,
    lock_mode text NOT NULL,
    release text NOT NULL,
    digest text,
    deploy text,
    leader text,
    platform text,
    host text,
    url text,
    engine text NOT NULL,
    session text,
    status text NOT NULL,
    fence bigint NOT NULL,
    beats bigint NOT NULL DEFAULT 0,
    total bigint,
    done bigint NOT NULL DEFAULT 0,
    current text,
    error text,
    failed_step text,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    finished_at timestamptz,
    ended_by text,
    UNIQUE (lock_name, fence)
)
-- next
CREATE INDEX IF NOT EXISTS bellwether_runs_release ON {runs} (lock_name, environment, release, fence)
-- next
CREATE TABLE IF NOT EXISTS {steps} (
    run_id text NOT NULL,
    position bigint NOT NULL,
    version text NOT NULL,
    description text,
    status text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    error text,
    PRIMARY KEY (run_id, position)
)
-- next
CREATE TABLE IF NOT EXISTS {meta} (
    version integer PRIMARY KEY,
    min_reader integer NOT NULL
)
