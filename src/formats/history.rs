//! What a history looks like: which columns are read, what a leader writes, what its tool does about odd ones. Values
//! and text alone; `ledger/history.rs` sends them.

use std::cmp::Ordering;

use crate::model::ids::Version;
use crate::model::migration::Migration;

/// A history: one small table.
#[derive(Debug)]
pub struct History {
    /// The table. A name without small letters is one that its tool does not quote: PostgreSQL has it in small ones.
    pub table: &'static str,
    /// A schema of the tool's own, where the table is if it is not where unqualified names go.
    pub schema: Option<&'static str>,
    /// What is read, in the order of a [`Record`]'s cells.
    pub columns: &'static [Column],
    /// The column by which rows are sorted, and whether the last comes first.
    pub order: (&'static str, Order),
    /// What the tool does about a file that changed, vanished, or came late.
    pub rules: Rules,
}

/// Which row comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest.
    Up,
    /// The highest.
    Down,
}

/// One column of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What is read of it.
    pub kind: Kind,
    /// Older versions of the tool do not have it; there it reads as null.
    pub later: bool,
}

/// What is read of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, or a number as text.
    Words,
    /// A truth value.
    Truth,
    /// Bytes.
    Bytes,
    /// Only whether there is a value, of whatever type.
    IsSet,
    /// Of a column that only another tool's table of this name has: true where there is one with a value.
    Foreign,
}

impl Column {
    /// Text, or a number as text.
    pub const fn words(name: &'static str) -> Self {
        Self { name, kind: Kind::Words, later: false }
    }

    /// A truth value.
    pub const fn truth(name: &'static str) -> Self {
        Self { name, kind: Kind::Truth, later: false }
    }

    /// Bytes.
    pub const fn bytes(name: &'static str) -> Self {
        Self { name, kind: Kind::Bytes, later: false }
    }

    /// Whether there is a value.
    pub const fn is_set(name: &'static str) -> Self {
        Self { name, kind: Kind::IsSet, later: false }
    }

    /// Whether there is such a column, which only another tool's table of this name has.
    pub const fn foreign(name: &'static str) -> Self {
        Self { name, kind: Kind::Foreign, later: false }
    }

    /// The same of a column that older versions of the tool do not have.
    pub const fn later(self) -> Self {
        Self { later: true, ..self }
    }
}

/// One row of a history, as [`History::columns`] lists its cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record(pub Vec<Cell>);

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// SQL's null, or a column that is not there.
    Null,
    /// Of [`Kind::Words`].
    Words(String),
    /// Of [`Kind::Truth`], [`Kind::IsSet`] and [`Kind::Foreign`].
    Truth(bool),
    /// Of [`Kind::Bytes`].
    Bytes(Vec<u8>),
}

impl Record {
    /// Text; none = null.
    pub fn words(&self, index: usize) -> Option<&str> {
        match self.0.get(index) {
            Some(Cell::Words(words)) => Some(words),
            _ => None,
        }
    }

    /// A truth value; none = null.
    pub fn truth(&self, index: usize) -> Option<bool> {
        match self.0.get(index) {
            Some(Cell::Truth(truth)) => Some(*truth),
            _ => None,
        }
    }

    /// Bytes; none = null.
    pub fn bytes(&self, index: usize) -> Option<&[u8]> {
        match self.0.get(index) {
            Some(Cell::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }
}

/// What a tool does about odd histories: true = it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A pending migration older than one that is applied.
    pub out_of_order: bool,
    /// An applied migration whose file now has another checksum.
    pub changed: bool,
    /// An applied migration, older than the bundle's newest, whose file is gone.
    pub missing: bool,
    /// Not a choice but a fact: how versions follow each other.
    pub sequence: Sequence,
}

/// How a tool's versions follow each other.
#[derive(Clone, Copy, Debug)]
pub enum Sequence {
    /// By the numbers that they are or begin with; `1` and `01` are one version.
    Numbers,
    /// In an order of the tool's own, which its bundles are in. Only the same text is one version.
    Own(fn(&str, &str) -> Ordering),
    /// Not by anything in them: whatever the bundle does not have is *ahead*.
    Unordered,
}

impl Sequence {
    /// Letter by letter.
    pub const LETTERS: Self = Self::Own(str::cmp);
}

impl Rules {
    /// The tool goes on whatever it finds.
    pub const LENIENT: Self =
        Self { out_of_order: true, changed: true, missing: true, sequence: Sequence::Numbers };
}

/// How a format that we may apply records its migrations, so that its own tool can go on from there at any time.
///
/// What is written in a transaction with its script is [`Writer::applied`] alone. Outside of one, [`Writer::begun`]
/// comes first: a row that says *half applied* to us, and nothing to the tool that it would not say of a script it has
/// not run; then [`Writer::finished`], or [`Writer::undone`] where nothing of the script is left.
pub trait Writer: Sync {
    /// The column with the version, for the question whether a migration is still recorded as applied.
    fn version_column(&self) -> &'static str;

    /// A version as that column has it.
    fn key(&self, version: &Version) -> Arg;

    /// What creates the table as the tool would; `{table}` is its qualified name, `{table text}` the same as a text of
    /// SQL Server's. `engine` is the dialect's name. May be several statements, the first row among them.
    fn create(&self, engine: &str) -> &'static str;

    /// Says that it is applied.
    fn applied(&self, migration: &Migration) -> Vec<Write>;

    /// Says that it has begun.
    fn begun(&self, migration: &Migration) -> Vec<Write>;

    /// Makes what says begun say applied: one statement, which changes one row.
    fn finished(&self, version: &Version) -> Write;

    /// Takes back what says begun. `before` is the migration in front of it in the bundle.
    fn undone(&self, version: &Version, before: Option<&Version>) -> Vec<Write>;

    /// What one does to a file so that it does not run in a transaction, after "in FILE,"; none = no file can.
    fn no_transaction(&self) -> Option<&'static str>;

    /// Whether only the newest version is recorded, and stands for all before it.
    fn only_newest(&self) -> bool {
        false
    }

    /// Where the tool ends one message to the server and begins the next, in bytes, for a server that minds: SQL
    /// Server takes a message for a batch. None = it sends the script as it is.
    fn messages(&self, _script: &str) -> Option<Vec<usize>> {
        None
    }

    /// Whether the tool puts no transaction around a script, and no file can say so: then a script that cannot run in
    /// one, or has its own, runs outside.
    fn sends_whole(&self) -> bool {
        false
    }
}

/// One statement: a template of ours, in which `{history}` is the table, `{elapsed}` the nanoseconds since the script
/// began (-1: it has only begun), and `?` the next argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The text.
    pub template: &'static str,
    /// Its arguments.
    pub arguments: Vec<Arg>,
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A number.
    Int(i64),
    /// Text.
    Words(String),
    /// A truth value.
    Truth(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Write {
    /// A statement with its arguments.
    pub fn new<const N: usize>(template: &'static str, arguments: [Arg; N]) -> Self {
        Self { template, arguments: arguments.into() }
    }
}

impl Arg {
    /// A version that the table has as a number.
    pub fn number(version: &Version) -> Self {
        version.as_str().parse().map_or_else(|_| Self::Words(version.0.clone()), Self::Int)
    }
}
