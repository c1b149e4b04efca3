//! A format's history table: read by everyone, written by the leader in the very transaction of the migration.

use crate::database::{Database, DbError, DbErrorKind, Dialect, Row, Statement, Value};
use crate::formats::{Arg, Cell, Column, Format, Kind, Order, Record, Write};
use crate::ledger::claim::until_nobody_collides;
use crate::model::ids::{Version, hex};
use crate::model::migration::Migration;
use crate::model::resolve::Resolution;

/// What a failover to a standby that was behind leaves.
pub const LOST: &str = "the history does not have any more what this run had applied, as after a failover";

/// One history in one database.
#[derive(Clone, Debug)]
pub struct HistoryTable {
    dialect: &'static Dialect,
    format: &'static dyn Format,
    table: String,
    /// Where it may be instead.
    elsewhere: Option<String>,
}

/// What a history says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// These are applied, in the table's order.
    Rows(Vec<Record>),
    /// There is no such table.
    Nowhere,
    /// There is one that we cannot read, for this reason: another tool's, or of a version that we do not know.
    Foreign(String),
}

impl HistoryTable {
    /// The format's table in `schema`: where the session's unqualified names go, since that is where its own tool
    /// puts it.
    pub fn new(dialect: &'static Dialect, format: &'static dyn Format, schema: Option<&str>) -> Self {
        let name = stored(dialect, format.history().table);
        Self { table: dialect.qualify(schema, &name), ..Self::by_path(dialect, format) }
    }

    /// Wherever the session's search path finds it.
    pub fn by_path(dialect: &'static Dialect, format: &'static dyn Format) -> Self {
        let history = format.history();
        let name = stored(dialect, history.table);
        let elsewhere = history.schema.filter(|_| dialect.default_schema.is_some());
        let elsewhere = elsewhere.map(|schema| dialect.qualify(Some(schema), &name));
        Self { dialect, format, table: dialect.quote(&name), elsewhere }
    }

    /// Its qualified name, for messages and a `GRANT`.
    pub fn name(&self) -> &str {
        &self.table
    }

    /// Its name without the schema, for people.
    pub fn short_name(&self) -> &'static str {
        self.format.history().table
    }

    /// Whether scripts are sent there in batches of several statements (SQL Server), of which one may end half done.
    pub fn has_batches(&self) -> bool {
        self.dialect.name == "sqlserver"
    }

    /// Whose it is.
    pub fn format(&self) -> &'static dyn Format {
        self.format
    }

    /// What somebody sends by hand to say that nothing of a migration is left.
    pub fn by_hand_undone(&self, version: &Version, before: Option<&Version>) -> String {
        let Some(writer) = self.format.writer() else { return String::new() };
        let writes = writer.undone(version, before);
        let by_hand = |value: &Value| by_hand(self.dialect, value);
        let text = |write| format!("{};", self.write(write, "0").render(|_, value| by_hand(value)));
        writes.into_iter().map(text).collect::<Vec<_>>().join(" ")
    }

    /// Everything recorded.
    pub async fn read(&self, session: &mut dyn Database) -> Result<Recorded, DbError> {
        match self.read_from(session, &self.table).await? {
            Recorded::Nowhere => match &self.elsewhere {
                Some(elsewhere) => self.read_from(session, elsewhere).await,
                None => Ok(Recorded::Nowhere),
            },
            recorded => Ok(recorded),
        }
    }

    /// Where else in this database there is a table of this name: for those whom [`Recorded::Nowhere`] leaves without an
    /// answer.
    pub async fn elsewhere(&self, session: &mut dyn Database) -> Result<Vec<String>, DbError> {
        let Some(question) = self.dialect.schemas_with else { return Ok(Vec::new()) };
        let name = Value::from(stored(self.dialect, self.short_name()));
        let reply = session.query(&self.statement(question, vec![name])).await?;
        reply.rows.iter().map(|row| row.text(0)).collect()
    }

    async fn read_from(&self, session: &mut dyn Database, table: &str) -> Result<Recorded, DbError> {
        let has_later = self.format.history().columns.iter().any(|column| column.later);
        let mut answer = session.query(&self.select(table, true)).await;
        if has_later && answer.as_ref().is_err_and(|error| error.kind == DbErrorKind::MissingColumn) {
            answer = session.query(&self.select(table, false)).await;
        }
        match answer {
            Ok(reply) => {
                let records: Result<_, String> = reply.rows.iter().map(|row| self.record(row)).collect();
                Ok(records.map_or_else(Recorded::Foreign, Recorded::Rows))
            }
            Err(error) if error.kind == DbErrorKind::MissingTable => Ok(Recorded::Nowhere),
            Err(error) if error.kind == DbErrorKind::MissingColumn || error.is_drivers_own() => {
                Ok(Recorded::Foreign(error.message))
            }
            Err(error) => Err(error),
        }
    }

    /// `later`: with the columns that older versions of the tool do not have.
    fn select(&self, table: &str, later: bool) -> Statement {
        let history = self.format.history();
        let (by, order) = history.order;
        let key = self.dialect.quote(&stored(self.dialect, by));
        let column = |column: &Column| {
            let name = self.column(column.name);
            match column.kind {
                _ if column.later && !later => "NULL".to_owned(),
                Kind::IsSet => format!("CASE WHEN {name} IS NULL THEN 0 ELSE 1 END"),
                // what is no column there means that of the same name outside, which is null: no error in the server's log
                Kind::Foreign => format!(
                    "CASE WHEN EXISTS (SELECT 1 FROM {{history}} i WHERE i.{key} = h.{key} AND {} IS NOT NULL) THEN 1 ELSE 0 END",
                    column.name
                ),
                Kind::Words | Kind::Truth | Kind::Bytes => name,
            }
        };
        let foreign = history.columns.iter().find(|column| column.kind == Kind::Foreign);
        let outside = foreign.map(|column| format!(" CROSS JOIN (SELECT NULL AS {}) o", column.name));
        let columns: Vec<_> = history.columns.iter().map(column).collect();
        let template = format!(
            "SELECT {} FROM {{history}} h{} ORDER BY {}{}",
            columns.join(", "),
            outside.unwrap_or_default(),
            self.column(by),
            if order == Order::Down { " DESC" } else { "" }
        );
        Statement::new(self.dialect, &[("history", table)], &template, vec![])
    }

    /// A column of the history, which its statement calls `h`. SQLite takes a quoted name that is no column's for a text
    /// unless the table stands before it; PostgreSQL takes one that has a table before it for a type's (`h.name`).
    fn column(&self, name: &str) -> String {
        let of = if self.dialect.name == "sqlite" { "h." } else { "" };
        format!("{of}{}", self.dialect.quote(&stored(self.dialect, name)))
    }

    /// The row, or what of it cannot be read.
    fn record(&self, row: &Row) -> Result<Record, String> {
        let cell = |(index, column): (usize, &Column)| {
            let found = match row.0.get(index) {
                None | Some(Value::Null) => return Ok(Cell::Null),
                Some(found) => found,
            };
            let (read, wanted) = match column.kind {
                Kind::Words => (row.text(index).map(Cell::Words), "text"),
                Kind::Truth | Kind::IsSet | Kind::Foreign => {
                    (row.truth(index).map(Cell::Truth), "truth value")
                }
                Kind::Bytes => {
                    (row.opt_bytes(index).map(|bytes| bytes.map_or(Cell::Null, Cell::Bytes)), "bytes")
                }
            };
            read.map_err(|_| format!("{} is {}, which is no {wanted}", column.name, shown(found)))
        };
        self.format.history().columns.iter().enumerate().map(cell).collect::<Result<_, _>>().map(Record)
    }

    /// Why we may not write it, if so; tried by statements that touch no row, in transactions that are taken back. None
    /// too where it is not there, or where we never write.
    pub async fn unwritable(&self, session: &mut dyn Database) -> Result<Option<DbError>, DbError> {
        let Some(writer) = self.format.writer() else { return Ok(None) };
        let column = writer.version_column();
        let insert = match self.dialect.name {
            // which takes no value for a column that counts by itself, not even of no row
            "sqlserver" => {
                format!("INSERT INTO {{history}} ({column}) SELECT {column} FROM {{history}} WHERE 1 = 0")
            }
            _ => "INSERT INTO {history} SELECT * FROM {history} WHERE 1 = 0".to_owned(),
        };
        for template in [
            insert,
            format!("UPDATE {{history}} SET {column} = {column} WHERE 1 = 0"),
            "DELETE FROM {history} WHERE 1 = 0".to_owned(),
        ] {
            session.script(self.dialect.begin).await?;
            let answer = session.query(&self.statement(&template, vec![])).await;
            session.script("ROLLBACK").await?;
            match answer {
                Err(error) if error.kind == DbErrorKind::MissingTable => return Ok(None),
                Err(error) if error.kind == DbErrorKind::Privilege => return Ok(Some(error)),
                answer => drop(answer?),
            }
        }
        Ok(None)
    }

    /// Whether the table is there. PostgreSQL wants the right to create even for `IF NOT EXISTS`, so it is asked first.
    pub async fn is_there(&self, session: &mut dyn Database) -> Result<bool, DbError> {
        let there = self.statement("SELECT COUNT(*) FROM {history} WHERE 1 = 0", vec![]);
        match session.query(&there).await {
            Err(error) if error.kind == DbErrorKind::MissingTable => Ok(false),
            answer => answer.map(|_| true),
        }
    }

    /// Makes the table, if it is ours to make, and gives the schemas that had one of this name before.
    pub async fn make(&self, session: &mut dyn Database) -> Result<Vec<String>, DbError> {
        let others = self.elsewhere(session).await?;
        if let Some(create) = self.creating() {
            until_nobody_collides(session, &create).await?;
        }
        Ok(others)
    }

    /// What makes the table.
    fn creating(&self) -> Option<String> {
        let create = self.format.writer()?.create(self.dialect.name).replace("{table}", &self.table);
        let text = self.table.replace('\'', "''");
        Some(create.replace("{table text}", &format!("N'{text}'")))
    }

    /// What says applied, in the script's own transaction. `nanoseconds` is an expression of ours.
    pub fn applied(&self, migration: &Migration, nanoseconds: &str) -> Vec<Statement> {
        let writes = self.format.writer().map(|writer| writer.applied(migration));
        self.writes(writes.unwrap_or_default(), nanoseconds)
    }

    /// What says begun, outside of a transaction.
    pub fn begun(&self, migration: &Migration) -> Vec<Statement> {
        let writes = self.format.writer().map(|writer| writer.begun(migration));
        self.writes(writes.unwrap_or_default(), "-1")
    }

    /// Makes a row that said begun say applied.
    pub fn finished(&self, migration: &Migration, nanoseconds: &str) -> Option<Statement> {
        Some(self.write(self.format.writer()?.finished(&migration.version), nanoseconds))
    }

    /// Takes back a row that said begun, of a script of which nothing was applied. `before` is the version in front.
    pub fn undone(&self, of: &Version, before: Option<&Version>) -> Vec<Statement> {
        let writes = self.format.writer().map(|writer| writer.undone(of, before));
        self.writes(writes.unwrap_or_default(), "0")
    }

    /// Fails with [`DbErrorKind::FenceLost`] if the history does not have this version, for a message of several
    /// statements: what was applied before a failover may be gone after it. In PostgreSQL's words, which alone takes such
    /// messages.
    pub fn kept_check(&self, of: &Version) -> Option<Statement> {
        let template = format!(
            "SELECT CASE COUNT(*) WHEN 0 THEN CAST('bellwether lock lost: {LOST}' || COUNT(*) AS INTEGER) ELSE 0 END \
             FROM {{history}} WHERE {} = ?",
            self.format.writer()?.version_column()
        );
        Some(self.statement(&template, vec![self.key(of)?]))
    }

    /// The same as a question.
    pub async fn expect_kept(&self, session: &mut dyn Database, of: &Version) -> Result<(), DbError> {
        let Some((writer, key)) = self.format.writer().zip(self.key(of)) else { return Ok(()) };
        let template = format!("SELECT COUNT(*) FROM {{history}} WHERE {} = ?", writer.version_column());
        let reply = session.query(&self.statement(&template, vec![key])).await?;
        match reply.rows.first().map(|row| row.int(0)).transpose()? {
            Some(0) | None => Err(DbError::new(DbErrorKind::FenceLost, LOST)),
            Some(_) => Ok(()),
        }
    }

    /// What makes the history say so. A row is written anew where there is a file: its checksum is the one to go by.
    pub fn resolve(
        &self,
        of: &Version,
        file: Option<&Migration>,
        before: Option<&Version>,
        now: Resolution,
    ) -> Vec<Statement> {
        let Some(writer) = self.format.writer() else { return Vec::new() };
        match (now, file) {
            (Resolution::RolledBack, _) => self.undone(of, before),
            (Resolution::Applied, Some(file)) => {
                let mut statements = self.undone(of, before);
                statements.extend(self.applied(file, "0"));
                statements
            }
            (Resolution::Applied, None) => vec![self.write(writer.finished(of), "0")],
        }
    }

    fn key(&self, version: &Version) -> Option<Value> {
        Some(value(self.format.writer()?.key(version)))
    }

    fn writes(&self, writes: Vec<Write>, nanoseconds: &str) -> Vec<Statement> {
        writes.into_iter().map(|write| self.write(write, nanoseconds)).collect()
    }

    fn write(&self, write: Write, nanoseconds: &str) -> Statement {
        let arguments = write.arguments.into_iter().map(value).collect();
        let names = [("history", self.table.as_str()), ("elapsed", nanoseconds)];
        Statement::new(self.dialect, &names, write.template, arguments)
    }

    fn statement(&self, template: &str, arguments: Vec<Value>) -> Statement {
        Statement::new(self.dialect, &[("history", &self.table)], template, arguments)
    }
}

/// A name as the server keeps it: PostgreSQL folds one that its tool does not quote.
fn stored(dialect: &Dialect, name: &str) -> String {
    let unquoted = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    if unquoted && dialect.name == "postgres" { name.to_lowercase() } else { name.to_owned() }
}

/// The beginning of a value, for people.
fn shown(value: &Value) -> String {
    const SHOWN: usize = 20;
    match value {
        Value::Null => "null".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Text(text) => match text.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("{:?}…", &text[..at]),
            None => format!("{text:?}"),
        },
        Value::Bytes(bytes) if bytes.len() > SHOWN => format!("x'{}…'", hex(&bytes[..SHOWN])),
        Value::Bytes(bytes) => format!("x'{}'", hex(bytes)),
    }
}

fn value(argument: Arg) -> Value {
    match argument {
        Arg::Int(number) => number.into(),
        Arg::Words(words) => words.into(),
        Arg::Truth(truth) => truth.into(),
        Arg::Bytes(bytes) => bytes.into(),
    }
}

/// As somebody types it.
fn by_hand(dialect: &Dialect, value: &Value) -> String {
    match value {
        // SQL Server has no truth values, and another form of bytes
        Value::Bool(truth) if dialect.name == "sqlserver" => u8::from(*truth).to_string(),
        Value::Bytes(bytes) if dialect.name == "sqlserver" => format!("0x{}", hex(bytes)),
        Value::Text(text) if dialect.name == "sqlserver" && !text.is_ascii() => {
            format!("N'{}'", text.replace('\'', "''"))
        }
        Value::Null => "NULL".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Bytes(bytes) => format!("x'{}'", hex(bytes)),
    }
}

#[cfg(test)]
mod tests;
