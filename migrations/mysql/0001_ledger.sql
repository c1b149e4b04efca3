-- The ledger. Statements stand between lines that say "next". Times are UTC. utf8mb4_bin, so that names compare exactly;
-- the widths keep each key within InnoDB's 3072 bytes.
CREATE TABLE IF NOT EXISTS {lock} (
    name varchar(190) NOT NULL PRIMARY KEY,
    fence bigint NOT NULL DEFAULT 0,
    run_id varchar(64)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
-- next
CREATE TABLE IF NOT EXISTS {runs} (
    id varchar(64) NOT NULL PRIMARY KEY,
    environment varchar(190) NOT NULL,
    lock_name varchar(190) NOT NULL,
    lock_mode varchar(32) NOT NULL,
    `release` varchar(255) NOT NULL,
    digest varchar(255),
    deploy varchar(255),
    leader text,
    platform text,
    host text,
    url text,
    engine varchar(32) NOT NULL,
    session varchar(255),
    status varchar(32) NOT NULL,
    fence bigint NOT NULL,
    beats bigint NOT NULL DEFAULT 0,
    total bigint,
    done bigint NOT NULL DEFAULT 0,
    current text,
    error longtext,
    failed_step text,
    started_at datetime(6) NOT NULL,
    beat_at datetime(6) NOT NULL,
    finished_at datetime(6),
    ended_by text,
    UNIQUE KEY bellwether_runs_fence (lock_name, fence),
    KEY bellwether_runs_release (lock_name, environment, `release`, fence)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
-- next
CREATE TABLE IF NOT EXISTS {steps} (
    run_id varchar(64) NOT NULL,
    position bigint NOT NULL,
    version varchar(255) NOT NULL,
    description text,
    status varchar(32) NOT NULL,
    started_at datetime(6) NOT NULL,
    finished_at datetime(6),
    error longtext,
    PRIMARY KEY (run_id, position)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
-- next
CREATE TABLE IF NOT EXISTS {meta} (
    version int NOT NULL PRIMARY KEY,
    min_reader int NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
