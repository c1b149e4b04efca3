//! What happened, by a table that nothing of ours reads or writes: each migration leaves who did it and when. It has no
//! constraint, so a migration that ran twice has left two rows.

use super::database::TestDatabase;
use super::migrations::Migrations;
use super::server::Server;

/// The table's statement; the test makes it beforehand.
fn table(server: Server) -> &'static str {
    match server {
        Server::Postgres => {
            "create table witness (at timestamptz default clock_timestamp(), step int, who text)"
        }
        Server::MariaDb => {
            "create table witness (at datetime(6) default now(6), step int, who text) engine InnoDB"
        }
        Server::Sqlite => {
            "create table witness (at text default (strftime('%Y-%m-%d %H:%M:%f')), step int, who text)"
        }
        Server::SqlServer => {
            "create table witness (at datetime2 default sysutcdatetime(), step int, who nvarchar(40))"
        }
    }
}

/// In a migration: leaves a row with the session that runs it, which each participant has of its own. SQLite's sessions
/// have no names; there the order alone must do.
pub fn testify(server: Server, step: usize) -> String {
    let who = match server {
        Server::Postgres => "pg_backend_pid()",
        Server::MariaDb => "connection_id()",
        Server::Sqlite => "'sqlite'",
        Server::SqlServer => "cast(@@spid as nvarchar(40))",
    };
    format!("insert into witness (step, who) values ({step}, {who});\n")
}

impl Migrations {
    /// `count` migrations that leave one row each in the witness' table, which is made; `0001_step`, …
    pub fn witnessed(db: &TestDatabase, count: usize) -> Self {
        db.sql(table(db.server()));
        (1..=count).fold(Self::new(), |migrations, step| {
            migrations.file(&format!("{step:04}_step.sql"), testify(db.server(), step))
        })
    }

    /// The same, and `hold` comes after the row of this step.
    pub fn witnessed_with(db: &TestDatabase, count: usize, at: usize, hold: &str) -> Self {
        let migrations = Self::witnessed(db, count);
        migrations.write(&format!("{at:04}_step.sql"), format!("{}{hold}", testify(db.server(), at)));
        migrations
    }
}

impl TestDatabase {
    /// Each row of the witness, oldest first: step and who.
    pub fn testimony(&self) -> Vec<(usize, String)> {
        let rows = self.rows("select step, who from witness order by at, step");
        rows.into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect()
    }

    /// Every step was done once, in order, and nobody did anything after somebody else had begun.
    #[track_caller]
    pub fn assert_witnessed(&self, count: usize) {
        let testimony = self.testimony();
        assert_eq!(testimony.len(), count, "{testimony:?}\n{:?}", self.runs());
        self.assert_witnessed_in_part();
    }

    /// No step was done twice, they were done in order from the first, and nobody after somebody else had begun: what
    /// must hold at any time.
    #[track_caller]
    pub fn assert_witnessed_in_part(&self) {
        let testimony = self.testimony();
        // through a pooler, the server's sessions are nobody's in particular
        let turn = if self.is_pooled() { None } else { out_of_turn(&testimony) };
        let broken = out_of_order(&testimony, None).or(turn);
        assert_eq!(broken, None, "{:?}", self.runs());
    }
}

/// Each step was done once, in order from the first; `skipped` is one that leaves no row.
pub fn out_of_order(testimony: &[(usize, String)], skipped: Option<usize>) -> Option<String> {
    let expected = (1..).filter(|step| Some(*step) != skipped);
    let fine = testimony.iter().zip(expected).all(|((step, _), expected)| *step == expected);
    (!fine).then(|| format!("a step was done twice, or not in its order: {testimony:?}"))
}

/// Nobody did anything after somebody else had begun.
pub fn out_of_turn(testimony: &[(usize, String)]) -> Option<String> {
    let mut turns: Vec<&str> = testimony.iter().map(|(_, who)| who.as_str()).collect();
    turns.dedup();
    let mut once = turns.clone();
    once.sort_unstable();
    once.dedup();
    (turns.len() != once.len())
        .then(|| format!("somebody came back after having been replaced: {testimony:?}"))
}
