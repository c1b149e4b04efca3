//! An engine that no server stands behind, with SQL Server's words: what is written once must fit it too.

use std::time::Duration;

use async_trait::async_trait;
use bellwether::database::{
    Connecting, Database, DbError, DbErrorKind, Dialect, Engine, EngineName, Holder, Interrupt, LockKey,
    LockSupport, Purpose, Reply, Row, Server, Statement, Target, Value,
};

/// SQL Server's words.
pub const DIALECT: Dialect = Dialect {
    name: "sqlserver",
    now: "SYSUTCDATETIME()",
    epoch_ms: ("DATEDIFF_BIG(millisecond, '1970-01-01', ", ")"),
    from_epoch_ms: ("DATEADD(millisecond, (", "), CAST('1970-01-01' AS datetime2))"),
    top_1: "TOP (1)",
    limit_1: "",
    share_hint: "WITH (REPEATABLEREAD, ROWLOCK)",
    share: "",
    update_hint: "WITH (UPDLOCK, ROWLOCK)",
    update: "",
    default_schema: Some("dbo"),
    quotes: ('[', ']'),
    schema: "CREATE TABLE {lock} (name nvarchar(190) PRIMARY KEY)",
    begin: "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCK_TIMEOUT 1000; BEGIN TRANSACTION",
    batch: None,
    grant: None,
    notify: None,
    invalid_index: None,
};

/// The engine, as the table of engines would have it.
pub const ENGINE: Engine = Engine { name: EngineName::SqlServer, dialect: &DIALECT, connect };

/// A session that remembers what it was asked, and what `sp_getapplock` would return for it.
#[derive(Default)]
struct Fake {
    asked: Vec<String>,
    applock: Option<i64>,
}

fn connect(_target: &Target, _purpose: Purpose, _limit: Duration) -> Connecting<'_> {
    Box::pin(async { Ok(Box::new(Fake::default()) as Box<dyn Database>) })
}

#[async_trait]
impl Database for Fake {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    async fn identify(&mut self) -> Result<Server, DbError> {
        Ok(Server {
            product: "SQL Server".into(),
            version: "16.0".into(),
            session: "51@1".into(),
            database: "shop".into(),
            schema: Some("dbo".into()),
            session_check: " AND @@SPID = 51".into(),
            read_only: false,
            transactional_ddl: true,
            lock: LockSupport::Session("sp_getapplock".into()),
            restore: String::new(),
            interrupt: Interrupt::Statement(Statement::new(&DIALECT, &[], "KILL 51", vec![])),
            beats: true,
        })
    }

    async fn query(&mut self, statement: &Statement) -> Result<Reply, DbError> {
        self.asked.push(statement.render(|number, _| format!("@P{number}")));
        Ok(Reply { rows: vec![Row(statement.arguments().to_vec())], affected: 1 })
    }

    async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        self.asked.push(sql.to_owned());
        Ok(())
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
        Err(DbError::new(DbErrorKind::Unsupported, "a fake has no lock"))
    }

    async fn notified(&mut self) -> Result<(), DbError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn statements_come_in_sql_servers_words() {
    let mut fake = Fake::default();
    let runs = DIALECT.qualify(None, "bellwether_runs");
    let current = DIALECT.quote("current");
    let template = "SELECT {top 1} id, {epoch:beat_at}, {current} FROM {runs} {update hint} \
        WHERE lock_name = ? AND beat_at < {now} AND fence > ? ORDER BY fence DESC {limit 1} {update}";
    let arguments: Vec<Value> = vec!["default".into(), 7.into()];
    let statement = Statement::new(
        fake.dialect(),
        &[("runs", &runs), ("current", &current)],
        template,
        arguments.clone(),
    );
    assert_eq!(fake.query(&statement).await.unwrap().rows, [Row(arguments)]);
    assert_eq!(
        fake.asked[0].trim_end(),
        "SELECT TOP (1) id, DATEDIFF_BIG(millisecond, '1970-01-01', beat_at), [current] \
         FROM [dbo].[bellwether_runs] WITH (UPDLOCK, ROWLOCK) \
         WHERE lock_name = @P1 AND beat_at < SYSUTCDATETIME() AND fence > @P2 ORDER BY fence DESC"
    );
}

#[tokio::test]
async fn a_lock_is_what_a_return_value_says() {
    let key = LockKey { name: "default".into(), id: None };
    for (returned, granted) in
        [(None, false), (Some(-1), false), (Some(-999), false), (Some(0), true), (Some(1), true)]
    {
        let mut fake = Fake { applock: returned, ..Fake::default() };
        assert_eq!(fake.try_lock(&key).await.unwrap(), granted, "{returned:?}");
        assert!(fake.asked[0].contains("'bellwether:default'"));
    }
}

#[tokio::test]
async fn it_opens_like_any_other() {
    let target = Target::new(EngineName::SqlServer);
    let mut session = (ENGINE.connect)(&target, Purpose::Work, Duration::from_secs(1)).await.unwrap();
    assert_eq!(session.identify().await.unwrap().session, "51@1");
    session.script(session.dialect().begin).await.unwrap();
}
