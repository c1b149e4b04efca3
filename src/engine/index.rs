//! After a script with CONCURRENTLY: whether the server uses the indexes that it names. Changes nothing.

use crate::database::{Database, Statement, Value};
use crate::engine::script::Script;
use crate::engine::split::{self, Concurrent, Piece};
use crate::engine::sql::Sql;
use crate::engine::step::StepError;

impl Sql<'_> {
    /// An index that CONCURRENTLY could not finish is there, takes writes, and serves no query.
    pub(super) async fn check_indexes(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
    ) -> Result<(), StepError> {
        let Some(template) = self.dialect.invalid_index else { return Ok(()) };
        let mut indexes = Vec::new();
        for name in script.pieces.iter().filter_map(named_index) {
            let question = Statement::new(self.dialect, &[], template, vec![Value::from(name.as_str())]);
            match work.query(&question).await {
                Ok(reply) if reply.rows.is_empty() => {}
                Ok(_) => indexes.push(name),
                Err(error) => return self.bookkeeping(Err(error), script, "looking at its indexes"),
            }
        }
        match indexes.is_empty() {
            true => Ok(()),
            false => Err(StepError::InvalidIndex { path: script.migration.path.clone(), indexes }),
        }
    }
}

fn named_index(piece: &Piece<'_>) -> Option<String> {
    match split::concurrent_index(piece)? {
        Concurrent::Index(name) => Some(name),
        // the server named it, or there are many: an error of the statement itself is all we have
        Concurrent::OfTable(_) | Concurrent::Many => None,
    }
}
