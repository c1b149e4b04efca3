//! Scripts outside of a transaction that ended in their middle: what of them stays, and how somebody puts that right.

use super::{count, told};
use crate::engine::split::{Concurrent, Piece, concurrent_index};
use crate::model::event::Explained;
use crate::model::migration::Migration;

pub const HALF: &str = "the history says of the script that it is half applied";

/// A script that ended after so many of its statements, or of its batches where a server gets several at once.
pub struct Half<'a> {
    pub migration: &'a Migration,
    pub done: usize,
    /// Sent in batches: of one that failed, what came before its error stays.
    pub batches: bool,
}

impl Half<'_> {
    fn noun(&self) -> &'static str {
        if self.batches { "batch" } else { "statement" }
    }

    /// `failed`: it ended by an error, and not between two.
    pub fn stays(&self, dirty: bool, failed: bool) -> String {
        let stay = if self.done == 1 { "stays" } else { "stay" };
        let done = format!("{} of this script {stay} applied", count(self.done, self.noun()));
        match (dirty, self.done) {
            (false, _) => "nothing of this script is applied".to_owned(),
            (true, 0) if self.batches => {
                "this script may be half applied: what its batch had done before the error stays".to_owned()
            }
            (true, 0) => {
                "this script may be half applied: the server does not take such a statement back".to_owned()
            }
            (true, _) if self.batches && failed => {
                format!("{done}, and what the failed one had done before its error: it is half applied")
            }
            (true, _) => format!("{done}: it is half applied"),
        }
    }

    /// Until somebody has looked, no run goes on; `failed` is the statement, if one did.
    pub fn hints(&self, failed: &str) -> Vec<String> {
        let version = &self.migration.version;
        let mut hints = vec!["no run goes on before somebody has looked at it".to_owned()];
        let piece = Piece { text: failed, offset: 0, line: 1, column: 1 };
        if let Some(Concurrent::Index(name)) = concurrent_index(&piece) {
            hints.push(format!(
                "the index may be there, but invalid: DROP INDEX CONCURRENTLY IF EXISTS {name};"
            ));
        }
        let rest = match self.done {
            done if done > 0 && !self.batches => format!("it from statement {} on", done + 1),
            _ => "what is missing of it".to_owned(),
        };
        hints.push(format!("either run {rest} by hand, and say so: bellwether resolve {version} --applied"));
        hints.push(format!(
            "or undo by hand what it did, say so, and deploy the corrected file: bellwether resolve {version} --rolled-back"
        ));
        hints
    }

    /// We were told to stop between two.
    pub fn stopped(&self) -> Explained {
        told(
            format!("{} was stopped after {}", self.migration.name, count(self.done, self.noun())),
            vec![self.stays(self.done > 0, false)],
            match self.done {
                0 => vec!["deploy again".to_owned()],
                _ => self.hints(""),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration() -> Migration {
        let sql = "-- no-transaction\nSELECT 1\nGO\nSELECT 2\n";
        Migration {
            version: "7".into(),
            name: "0007_x.sql".to_owned(),
            description: "x".to_owned(),
            path: "0007_x.sql".into(),
            checksum: Vec::new(),
            transactional: false,
            follows: Vec::new(),
            sql: sql.into(),
        }
    }

    #[test]
    fn of_a_batch_that_failed_a_part_may_stay_and_nobody_is_told_to_run_it_whole_again() {
        let migration = migration();
        let half = Half { migration: &migration, done: 2, batches: true };
        let stays = half.stays(true, true);
        assert!(
            stays.starts_with("2 batches of this script stay applied, and what the failed one"),
            "{stays}"
        );
        assert!(half.hints("").iter().all(|hint| !hint.contains("from")), "{:?}", half.hints(""));
        assert_eq!(half.stays(true, false), "2 batches of this script stay applied: it is half applied");
        assert_eq!(half.stays(false, true), "nothing of this script is applied");
    }

    #[test]
    fn statements_are_counted_where_each_is_sent_alone() {
        let migration = migration();
        let half = Half { migration: &migration, done: 1, batches: false };
        assert_eq!(half.stays(true, true), "1 statement of this script stays applied: it is half applied");
        assert!(half.hints("")[1].contains("it from statement 2 on by hand"), "{:?}", half.hints(""));
    }
}
