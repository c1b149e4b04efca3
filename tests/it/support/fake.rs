//! A session that no server stands behind: it remembers what it was asked, and answers as it was told to.

use std::collections::VecDeque;

use async_trait::async_trait;
use bellwether::database::{
    Database, DbError, DbErrorKind, Dialect, Holder, Interrupt, LockKey, LockSupport, Reply, Row, Server,
    Statement, Value,
};

/// The session. What nobody told it an answer for succeeds, changes one row, and returns none.
pub struct Fake {
    dialect: &'static Dialect,
    answers: Vec<(String, VecDeque<Answer>)>,
    usual: Vec<(String, Reply)>,
    asked: Vec<String>,
    arguments: Vec<Vec<Value>>,
    /// What `sp_getapplock` returns.
    pub applock: Option<i64>,
}

/// What a server says.
pub type Answer = Result<Reply, DbError>;

impl Fake {
    pub fn new(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            answers: Vec::new(),
            usual: Vec::new(),
            asked: Vec::new(),
            arguments: Vec::new(),
            applock: None,
        }
    }

    /// The next answer to what contains `fragment`; several are given in order, then the usual one again.
    pub fn answer(mut self, fragment: &str, answer: Answer) -> Self {
        match self.answers.iter_mut().find(|(known, _)| known == fragment) {
            Some((_, answers)) => answers.push_back(answer),
            None => self.answers.push((fragment.to_owned(), VecDeque::from([answer]))),
        }
        self
    }

    /// What it answers with a row of these values whenever nothing else was said.
    pub fn usually(mut self, fragment: &str, values: Vec<Value>) -> Self {
        self.usual.push((fragment.to_owned(), Reply { rows: vec![Row(values)], affected: 0 }));
        self
    }

    /// Everything it was asked, in order, with the server's own placeholders.
    pub fn asked(&self) -> Vec<&str> {
        self.asked.iter().map(String::as_str).collect()
    }

    /// The first word or two of each, which tells an order of statements.
    pub fn order(&self) -> Vec<String> {
        self.asked
            .iter()
            .map(|asked| asked.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// The arguments of the first statement that contains `fragment`.
    pub fn arguments(&self, fragment: &str) -> &[Value] {
        let index = self.asked.iter().position(|asked| asked.contains(fragment)).expect(fragment);
        &self.arguments[index]
    }

    fn reply(&mut self, text: String, arguments: Vec<Value>) -> Answer {
        let answer = self
            .answers
            .iter_mut()
            .find(|(fragment, answers)| {
                // not in READ COMMITTED
                let fits = if fragment == "COMMIT" { text == "COMMIT" } else { text.contains(fragment) };
                fits && !answers.is_empty()
            })
            .and_then(|(_, answers)| answers.pop_front());
        let usual = self.usual.iter().find(|(fragment, _)| text.contains(fragment));
        let usual = usual.map_or(Reply { rows: Vec::new(), affected: 1 }, |(_, reply)| reply.clone());
        self.asked.push(text);
        self.arguments.push(arguments);
        answer.unwrap_or(Ok(usual))
    }
}

/// One row.
pub fn row(values: Vec<Value>) -> Answer {
    Ok(Reply { rows: vec![Row(values)], affected: 0 })
}

/// No row, or no row changed.
pub fn nothing() -> Answer {
    Ok(Reply::default())
}

/// An error of this kind.
pub fn error(kind: DbErrorKind) -> Answer {
    Err(DbError::new(kind, "no"))
}

/// What [`Fake`] says it is.
pub fn server() -> Server {
    Server {
        product: "SQL Server".into(),
        version: "16.0".into(),
        session: "51@1".into(),
        database: "shop".into(),
        schema: None,
        session_check: " AND @@SPID = 51".into(),
        read_only: false,
        transactional_ddl: true,
        lock: LockSupport::Session("sp_getapplock".into()),
        restore: "RESTORE".into(),
        transaction_settings: String::new(),
        interrupt: Interrupt::Flag(std::sync::Arc::default()),
    }
}

#[async_trait]
impl Database for Fake {
    fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    async fn identify(&mut self) -> Result<Server, DbError> {
        Ok(server())
    }

    async fn query(&mut self, statement: &Statement) -> Result<Reply, DbError> {
        let name = self.dialect.name;
        let text = statement.render(|number, _| match name {
            "sqlserver" => format!("@P{number}"),
            "postgres" => format!("${number}"),
            _ => "?".to_owned(),
        });
        self.reply(text, statement.arguments().to_vec())
    }

    async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.reply(sql.to_owned(), Vec::new()).map(drop)
    }

    async fn try_lock(&mut self, key: &LockKey) -> Result<bool, DbError> {
        self.asked.push(format!("EXEC sp_getapplock '{}', 'Exclusive', 'Session', 0", key.applock()));
        // 0 and 1 are "granted"; every failure is a negative number, never an error
        Ok(self.applock.is_some_and(|granted| granted >= 0))
    }

    async fn unlock(&mut self, _key: &LockKey) -> Result<(), DbError> {
        Ok(())
    }

    async fn holder(&mut self, _key: &LockKey) -> Result<Holder, DbError> {
        // no row = the lock is still ours
        let reply = self.reply("whose lock".to_owned(), Vec::new())?;
        Ok(if reply.rows.is_empty() { Holder::Ours } else { Holder::Free })
    }

    async fn notified(&mut self) -> Result<(), DbError> {
        std::future::pending().await
    }
}
