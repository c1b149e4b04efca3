//! Questions about single statements that decide how a script may be run. Looks at words only, never at what is
//! inside strings or comments.

use crate::database::EngineName;

use super::lexer::{Kind, Lexer};
use super::{Piece, tsql};

/// What a statement does to indexes while writes go on, and therefore may leave behind invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concurrent {
    /// This index: a name as `to_regclass` takes it, with the schema if the statement says it.
    Index(String),
    /// Some index of this table, likewise: the statement names none, or rebuilds them all.
    OfTable(String),
    /// Some index of a schema or of the database.
    Many,
}

/// The first statement that would end the transaction that we run a script in, or open one of its own.
pub fn transaction_control<'p, 'a>(pieces: &'p [Piece<'a>], engine: EngineName) -> Option<&'p Piece<'a>> {
    pieces.iter().find(|piece| controls(piece.text, engine))
}

/// The first `COPY … FROM STDIN`, whose data only a client can send.
pub fn copies_from_stdin<'p, 'a>(pieces: &'p [Piece<'a>]) -> Option<&'p Piece<'a>> {
    pieces.iter().find(|piece| reads_stdin(piece.text))
}

/// What PostgreSQL's `CREATE INDEX CONCURRENTLY` or `REINDEX … CONCURRENTLY` works on; none for other statements.
pub fn concurrent_index(piece: &Piece<'_>) -> Option<Concurrent> {
    let mut words = Words::new(piece.text, EngineName::Postgres);
    match words.next()?.keyword().as_str() {
        "CREATE" => created(&mut words),
        "REINDEX" => reindexed(&mut words),
        _ => None,
    }
}

/// Whether a statement that fails outside a transaction may leave part of its work behind for good: an invalid index,
/// what a procedure had committed, the first tables of a `DROP` that stumbles over a later one (MariaDB).
pub fn may_stay_in_part(piece: &Piece<'_>, engine: EngineName) -> bool {
    if engine == EngineName::SqlServer {
        return tsql::may_stay_in_part(piece.text);
    }
    let mut words = Words::new(piece.text, engine);
    let first = words.next().map(|word| word.keyword()).unwrap_or_default();
    match (engine, first.as_str()) {
        (_, "CALL") | (EngineName::MySql, "BEGIN") => true,
        (EngineName::Postgres, "DO") => piece.text.to_ascii_uppercase().contains("COMMIT"),
        (EngineName::Postgres, "CREATE" | "REINDEX") => concurrent_index(piece).is_some(),
        (EngineName::MySql, "DROP") => words.any(|word| word.kind == Kind::Symbol(b',')),
        _ => false,
    }
}

/// Whether the server refuses this statement inside a transaction, whatever is in it. For PostgreSQL: those that its
/// manual calls so.
pub fn refuses_transactions(piece: &Piece<'_>, engine: EngineName) -> bool {
    let mut words = Words::new(piece.text, engine).map(|word| word.keyword());
    let mut next = || words.next().unwrap_or_default();
    let first = next();
    if engine == EngineName::Sqlite {
        return first == "VACUUM";
    }
    match (engine, first.as_str(), next().as_str()) {
        (EngineName::Postgres, "VACUUM", _) | (EngineName::Postgres, "ALTER", "SYSTEM") => true,
        (EngineName::Postgres, "CREATE" | "DROP", "DATABASE" | "TABLESPACE" | "SUBSCRIPTION") => true,
        (EngineName::Postgres, "REINDEX", "DATABASE" | "SCHEMA" | "SYSTEM") => true,
        (EngineName::Postgres, "DROP", "INDEX") => next() == "CONCURRENTLY",
        (EngineName::Postgres, "ALTER", "TABLE") => {
            words.any(|word| word == "DETACH") && words.any(|word| word == "CONCURRENTLY")
        }
        (EngineName::Postgres, ..) => concurrent_index(piece).is_some(),
        (EngineName::SqlServer, "CREATE" | "ALTER" | "DROP", "DATABASE" | "FULLTEXT") => true,
        (EngineName::SqlServer, "BACKUP" | "RESTORE" | "RECONFIGURE", _) => true,
        _ => false,
    }
}

fn controls(text: &str, engine: EngineName) -> bool {
    if engine == EngineName::SqlServer {
        return tsql::controls(text);
    }
    let mut words = Words::new(text, engine);
    let mut next = || words.next().map(|token| token.keyword()).unwrap_or_default();
    let first = next();
    match first.as_str() {
        // MariaDB's BEGIN NOT ATOMIC is a block, not a transaction
        "BEGIN" => next() != "NOT",
        "COMMIT" | "END" => true,
        "ABORT" => engine == EngineName::Postgres,
        "START" | "PREPARE" => next() == "TRANSACTION",
        "XA" => engine == EngineName::MySql,
        "ROLLBACK" => {
            let second = next();
            let to = if matches!(second.as_str(), "WORK" | "TRANSACTION") { next() } else { second };
            to != "TO"
        }
        "SET" if engine == EngineName::MySql => sets_autocommit(text),
        _ => false,
    }
}

/// `SET autocommit`, `SET @@autocommit`, `SET SESSION autocommit`; `SET @autocommit` is only a variable.
fn sets_autocommit(text: &str) -> bool {
    let mut signs = 0;
    for token in Words::new(text, EngineName::MySql) {
        if token.keyword() == "AUTOCOMMIT" && signs != 1 {
            return true;
        }
        signs = if token.kind == Kind::Symbol(b'@') { signs + 1 } else { 0 };
    }
    false
}

pub(super) fn reads_stdin(text: &str) -> bool {
    let mut words = Words::new(text, EngineName::Postgres);
    if words.next().is_none_or(|first| first.keyword() != "COPY") {
        return false;
    }
    let mut depth = 0_usize;
    let mut from = false;
    for token in words {
        match token.kind {
            Kind::Symbol(b'(') => depth += 1,
            Kind::Symbol(b')') => depth = depth.saturating_sub(1),
            _ if depth == 0 && from => return token.keyword() == "STDIN",
            _ => from = depth == 0 && token.keyword() == "FROM",
        }
    }
    false
}

/// `[UNIQUE] INDEX CONCURRENTLY [[IF NOT EXISTS] name] ON [ONLY] table`, after `CREATE`.
fn created(words: &mut Words<'_>) -> Option<Concurrent> {
    let mut word = words.next()?;
    if word.keyword() == "UNIQUE" {
        word = words.next()?;
    }
    if word.keyword() != "INDEX" || words.next()?.keyword() != "CONCURRENTLY" {
        return None;
    }
    let mut name = words.next()?;
    if name.keyword() == "IF" {
        name = words.nth(2)?;
    }
    if name.keyword() == "ON" {
        return Some(Concurrent::OfTable(table(words)?.0));
    }
    if words.next()?.keyword() != "ON" {
        return None;
    }
    // an index lives in its table's schema, and its name must not say so
    let (_, schema) = table(words)?;
    Some(Concurrent::Index(schema + name.text))
}

/// A table's name, and what stands before its last part.
fn table(words: &mut Words<'_>) -> Option<(String, String)> {
    let mut part = words.next()?;
    if part.keyword() == "ONLY" {
        part = words.next()?;
    }
    Some(qualified(part, words))
}

fn qualified<'a>(first: Word<'a>, words: &mut Words<'a>) -> (String, String) {
    let (mut name, mut schema) = (first.text.to_owned(), String::new());
    while words.clone().next().is_some_and(|token| token.kind == Kind::Symbol(b'.')) {
        let Some(part) = words.nth(1) else { break };
        schema = name + ".";
        name = schema.clone() + part.text;
    }
    (name, schema)
}

/// `[(options)] INDEX|TABLE|SCHEMA|DATABASE|SYSTEM [CONCURRENTLY] name`, after `REINDEX`.
fn reindexed(words: &mut Words<'_>) -> Option<Concurrent> {
    let mut word = words.next()?;
    let mut concurrently = false;
    if word.kind == Kind::Symbol(b'(') {
        let mut last = String::new();
        for token in words.by_ref().take_while(|token| token.kind != Kind::Symbol(b')')) {
            // `CONCURRENTLY`, `CONCURRENTLY true`, `CONCURRENTLY false`
            let off = last == "CONCURRENTLY" && matches!(token.keyword().as_str(), "FALSE" | "OFF" | "0");
            last = token.keyword();
            concurrently = (concurrently || last == "CONCURRENTLY") && !off;
        }
        word = words.next()?;
    }
    let kind = word.keyword();
    let mut name = words.next();
    if name.is_some_and(|word| word.keyword() == "CONCURRENTLY") {
        concurrently = true;
        name = words.next();
    }
    if !concurrently {
        return None;
    }
    match (kind.as_str(), name) {
        ("INDEX", Some(name)) => Some(Concurrent::Index(qualified(name, words).0)),
        ("TABLE", Some(name)) => Some(Concurrent::OfTable(qualified(name, words).0)),
        _ => Some(Concurrent::Many),
    }
}

/// A token that counts.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub kind: Kind,
    text: &'a str,
}

impl Word<'_> {
    /// In capitals; empty if it is in quotes or no word.
    pub fn keyword(&self) -> String {
        if self.kind == Kind::Word && self.text.len() < 32 {
            self.text.to_ascii_uppercase()
        } else {
            String::new()
        }
    }
}

/// The tokens of a statement, without blanks, comments and the marks of executable ones.
#[derive(Clone)]
pub(super) struct Words<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
}

impl<'a> Words<'a> {
    pub fn new(text: &'a str, engine: EngineName) -> Self {
        Self { text, lexer: Lexer::new(text, engine) }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            let token = self.lexer.next()?;
            if !matches!(token.kind, Kind::Space | Kind::Comment | Kind::Open | Kind::Close) {
                return Some(Word { kind: token.kind, text: &self.text[token.start..token.end] });
            }
        }
    }
}
