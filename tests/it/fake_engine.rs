//! An engine that no server stands behind, with SQL Server's words: what is written once must fit it too.

use std::time::Duration;

use bellwether::database::{
    Connecting, Database, Dialect, Engine, EngineName, LockKey, Purpose, Statement, Target, Value,
};

use crate::support::fake::Fake;

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
    whole: None,
    keeps_open: None,
    lock_timeout: None,
    transaction_open: None,
    session_lives: None,
    may_create: None,
    schemas_with: None,
    end_session: None,
    crowded: None,
    standby: None,
    marked: None,
    cancel_marked: None,
    end_marked: None,
    run_marked: None,
    grant: None,
    notify: None,
    invalid_index: None,
};

/// The engine, as the table of engines would have it.
pub const ENGINE: Engine = Engine { name: EngineName::SqlServer, dialect: &DIALECT, connect };

fn connect(_target: &Target, _purpose: Purpose, _limit: Duration) -> Connecting<'_> {
    Box::pin(async { Ok(Box::new(Fake::new(&DIALECT)) as Box<dyn Database>) })
}

#[tokio::test]
async fn statements_come_in_sql_servers_words() {
    let mut fake = Fake::new(&DIALECT);
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
    fake.query(&statement).await.unwrap();
    assert_eq!(fake.arguments("SELECT"), arguments);
    assert_eq!(
        fake.asked()[0].trim_end(),
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
        let mut fake = Fake::new(&DIALECT);
        fake.applock = returned;
        assert_eq!(fake.try_lock(&key).await.unwrap(), granted, "{returned:?}");
        assert!(fake.asked()[0].contains("'bellwether:default'"));
    }
}

#[tokio::test]
async fn it_opens_like_any_other() {
    let target = Target::new(EngineName::SqlServer);
    let mut session = (ENGINE.connect)(&target, Purpose::Work, Duration::from_secs(1)).await.unwrap();
    assert_eq!(session.identify().await.unwrap().session, "51@1");
    session.script(session.dialect().begin).await.unwrap();
}
