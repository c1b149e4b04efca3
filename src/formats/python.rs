//! As much of Python as it takes to read what a migration says of itself: statements, and the literals that they assign
//! to names. Runs nothing; what is no plain literal is a [`Value::Unknown`] or a [`Refused`], never a guess.

mod lexer;
mod names;

use crate::formats::python::lexer::{Kind, Statement, Token, lex};

pub(super) use self::names::{Class, Import};

/// What a name is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A string.
    Text(String),
    /// `None`.
    None,
    /// `True` or `False`.
    Truth(bool),
    /// A list or a tuple.
    List(Vec<Value>),
    /// Anything else, in this line.
    Unknown(usize),
}

/// What cannot be read, and in which line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The line.
    pub line: usize,
    /// Why, in words that follow the file's name and line.
    pub what: String,
}

impl Refused {
    fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// A file's statements.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    statements: Vec<Statement>,
}

/// Statements of one scope: a module's, or a class's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    source: &'a Source<'a>,
    statements: &'a [Statement],
}

impl<'a> Source<'a> {
    /// # Errors
    /// Brackets or quotes that do not end: no Python either.
    pub fn read(text: &'a str) -> Result<Self, Refused> {
        let (tokens, statements) = lex(text)?;
        Ok(Self { text, tokens, statements })
    }

    /// The module itself.
    pub fn module(&self) -> Scope<'_> {
        Scope { source: self, statements: &self.statements }
    }

    /// The first line of the text with which the module describes itself.
    pub fn title(&self) -> Option<String> {
        let first = self.statements.first()?;
        match parse(self, self.tokens(*first)) {
            Value::Text(text) => Some(text.trim().lines().next()?.trim().to_owned()),
            _ => None,
        }
    }

    fn tokens(&self, statement: Statement) -> &[Token] {
        &self.tokens[statement.from..statement.to]
    }

    /// The word that a token is; empty = it is none.
    fn word(&self, token: Token) -> &str {
        if token.kind == Kind::Word { self.slice(token) } else { "" }
    }

    fn slice(&self, token: Token) -> &str {
        self.text.get(token.from..token.to()).unwrap_or_default()
    }
}

impl<'a> Scope<'a> {
    /// What the name is assigned last; none = it is not.
    ///
    /// # Errors
    /// It is bound in another way than `name = …` or `name: Type = …` straight in this scope.
    pub fn value(&self, name: &str) -> Result<Option<Value>, Refused> {
        let mut value = None;
        let base = self.statements.first().map_or(0, |first| first.indent);
        // the indent of the function or class that we are in
        let mut inside: Option<usize> = None;
        for statement in self.statements {
            if inside.is_some_and(|indent| statement.indent > indent) {
                continue;
            }
            let tokens = self.source.tokens(*statement);
            inside = self.opens(tokens).then_some(statement.indent);
            if !tokens.iter().any(|token| self.source.word(*token) == name) {
                continue;
            }
            let assigned = self.assigned(tokens, name)?;
            if let (Some(_), false) = (&assigned, statement.indent == base) {
                return Err(Refused::new(tokens[0].line(), format!("assigns {name} only in some cases")));
            }
            value = assigned.or(value);
        }
        Ok(value)
    }

    /// Whether the name is bound or used in this scope at all.
    pub fn mentions(&self, name: &str) -> bool {
        self.statements.iter().any(|statement| {
            self.source.tokens(*statement).iter().any(|token| self.source.word(*token) == name)
        })
    }

    /// Every string of the scope, wherever it stands.
    pub fn strings(&self) -> impl Iterator<Item = String> {
        let tokens = self.statements.iter().flat_map(|statement| self.source.tokens(*statement));
        tokens.filter(|token| token.kind == Kind::Text).filter_map(|token| decode(self.source.slice(*token)))
    }

    /// Whether a function or a class begins: what its block assigns is its own.
    fn opens(&self, tokens: &[Token]) -> bool {
        let mut words = tokens.iter().map(|token| self.source.word(*token));
        match words.next() {
            Some("def" | "class") => true,
            Some("async") => words.next() == Some("def"),
            _ => false,
        }
    }

    /// What a statement that has the name somewhere assigns to it; none = it only uses it.
    fn assigned(&self, tokens: &[Token], name: &str) -> Result<Option<Value>, Refused> {
        let source = self.source;
        let refused =
            || Err(Refused::new(tokens[0].line(), format!("assigns {name} in a way that is not read")));
        let equals = top(tokens, Kind::Equals);
        if source.word(tokens[0]) == name {
            let value = match (tokens.get(1).map(|token| token.kind), equals) {
                (Some(Kind::Equals), _) => &tokens[2..],
                (Some(Kind::Colon), Some(at)) => &tokens[at + 1..],
                // `name: Type` says nothing of its value, and `name(…)` changes nothing
                (Some(Kind::Colon | Kind::Open), None) => return Ok(None),
                _ => return refused(),
            };
            return match top(value, Kind::Equals) {
                None if !value.is_empty() => Ok(Some(parse(source, value))),
                _ => refused(),
            };
        }
        let binds =
            ["import", "from", "for", "with", "del", "global", "if", "elif", "while", "except", "match"];
        let is_used = |at: usize| {
            let before = at.checked_sub(1).map(|before| tokens[before].kind);
            let after = tokens.get(at + 1).map(|after| after.kind);
            // an attribute, an argument's name, a value
            before == Some(Kind::Dot)
                || (after != Some(Kind::Changes)
                    && !binds.contains(&source.word(tokens[0]))
                    && match equals {
                        Some(equals) => at > equals && top(&tokens[equals + 1..], Kind::Equals).is_none(),
                        None => !top_level(tokens).any(|(top, _)| top == at),
                    })
        };
        let mut places = (0..tokens.len()).filter(|at| source.word(tokens[*at]) == name);
        // a function's or a class's own name and arguments
        let heads = self.opens(tokens) && tokens.get(1).is_some_and(|token| source.word(*token) != name);
        if heads || places.all(is_used) { Ok(None) } else { refused() }
    }
}

/// The tokens outside of brackets, with their places.
fn top_level(tokens: &[Token]) -> impl Iterator<Item = (usize, Token)> {
    let mut depth = 0_usize;
    tokens.iter().copied().enumerate().filter(move |(_, token)| {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    })
}

fn top(tokens: &[Token], kind: Kind) -> Option<usize> {
    top_level(tokens).find(|(_, token)| token.kind == kind).map(|(at, _)| at)
}

/// The literal that these tokens are.
fn parse(source: &Source<'_>, tokens: &[Token]) -> Value {
    let mut parser = Parser { source, tokens, at: 0 };
    let (mut values, commas) = parser.items();
    match (values.len(), commas) {
        (1, false) => values.remove(0),
        _ => Value::List(values),
    }
}

struct Parser<'a> {
    source: &'a Source<'a>,
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn kind(&self) -> Option<Kind> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    /// Items up to a closing bracket or the end, and whether there was a comma. Brackets are as deep as the lexer lets
    /// them be.
    fn items(&mut self) -> (Vec<Value>, bool) {
        let (mut values, mut commas) = (Vec::new(), false);
        while self.kind().is_some_and(|kind| kind != Kind::Close) {
            if self.kind() == Some(Kind::Comma) {
                commas = true;
                self.at += 1;
                continue;
            }
            values.push(self.item());
        }
        (values, commas)
    }

    /// One item: a literal that ends at a comma, a closing bracket or the end; else unknown up to there.
    fn item(&mut self) -> Value {
        let from = self.at;
        let value = self.literal();
        if value.is_some() && matches!(self.kind(), None | Some(Kind::Comma | Kind::Close)) {
            return value.unwrap_or(Value::None);
        }
        self.at = from;
        let mut depth = 0_usize;
        while let Some(kind) = self.kind() {
            match kind {
                Kind::Open => depth += 1,
                Kind::Close if depth == 0 => break,
                Kind::Close => depth -= 1,
                Kind::Comma if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        Value::Unknown(self.tokens[from].line())
    }

    fn literal(&mut self) -> Option<Value> {
        let token = *self.tokens.get(self.at)?;
        match token.kind {
            Kind::Text => {
                let mut text = String::new();
                while self.kind() == Some(Kind::Text) {
                    text += &decode(self.source.slice(self.tokens[self.at]))?;
                    self.at += 1;
                }
                Some(Value::Text(text))
            }
            Kind::Word => {
                let value = match self.source.word(token) {
                    "None" => Value::None,
                    "True" => Value::Truth(true),
                    "False" => Value::Truth(false),
                    _ => return None,
                };
                self.at += 1;
                Some(value)
            }
            Kind::Open => {
                let bracket = self.source.slice(token);
                self.at += 1;
                let (mut values, commas) = self.items();
                self.at += 1;
                match (bracket, values.len(), commas) {
                    ("(", 1, false) => values.pop(),
                    ("(" | "[", ..) => Some(Value::List(values)),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// What a string's token says; none = it is of bytes, is formatted, or names a character by its Unicode name.
fn decode(token: &str) -> Option<String> {
    let quote = token.find(['"', '\''])?;
    let (prefix, rest) = token.split_at(quote);
    if prefix.contains(['b', 'B', 'f', 'F', 't', 'T']) {
        return None;
    }
    let width =
        if rest.len() >= 6 && (rest.starts_with("\"\"\"") || rest.starts_with("'''")) { 3 } else { 1 };
    let inner = rest.get(width..rest.len().checked_sub(width)?)?;
    // as Python reads line breaks in its sources
    let inner =
        if inner.contains('\r') { inner.replace("\r\n", "\n").replace('\r', "\n") } else { inner.to_owned() };
    if prefix.contains(['r', 'R']) || !inner.contains('\\') { Some(inner) } else { unescape(&inner) }
}

fn unescape(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match rest.next()? {
            '\n' => {}
            'a' => text.push('\x07'),
            'b' => text.push('\x08'),
            'f' => text.push('\x0c'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\x0b'),
            c @ ('\\' | '\'' | '"') => text.push(c),
            'x' => text.push(coded(&mut rest, 2)?),
            'u' => text.push(coded(&mut rest, 4)?),
            'U' => text.push(coded(&mut rest, 8)?),
            'N' => return None,
            c @ '0'..='7' => {
                let mut code = c.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = rest.clone().next().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    rest.next();
                }
                text.push(char::from_u32(code)?);
            }
            other => text.extend(['\\', other]),
        }
    }
    Some(text)
}

/// A character by its code, of so many hexadecimal digits.
fn coded(rest: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let mut code = 0_u32;
    for _ in 0..digits {
        code = code.checked_mul(16)?.checked_add(rest.next()?.to_digit(16)?)?;
    }
    char::from_u32(code)
}

#[cfg(test)]
mod tests;
