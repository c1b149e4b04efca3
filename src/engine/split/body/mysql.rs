//! MySQL's and MariaDB's compound statements, in routines, triggers and events, or (MariaDB) by themselves. Keywords
//! count only where a statement begins, since `begin` and `end` are ordinary names anywhere else.

use super::super::lexer::Kind;
use super::is;

/// Words that open a block where a statement begins; each is closed by an END.
const OPENERS: [&str; 7] = ["begin", "if", "case", "loop", "while", "repeat", "for"];

/// Words that begin a body of one simple statement, which the next `;` ends.
const SIMPLE: [&str; 22] = [
    "select", "insert", "update", "delete", "replace", "call", "set", "return", "do", "with", "signal",
    "resignal", "truncate", "create", "drop", "alter", "values", "execute", "grant", "revoke", "rename",
    "load",
];

/// What a `CREATE` can make that has no body.
const BODILESS: [&str; 16] = [
    "table",
    "view",
    "index",
    "database",
    "schema",
    "user",
    "role",
    "server",
    "sequence",
    "unique",
    "fulltext",
    "spatial",
    "tablespace",
    "temporary",
    "undo",
    "logfile",
];

/// Where in the statement we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// At the very first word.
    #[default]
    First,
    /// After a first `BEGIN`: a transaction, unless `NOT ATOMIC` follows.
    Begin,
    /// After `CREATE` or `ALTER`: what is it that is made?
    Create,
    /// In a routine's head: parameters come.
    Parameters { depth: usize },
    /// In a trigger's head, up to `EACH ROW`.
    ForEachRow { each: bool },
    /// In an event's head, up to `DO`.
    EventDo,
    /// Between head and body: characteristics, `FOLLOWS other`.
    BeforeBody { skip: bool },
    /// Where a statement begins.
    Start,
    /// After a name where a statement begins: a label if `:` follows.
    MaybeLabel,
    /// In an expression, up to `THEN`, `DO` or `END`.
    Until { word: &'static str, cases: usize },
    /// After `DECLARE`.
    Declare,
    /// After `CONTINUE` or `EXIT`, up to `FOR`.
    Handler,
    /// In a handler's list of conditions, after which a statement begins.
    Conditions { complete: bool },
    /// In a simple statement, or after an `END`: up to `;`.
    Rest,
}

/// One statement, and the blocks that are open in it.
#[derive(Default)]
pub(in super::super) struct Compound {
    phase: Phase,
    blocks: usize,
    words: usize,
    parens: usize,
    pub(super) oracle: bool,
}

impl Compound {
    pub(super) fn open(&self) -> bool {
        self.blocks > 0
    }

    /// Whether it is known to be of the kind that may have others inside.
    pub(super) fn compound(&self) -> bool {
        self.blocks > 0
            || matches!(
                self.phase,
                Phase::Parameters { .. }
                    | Phase::ForEachRow { .. }
                    | Phase::EventDo
                    | Phase::BeforeBody { .. }
            )
    }

    pub(super) fn semicolon(&mut self) -> bool {
        self.phase = Phase::Start;
        self.parens = 0;
        self.blocks == 0
    }

    pub(super) fn token(&mut self, kind: Kind, text: &str) {
        if self.phase == Phase::Rest || matches!(kind, Kind::Open | Kind::Close) {
            return;
        }
        match kind {
            Kind::Word if self.parens > 0 => {}
            Kind::Word => self.word(text),
            Kind::Symbol(b'(') => self.paren(),
            Kind::Symbol(b')') => self.close(),
            Kind::Symbol(b':') if matches!(self.phase, Phase::MaybeLabel | Phase::BeforeBody { .. }) => {
                self.phase = Phase::Start;
            }
            Kind::Symbol(b',') => {
                if let Phase::Conditions { complete } = &mut self.phase {
                    *complete = false;
                }
            }
            Kind::Quoted | Kind::Text => self.quoted(),
            _ => self.other(),
        }
    }

    fn paren(&mut self) {
        match &mut self.phase {
            Phase::Parameters { depth } => *depth += 1,
            Phase::Start | Phase::First | Phase::MaybeLabel => self.phase = Phase::Rest,
            _ => self.parens += 1,
        }
    }

    fn close(&mut self) {
        match self.phase {
            Phase::Parameters { depth: 1 } => self.phase = Phase::BeforeBody { skip: false },
            Phase::Parameters { depth } => self.phase = Phase::Parameters { depth: depth.saturating_sub(1) },
            _ => self.parens = self.parens.saturating_sub(1),
        }
    }

    fn quoted(&mut self) {
        match &mut self.phase {
            Phase::First | Phase::Start => self.phase = Phase::MaybeLabel,
            Phase::Conditions { complete } => *complete = true,
            Phase::BeforeBody { skip } => *skip = false,
            _ => self.other(),
        }
    }

    fn other(&mut self) {
        if matches!(self.phase, Phase::First | Phase::Start | Phase::MaybeLabel | Phase::Begin) {
            self.phase = Phase::Rest;
        }
    }

    fn word(&mut self, word: &str) {
        match self.phase {
            Phase::First if is(word, &["begin"]) => self.phase = Phase::Begin,
            Phase::First if is(word, &["create", "alter"]) => self.phase = Phase::Create,
            Phase::First | Phase::Start => self.start(word),
            Phase::Begin if is(word, &["not"]) => self.enter(Phase::Start),
            Phase::Begin | Phase::MaybeLabel => self.phase = Phase::Rest,
            Phase::Create => self.create(word),
            Phase::ForEachRow { each: true } if is(word, &["row"]) => {
                self.phase = Phase::BeforeBody { skip: false };
            }
            Phase::ForEachRow { .. } => self.phase = Phase::ForEachRow { each: is(word, &["each"]) },
            Phase::EventDo if is(word, &["do"]) => self.phase = Phase::Start,
            Phase::BeforeBody { skip } => self.before_body(word, skip),
            Phase::Until { word: wanted, cases } => self.until(word, wanted, cases),
            Phase::Declare if is(word, &["continue", "exit", "undo"]) => self.phase = Phase::Handler,
            Phase::Declare => self.phase = Phase::Rest,
            Phase::Handler if is(word, &["for"]) => self.phase = Phase::Conditions { complete: false },
            Phase::Handler if !is(word, &["handler"]) => self.phase = Phase::Rest,
            Phase::Conditions { complete } => self.condition(word, complete),
            Phase::Parameters { .. } | Phase::EventDo | Phase::Handler | Phase::Rest => {}
        }
    }

    /// One more block, whose first statement or expression comes.
    fn enter(&mut self, phase: Phase) {
        self.blocks += 1;
        self.phase = phase;
    }

    fn start(&mut self, word: &str) {
        if is(word, &["if", "case"]) {
            self.enter(Phase::Until { word: "then", cases: 0 });
        } else if is(word, &["while", "for"]) {
            self.enter(Phase::Until { word: "do", cases: 0 });
        } else if is(word, &["begin", "loop", "repeat"]) {
            self.enter(Phase::Start);
        } else if is(word, &["elseif", "when"]) {
            self.phase = Phase::Until { word: "then", cases: 0 };
        } else if is(word, &["until"]) {
            self.phase = Phase::Until { word: "end", cases: 0 };
        } else if is(word, &["end"]) {
            self.end();
        } else if is(word, &["declare"]) {
            self.phase = Phase::Declare;
        } else if !is(word, &["else", "not", "atomic"]) {
            self.phase = if is(word, &SIMPLE) { Phase::Rest } else { Phase::MaybeLabel };
        }
    }

    fn end(&mut self) {
        self.blocks = self.blocks.saturating_sub(1);
        self.phase = Phase::Rest;
    }

    fn create(&mut self, word: &str) {
        self.words += 1;
        if is(word, &["procedure", "function"]) {
            self.phase = Phase::Parameters { depth: 0 };
        } else if is(word, &["trigger"]) {
            self.phase = Phase::ForEachRow { each: false };
        } else if is(word, &["event"]) {
            self.phase = Phase::EventDo;
        } else if is(word, &BODILESS) || self.words > 12 {
            self.phase = Phase::Rest;
        }
    }

    fn before_body(&mut self, word: &str, skip: bool) {
        if skip {
            self.phase = Phase::BeforeBody { skip: false };
        } else if is(word, &OPENERS) {
            self.start(word);
        } else if is(word, &["follows", "precedes", "returns", "character"]) {
            // the next word is a trigger's name, or a type: `RETURNS SET('a', 'b')`
            self.phase = Phase::BeforeBody { skip: true };
        } else if is(word, &SIMPLE) {
            self.phase = Phase::Rest;
        }
    }

    fn until(&mut self, word: &str, wanted: &'static str, cases: usize) {
        let cases = if is(word, &["case"]) {
            cases + 1
        } else if cases > 0 && is(word, &["end"]) {
            cases - 1
        } else if cases == 0 && is(word, &[wanted]) {
            return if wanted == "end" { self.end() } else { self.phase = Phase::Start };
        } else {
            cases
        };
        self.phase = Phase::Until { word: wanted, cases };
    }

    fn condition(&mut self, word: &str, complete: bool) {
        if complete {
            self.phase = Phase::Start;
            self.start(word);
        } else {
            let complete = !is(word, &["not", "sqlstate", "value"]);
            self.phase = Phase::Conditions { complete };
        }
    }
}
