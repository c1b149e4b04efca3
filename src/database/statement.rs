//! Statements written once: a template of ours plus what an engine's dialect puts into it.

use crate::database::error::{DbError, DbErrorKind};
use crate::database::grant::Grant;
use crate::database::key::LockKey;

/// How a server's SQL differs, as text.
#[derive(Debug)]
pub struct Dialect {
    /// The engine's name.
    pub name: &'static str,
    /// The server's clock at this instant, as the ledger's columns store it.
    pub now: &'static str,
    /// Milliseconds since 1970 of such a column: text before and after the column's name.
    pub epoch_ms: (&'static str, &'static str),
    /// The reverse: text before and after a number of milliseconds since 1970.
    pub from_epoch_ms: (&'static str, &'static str),
    /// After `SELECT`, where the server limits rows there (`TOP (1)`), else empty.
    pub top_1: &'static str,
    /// At the end, where it limits them there (`LIMIT 1`), else empty.
    pub limit_1: &'static str,
    /// After a table's name, to read its rows locked in share mode (SQL Server), else empty.
    pub share_hint: &'static str,
    /// At the end, to the same end (`FOR SHARE`), else empty.
    pub share: &'static str,
    /// After a table's name, to lock its rows for a change, else empty.
    pub update_hint: &'static str,
    /// At the end, to the same end (`FOR UPDATE`), else empty.
    pub update: &'static str,
    /// Where our tables and the histories live if nobody says: `public`, `dbo`, none = the current database.
    pub default_schema: Option<&'static str>,
    /// The quotes round an identifier; a closing one inside is doubled.
    pub quotes: (char, char),
    /// The ledger's tables, installed by the first leader: statements, with `{lock}`, `{runs}`, `{steps}`, `{meta}`.
    pub schema: &'static str,
    /// Opens a short transaction of our own on the ledger (claim, steps): READ COMMITTED whatever the session's
    /// default, waits at most 1 s for a row's lock, commits durably (`synchronous_commit` at least `on`). SQLite:
    /// `BEGIN IMMEDIATE`. Ends with `COMMIT` or `ROLLBACK`; what it set is gone then, or put back by `Server::restore`.
    pub begin: &'static str,
    /// Where several statements go to the server in one exchange that the first error ends as a whole (PostgreSQL's
    /// simple protocol): then a migration's transaction is one message.
    pub batch: Option<Batch>,
    /// Where nobody ends the transaction of a client that is frozen (SQL Server): what makes one message of a
    /// transaction of ours. None = the server's watchdog ends it.
    pub whole: Option<Whole>,
    /// To the same end: a question with a table's name and a session as runs record it, answered by a row if that
    /// session keeps a transaction open in which it has touched the table; by one that is null if that is not ours to
    /// see. None = as above.
    pub keeps_open: Option<&'static str>,
    /// Where scripts go to the server one statement or batch at a time, in a transaction, and wait there for others'
    /// locks: what says for how long, by milliseconds; 0 = for ever. None = nothing can be set (SQLite), or `batch`
    /// sets it.
    pub lock_timeout: Option<fn(u64) -> String>,
    /// A question answered by a row while the transaction that `begin` opened is open: where a procedure or a trigger can
    /// end it, and what it raises can be caught in the script. None = the server says so by an error, or `batch`.
    pub transaction_open: Option<&'static str>,
    /// A question with a session as runs record it, answered by a row if it is still there; none = a session never
    /// outlives its lock (SQLite).
    pub session_lives: Option<&'static str>,
    /// A question with a schema's name, answered by a row if our user may make tables there; none = rights are a file's.
    pub may_create: Option<&'static str>,
    /// A question with a table's name, answered by the schemas of this database that have such a table; none = there is
    /// only one place for it.
    pub schemas_with: Option<&'static str>,
    /// Ends such a session, where the server lets us; none = it cannot be ended from outside.
    pub end_session: Option<&'static str>,
    /// A row, if four fifths of the server's connections are taken ([`super::room`]).
    pub crowded: Option<&'static str>,
    /// Of a standby: whether it is behind, and how far it has received; `?` = how far it had when asked last
    /// ([`super::standby`]). No row: it is none.
    pub standby: Option<&'static str>,
    /// Whether another session runs a statement that begins like this (`?`, for `LIKE`), or is the one recorded under
    /// this name (`?`) and does not let us read what it runs.
    pub marked: Option<&'static str>,
    /// Cancels the statements of others that begin like this (`?`, for `LIKE`): where a session's own number may be
    /// another's tomorrow, because a pooler is in between.
    pub cancel_marked: Option<&'static str>,
    /// The same, and ends the session; a row for each.
    pub end_marked: Option<&'static str>,
    /// Names, as runs record them, the other sessions that run a statement that begins like this (`?`, for `LIKE`):
    /// where no single statement can end them, and no pooler gives a session's number to another.
    pub run_marked: Option<&'static str>,
    /// How rights are given; none = this server has no users.
    pub grant: Option<Grant>,
    /// Wakes those who wait in `Database::notified`, where there is such a thing.
    pub notify: Option<&'static str>,
    /// A question with an index's name as its argument, answered by a row if the index is there but not valid.
    pub invalid_index: Option<&'static str>,
}

/// One message that is all of a transaction. Of the first statements each has to change one row, or nothing is done; then
/// come the others. Answered by a row that says whether it was done: 1 or 0.
pub type Whole = fn(&[Statement], &[Statement]) -> Statement;

/// What a message of several statements needs.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// A value as text in SQL, safe whatever the session's settings.
    pub literal: fn(&Value) -> String,
    /// Nanoseconds since the transaction began.
    pub elapsed_ns: &'static str,
    /// Fails with [`DbErrorKind::FenceLost`] unless this very session holds the session lock.
    pub still_held: fn(&LockKey) -> Statement,
}

/// An argument of a statement, or a value in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// SQL's null.
    Null,
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A truth value; engines without one read and write 0 and 1.
    Bool(bool),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Null, Into::into)
    }
}

/// One row, by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn at(&self, index: usize) -> Result<&Value, DbError> {
        self.0.get(index).ok_or_else(|| unreadable(index, "is missing"))
    }

    /// A number that must be there.
    pub fn int(&self, index: usize) -> Result<i64, DbError> {
        self.opt_int(index)?.ok_or_else(|| unreadable(index, "is null"))
    }

    /// A number, or null.
    pub fn opt_int(&self, index: usize) -> Result<Option<i64>, DbError> {
        match self.at(index)? {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            Value::Bool(truth) => Ok(Some(i64::from(*truth))),
            Value::Text(text) => text.trim().parse().map(Some).map_err(|_| unreadable(index, "is no number")),
            Value::Bytes(_) => Err(unreadable(index, "is no number")),
        }
    }

    /// A truth value that must be there.
    pub fn truth(&self, index: usize) -> Result<bool, DbError> {
        match self.at(index)? {
            Value::Text(text) if text == "t" || text == "true" => Ok(true),
            Value::Text(text) if text == "f" || text == "false" => Ok(false),
            _ => Ok(self.int(index)? != 0),
        }
    }

    /// Text that must be there.
    pub fn text(&self, index: usize) -> Result<String, DbError> {
        self.opt_text(index)?.ok_or_else(|| unreadable(index, "is null"))
    }

    /// Text, or null.
    pub fn opt_text(&self, index: usize) -> Result<Option<String>, DbError> {
        match self.at(index)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text.clone())),
            Value::Int(number) => Ok(Some(number.to_string())),
            Value::Bool(truth) => Ok(Some(truth.to_string())),
            Value::Bytes(bytes) => {
                String::from_utf8(bytes.clone()).map(Some).map_err(|_| unreadable(index, "is no text"))
            }
        }
    }

    /// Bytes, or null.
    pub fn opt_bytes(&self, index: usize) -> Result<Option<Vec<u8>>, DbError> {
        match self.at(index)? {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes.clone())),
            Value::Text(text) => Ok(Some(text.clone().into_bytes())),
            Value::Int(_) | Value::Bool(_) => Err(unreadable(index, "is no bytes")),
        }
    }
}

fn unreadable(index: usize, what: &str) -> DbError {
    DbError::new(DbErrorKind::Statement, format!("column {} of the answer {what}", index + 1))
}

/// A statement of ours: text, with arguments between its pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// One piece more than there are arguments.
    pieces: Vec<String>,
    arguments: Vec<Value>,
}

impl Statement {
    /// A text of ours, as it is.
    pub fn text(text: &str) -> Self {
        Self { pieces: vec![text.to_owned()], arguments: Vec::new() }
    }

    /// This one, and another behind it in its message.
    pub fn then(mut self, next: &Self) -> Self {
        let mut pieces = next.pieces.iter();
        if let (Some(last), Some(first)) = (self.pieces.last_mut(), pieces.next()) {
            last.push_str(first);
        }
        self.pieces.extend(pieces.cloned());
        self.arguments.extend(next.arguments.iter().cloned());
        self
    }

    /// From a template: `?` is the next argument, `{name}` what the dialect (or `names`) puts there, `{epoch:column}`
    /// milliseconds since 1970. Templates are ours alone: no text of a user's may ever be one.
    ///
    /// # Panics
    /// When the template names something unknown, or has another number of `?` than there are arguments: a bug that
    /// the first test of the statement finds.
    pub fn new(dialect: &Dialect, names: &[(&str, &str)], template: &str, arguments: Vec<Value>) -> Self {
        let text = expand(dialect, names, template);
        let pieces: Vec<String> = text.split('?').map(str::to_owned).collect();
        assert_eq!(pieces.len(), arguments.len() + 1, "arguments of {template}");
        Self { pieces, arguments }
    }

    /// The arguments, in order.
    pub fn arguments(&self) -> &[Value] {
        &self.arguments
    }

    /// The same with `text`, a statement or several, before it in its message.
    pub fn after(mut self, text: &str) -> Self {
        if let Some(piece) = self.pieces.first_mut() {
            piece.insert_str(0, &format!("{text}; "));
        }
        self
    }

    /// The text, with what `placeholder` says for the argument with this number (from 1): `$1`, `@P1`, a literal.
    pub fn render(&self, mut placeholder: impl FnMut(usize, &Value) -> String) -> String {
        let mut text = String::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            text.push_str(piece);
            if let Some(argument) = self.arguments.get(index) {
                text.push_str(&placeholder(index + 1, argument));
            }
        }
        text
    }
}

/// Puts a dialect's texts into a template.
pub fn expand(dialect: &Dialect, names: &[(&str, &str)], template: &str) -> String {
    let mut text = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let close = rest[open..].find('}').map_or(rest.len(), |at| open + at);
        let token = &rest[open + 1..close];
        if let Some(column) = token.strip_prefix("epoch:") {
            text.push_str(dialect.epoch_ms.0);
            text.push_str(column);
            text.push_str(dialect.epoch_ms.1);
        } else if let Some((_, name)) = names.iter().find(|(key, _)| *key == token) {
            text.push_str(name);
        } else {
            text.push_str(match token {
                "now" => dialect.now,
                "top 1" => dialect.top_1,
                "limit 1" => dialect.limit_1,
                "share hint" => dialect.share_hint,
                "share" => dialect.share,
                "update hint" => dialect.update_hint,
                "update" => dialect.update,
                unknown => panic!("no {{{unknown}}} in {template}"),
            });
        }
        rest = rest.get(close + 1..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

impl Dialect {
    /// An identifier in this server's quotes.
    pub fn quote(&self, identifier: &str) -> String {
        let (open, close) = self.quotes;
        let doubled = identifier.replace(close, &format!("{close}{close}"));
        format!("{open}{doubled}{close}")
    }

    /// What limits a `SELECT` to so many rows: after that word, and at the statement's end.
    pub fn first(&self, rows: usize) -> (String, String) {
        let rows = rows.to_string();
        (self.top_1.replace('1', &rows), self.limit_1.replace('1', &rows))
    }

    /// A table's name with its schema: the given one, else the default, else none.
    pub fn qualify(&self, schema: Option<&str>, table: &str) -> String {
        match schema.or(self.default_schema) {
            Some(schema) => format!("{}.{}", self.quote(schema), self.quote(table)),
            None => self.quote(table),
        }
    }
}
