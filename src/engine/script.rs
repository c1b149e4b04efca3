//! A migration's script in pieces, and what an error of the server says about them.

use crate::database::{DbError, EngineName, Position};
use crate::engine::split::{self, Piece, Split};
use crate::engine::step::{Place, StepError, Unsendable};
use crate::formats::{Format, Writer};
use crate::model::migration::Migration;

/// A migration's script in pieces.
pub struct Script<'a> {
    /// Where it comes from.
    pub migration: &'a Migration,
    /// In order.
    pub pieces: Vec<Piece<'a>>,
    /// One piece, because it could not be split safely.
    pub whole: bool,
}

/// Where a piece of the script stood in what was sent.
pub struct Sent<'a> {
    /// Our own text before it.
    pub before: &'a str,
    /// Our own statements before it.
    pub statements_before: usize,
    /// Where it begins in the file, bytes.
    pub offset: usize,
}

/// Why this migration would be refused before anything of it is sent; none if it would be sent. Asks no server.
pub fn fault(
    migration: &Migration,
    engine: EngineName,
    transactional_ddl: bool,
    format: &dyn Format,
) -> Option<StepError> {
    let in_transaction = in_transaction(migration, engine, transactional_ddl, format);
    let cut = Script::cut(migration, engine, format);
    cut.and_then(|(script, _)| script.refuse_unsendable(engine, in_transaction)).err()
}

/// Whether all of it goes into one transaction with its history row.
pub fn in_transaction(
    migration: &Migration,
    engine: EngineName,
    transactional_ddl: bool,
    format: &dyn Format,
) -> bool {
    if !(migration.transactional && transactional_ddl) {
        return false;
    }
    // cutting a script takes a while
    let sends_whole = format.writer().is_some_and(Writer::sends_whole);
    !sends_whole || Script::cut(migration, engine, format).is_ok_and(|(script, _)| !script.wants_none(engine))
}

impl<'a> Script<'a> {
    /// In pieces; where that is not safe, as one, with the reason.
    pub fn cut(
        migration: &'a Migration,
        engine: EngineName,
        format: &dyn Format,
    ) -> Result<(Self, Option<String>), StepError> {
        let messages = || format.writer()?.messages(&migration.sql);
        let split = match messages().filter(|_| engine == EngineName::SqlServer) {
            Some(ends) => split::batches_of(&migration.sql, &ends),
            None => split::split(&migration.sql, engine),
        };
        match split {
            Split::Statements(pieces) => Ok((Self { migration, pieces, whole: false }, None)),
            Split::Whole { reason } => {
                let piece = Piece { text: &migration.sql, offset: 0, line: 1, column: 1 };
                Ok((Self { migration, pieces: vec![piece], whole: true }, Some(reason)))
            }
            Split::Client { command, line, column } => Err(StepError::Unsendable {
                place: Place { path: migration.path.clone(), line: Some(line), column: Some(column) },
                statement: command.clone(),
                why: Unsendable::ClientCommand(command),
            }),
        }
    }
}

impl Script<'_> {
    /// It has transactions of its own, or its only statement cannot be in one.
    fn wants_none(&self, engine: EngineName) -> bool {
        let refused = match &*self.pieces {
            [only] => split::refuses_transactions(only, engine),
            _ => false,
        };
        refused || split::transaction_control(&self.pieces, engine).is_some()
    }

    /// Refuses what would hang, break our transaction, or is for a client.
    pub fn refuse_unsendable(&self, engine: EngineName, in_transaction: bool) -> Result<(), StepError> {
        let own = || split::transaction_control(&self.pieces, engine).filter(|_| in_transaction);
        let (piece, why) = match (split::copies_from_stdin(&self.pieces), own()) {
            (Some(piece), _) if engine == EngineName::Postgres => (piece, Unsendable::CopyFromStdin),
            (_, Some(piece)) => (piece, Unsendable::OwnTransaction),
            _ => return Ok(()),
        };
        let place =
            Place { path: self.migration.path.clone(), line: Some(piece.line), column: Some(piece.column) };
        Err(StepError::Unsendable { place, statement: piece.text.to_owned(), why })
    }

    /// Whether every statement of the script had succeeded: what failed is ours, or the commit.
    pub fn came_after(&self, error: &DbError, sent: &Sent<'_>) -> bool {
        error.completed >= sent.statements_before + self.pieces.len()
    }

    /// The server's error, with the statement and the place that it means.
    pub fn failed(
        &self,
        error: DbError,
        sent: &Sent<'_>,
        piece: Option<&Piece<'_>>,
        applied: usize,
        dirty: bool,
    ) -> StepError {
        let own = error.completed.checked_sub(sent.statements_before);
        let offset = self.offset_of(&error, sent);
        // a message of several statements: by the position, else by how many had succeeded before
        let piece = piece.or_else(|| match offset {
            Some(offset) => self.pieces.iter().rfind(|piece| piece.offset <= offset),
            None => own.and_then(|index| self.pieces.get(index)),
        });
        let place = match (offset.or(piece.map(|piece| piece.offset)), error.position) {
            // a server that counts lines counts them in what was sent, comments in front included
            (Some(offset), Some(Position::Line(line))) => {
                let first = split::locate(&self.migration.sql, offset).0;
                Place { path: self.migration.path.clone(), line: Some(first + line - 1), column: None }
            }
            (Some(_), None) if let Some(piece) = piece => Place {
                path: self.migration.path.clone(),
                line: Some(piece.line),
                column: Some(piece.column),
            },
            (Some(offset), _) => self.place(offset),
            (None, _) => Place { path: self.migration.path.clone(), line: None, column: None },
        };
        let statement = piece.map_or_else(String::new, |piece| piece.text.to_owned());
        StepError::Statement { place, statement, error, applied, dirty }
    }

    /// Where in the file the server points, bytes; none where it points nowhere, or at text of ours.
    fn offset_of(&self, error: &DbError, sent: &Sent<'_>) -> Option<usize> {
        let rest = self.migration.sql.get(sent.offset..)?;
        let within = match error.position? {
            Position::Character(at) => Position::Character(at.checked_sub(sent.before.chars().count())?),
            Position::Byte(at) => Position::Byte(at.checked_sub(sent.before.len())?),
            Position::Line(_) => return None,
        };
        Some(sent.offset + split::byte_offset(rest, within))
    }

    fn place(&self, offset: usize) -> Place {
        let (line, column) = split::locate(&self.migration.sql, offset);
        Place { path: self.migration.path.clone(), line: Some(line), column: Some(column) }
    }
}
