//! Statements with others inside: follows just enough of each grammar to know which `;` ends the outer one. One value
//! lives as long as one statement.

mod mysql;

use crate::database::EngineName;

use super::lexer::Kind;

/// What is known of the statement at work.
pub(super) enum Body {
    Postgres(Atomic),
    MySql(mysql::Compound),
    Sqlite(Trigger),
}

impl Body {
    pub fn new(engine: EngineName) -> Self {
        match engine {
            EngineName::MySql => Self::MySql(mysql::Compound::default()),
            EngineName::Sqlite => Self::Sqlite(Trigger::default()),
            EngineName::Postgres | EngineName::SqlServer => Self::Postgres(Atomic::default()),
        }
    }

    /// The next token, neither blank nor comment, nor a `;`.
    pub fn token(&mut self, kind: Kind, text: &str) {
        match self {
            Self::Postgres(body) => body.token(kind, text),
            Self::MySql(body) => body.token(kind, text),
            Self::Sqlite(body) => body.token(kind, text),
        }
    }

    /// The next token is a `;`: true if it ends the whole statement.
    pub fn semicolon(&mut self) -> bool {
        match self {
            Self::Postgres(body) => body.depth == 0,
            Self::MySql(body) => body.semicolon(),
            Self::Sqlite(body) => body.semicolon(),
        }
    }

    /// What is still open, if the script ended here.
    pub fn open(&self) -> Option<&'static str> {
        let open = match self {
            Self::Postgres(body) => body.depth > 0,
            Self::MySql(body) => body.open(),
            Self::Sqlite(body) => body.trigger && !body.after_end,
        };
        open.then_some("a body")
    }

    /// `sql_mode` has, or has not, `ORACLE`.
    pub fn oracle(&mut self, oracle: bool) {
        if let Self::MySql(body) = self {
            body.oracle = oracle;
        }
    }

    /// A compound statement in a grammar that nobody here knows.
    pub fn foreign_grammar(&self) -> bool {
        matches!(self, Self::MySql(body) if body.oracle && body.compound())
    }
}

pub(super) fn is(word: &str, any: &[&str]) -> bool {
    any.iter().any(|one| word.eq_ignore_ascii_case(one))
}

/// PostgreSQL: `CREATE [OR REPLACE] FUNCTION|PROCEDURE … BEGIN ATOMIC … END`, in which only CASE nests.
#[derive(Default)]
pub(super) struct Atomic {
    head: Head,
    begin: bool,
    /// The word before makes the next one a name: `t.end`, `AS end`.
    name_next: bool,
    depth: usize,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    #[default]
    Nothing,
    Create,
    Routine,
    Other,
}

impl Atomic {
    fn token(&mut self, kind: Kind, text: &str) {
        if self.head == Head::Other {
            return;
        }
        let word = if kind == Kind::Word { text } else { "" };
        match self.head {
            Head::Nothing if is(word, &["create"]) => self.head = Head::Create,
            Head::Create if is(word, &["or", "replace"]) => {}
            Head::Create if is(word, &["function", "procedure"]) => self.head = Head::Routine,
            Head::Routine => self.routine(word),
            _ => self.head = Head::Other,
        }
        self.name_next = kind == Kind::Symbol(b'.') || is(word, &["as"]);
    }

    fn routine(&mut self, word: &str) {
        if self.name_next {
        } else if self.depth == 0 {
            self.depth = usize::from(self.begin && is(word, &["atomic"]));
        } else if is(word, &["case"]) {
            self.depth += 1;
        } else if is(word, &["end"]) {
            self.depth -= 1;
        }
        self.begin = is(word, &["begin"]);
    }
}

/// SQLite: `CREATE [TEMP] TRIGGER … ; END ;`, the rule of its own `sqlite3_complete`.
#[derive(Default)]
pub(super) struct Trigger {
    head: Head,
    trigger: bool,
    after_semicolon: bool,
    after_end: bool,
}

impl Trigger {
    fn token(&mut self, kind: Kind, text: &str) {
        let word = if kind == Kind::Word { text } else { "" };
        if self.trigger {
            self.after_end = self.after_semicolon && is(word, &["end"]);
            self.after_semicolon = false;
            return;
        }
        match self.head {
            Head::Nothing if is(word, &["explain", "query", "plan"]) => {}
            Head::Nothing if is(word, &["create"]) => self.head = Head::Create,
            Head::Create if is(word, &["temp", "temporary"]) => {}
            Head::Create if is(word, &["trigger"]) => self.trigger = true,
            _ => self.head = Head::Other,
        }
    }

    fn semicolon(&mut self) -> bool {
        self.after_semicolon = true;
        !self.trigger || self.after_end
    }
}
