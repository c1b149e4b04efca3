//! Pages of the usual stories, and what no text may do to a page.

use proptest::prelude::*;

use super::*;
use crate::model::event::StepRef;
use crate::model::run::{EngineKind, LockMode, Role, RunStatus};

/// What a hostile database, file or command says.
const NASTY: &str = "a | b\n| --- |\n</pre></code><img src=x onerror=y> `x` **b** [l](javascript:1) @octocat #12 \
                     ::add-mask::x ##[error]y <!-- -->&lt; www.evil.example https://evil.example :tada: \\| ~~~";

fn start(role: Role) -> Event {
    Event::Start(start_of(role))
}

fn start_of(role: Role) -> Start {
    Start {
        schema: 1,
        bellwether: "0.1.0".into(),
        environment: "production".into(),
        participant: Some("acme/shop/migrate".into()),
        role,
        role_reason: "--role".into(),
        leader: None,
        release: Some("8c1f0a7be2d94c6fb0a1d2e3f405162738495a6b".into()),
        release_reason: "GITHUB_SHA".into(),
        deploy: None,
        database: Some("postgres://app@db.internal/shop".into()),
        format: Some("sqlx".into()),
        format_reason: Some("0001_users.sql is named as sqlx does it".into()),
    }
}

fn step(position: u64, name: &str) -> StepRef {
    StepRef { position, total: 3, version: position.to_string().as_str().into(), name: name.into() }
}

fn outcome(exit: u8, word: &'static str, message: &str, error: Option<Explained>) -> Event {
    Event::Outcome(Outcome {
        exit,
        role: Some(Role::Lead),
        outcome: word,
        release: Some("v41".into()),
        run: Some("5c0d".into()),
        url: None,
        applied: Vec::new(),
        duration_ms: 7_400,
        error,
        message: message.into(),
    })
}

/// Events a second apart.
fn told(events: Vec<Event>) -> Vec<Told> {
    (0..)
        .zip(events)
        .map(|(second, event)| Told { at_ms: 1_790_000_000_000 + second * 1000, event })
        .collect()
}

fn run_started(engine: EngineKind) -> Event {
    Event::RunStarted {
        run: "5c0d".into(),
        fence: 1,
        lock_mode: LockMode::Session,
        engine,
        total: 3,
        waited_ms: 1_200,
    }
}

fn failure(text: &str) -> Explained {
    Explained {
        title: format!("0002_orders.sql failed: {text}"),
        causes: vec![
            format!("the database's code: 42703 {text}"),
            "nothing of this script is applied".into(),
        ],
        snippet: Some(
            " --> db/0002_orders.sql:3:7\n  |\n3 | select emial from users;\n  |        ^\n  |".into(),
        ),
        hints: vec![
            "correct db/0002_orders.sql and deploy again".into(),
            format!("say so: `bellwether resolve 2 --applied` {text}"),
            "put these lines there:\n- uses: a/b@v1\n- run: x".into(),
        ],
        marks: Vec::new(),
    }
}

fn failed_run(text: &str) -> Vec<Told> {
    told(vec![
        start(Role::Lead),
        Event::Warning { message: format!("look at this: {text}") },
        Event::LockWaiting { holder: None, waited_ms: 0 },
        run_started(EngineKind::Sql),
        Event::StepStarted { step: step(1, "0001_users.sql") },
        Event::StepRetried { step: step(1, "0001_users.sql"), reason: "locked".into(), pause_ms: 500 },
        Event::StepFinished { step: step(1, "0001_users.sql"), duration_ms: 1_840 },
        Event::StepStarted { step: step(2, &format!("0002_orders{text}.sql")) },
        Event::StepFailed { step: step(2, "0002_orders.sql"), reason: text.into() },
        Event::RunFinished { run: "5c0d".into(), status: RunStatus::Failed, duration_ms: 2_000 },
        outcome(10, "failed", "", Some(failure(text))),
    ])
}

fn watching(url: Option<&str>) -> Event {
    let run = Watched {
        run: "5c0d".into(),
        leader: "shop-web".into(),
        environment: "production".into(),
        release: "v41".into(),
        status: RunStatus::Running,
        done: 2,
        total: 7,
        current: Some("0003_index".into()),
        age_ms: 4_000,
        beat_age_ms: Some(300),
        url: url.map(str::to_owned),
    };
    Event::Watching { run, waited_ms: 3_000 }
}

fn plan(refused: Vec<Mark>) -> PlanReport {
    let state =
        |name: &str, state| MigrationState { version: "1".into(), name: name.into(), state, error: None };
    PlanReport {
        start: start_of(Role::Elect),
        server: Some("PostgreSQL 15.14".into()),
        lock_mode: Some(LockMode::Session),
        lock_reason: "no pooler in between".into(),
        lock_name: "default".into(),
        lock_id: None,
        followers: None,
        pending: Pending::Some(vec!["3".into()]),
        migrations: vec![
            state("0001_users.sql", MigrationStanding::Applied),
            state("0002_orders.sql", MigrationStanding::Changed),
            state("0003_index.sql", MigrationStanding::Pending),
        ],
        refused,
        notices: vec!["1 applied migration has no file here: 2".into()],
        next: "would refuse: 0002_orders.sql was changed after it was applied".into(),
    }
}

#[test]
fn a_leader_that_succeeded() {
    let mut events = failed_run("x");
    events.truncate(7);
    let end = [
        Event::RunFinished { run: "5c0d".into(), status: RunStatus::Succeeded, duration_ms: 2_000 },
        outcome(0, "succeeded", "applied 1 migration", None),
    ];
    let last = events[6].at_ms;
    events.extend(end.map(|event| Told { at_ms: last + 100, event }));
    insta::assert_snapshot!(page(&events, LIMIT));
}

#[test]
fn a_migration_that_failed() {
    insta::assert_snapshot!(page(&failed_run("column \"emial\" does not exist"), LIMIT));
}

#[test]
fn nothing_that_a_database_says_breaks_out() {
    let page = page(&failed_run(NASTY), LIMIT);
    insta::assert_snapshot!(page);
    assert_harmless(&page);
}

#[test]
fn a_follower_and_the_leader_that_it_waited_for() {
    let page = page(
        &told(vec![
            start(Role::Follow),
            Event::Waiting { reason: "no run yet".into(), waited_ms: 0 },
            watching(Some("https://github.com/acme/shop/actions/runs/7/attempts/1")),
            outcome(0, "succeeded", "shop-web has migrated to v41", None),
        ]),
        LIMIT,
    );
    insta::assert_snapshot!(page);
}

#[test]
fn a_follower_that_came_when_all_was_done() {
    let mut done = outcome(0, "succeeded", "shop-web has migrated to v41", None);
    if let Event::Outcome(outcome) = &mut done {
        outcome.url = Some("https://github.com/owner/shop/actions/runs/7".into());
    }
    insta::assert_snapshot!(page(&told(vec![start(Role::Follow), done]), usize::MAX));
}

#[test]
fn a_plan_with_a_file_that_would_not_be_applied() {
    let mark = Mark {
        path: Some("db/0002_orders.sql".into()),
        line: None,
        column: Some(4),
        message: "0002_orders.sql was changed after it was applied".into(),
    };
    let events = vec![Event::Plan(Box::new(plan(vec![mark]))), outcome(0, "succeeded", "", None)];
    insta::assert_snapshot!(page(&told(events), LIMIT));
}

#[test]
fn a_status_that_is_not_ready() {
    let status = StatusReport {
        environment: "production".into(),
        release: Some("v41".into()),
        format: Some("sqlx".into()),
        format_reason: None,
        run: None,
        error: Some("0002_orders.sql failed\n  x".into()),
        pending: Pending::Unknown,
        migrations: Vec::new(),
        ready: false,
        reason: "shop-web failed".into(),
    };
    let events = vec![Event::Status(Box::new(status)), outcome(0, "succeeded", "", None)];
    insta::assert_snapshot!(page(&told(events), LIMIT));
}

#[test]
fn only_addresses_of_the_web_become_links() {
    for url in ["javascript:alert(1)", "https://a.example/)x](y", "https://a.example/ x", "https://a/>x"] {
        assert_eq!(text::link("x", url), None, "{url}");
    }
    assert_eq!(text::link("x", "https://a.example/b?c=d").as_deref(), Some("[x](<https://a.example/b?c=d>)"));
}

#[test]
fn ten_thousand_migrations_fit_on_a_page() {
    let mut events = vec![start(Role::Lead), run_started(EngineKind::Sql)];
    for position in 1..=10_000 {
        let step = step(position, &format!("{position:05}_{}.sql", "|".repeat(200)));
        events.push(Event::StepStarted { step: step.clone() });
        events.push(Event::StepFinished { step, duration_ms: position });
    }
    events.push(outcome(0, "succeeded", "applied 10000 migrations", None));
    let told = told(events);
    let page = page(&told, LIMIT);
    assert!(page.len() < LIMIT / 2, "{}", page.len());
    assert!(page.contains("| … 9800 more |"), "the rest is not counted");
    assert!(page.contains("the 60 longest migrations"));
    let short = super::page(&told, 2_000);
    assert!(
        short.len() <= 2_000 && short.contains("does not fit") && short.contains("10000 migrations"),
        "{short}"
    );
    assert_eq!(super::page(&told, 10), "");
}

/// What a text is shown as, if it became nothing but characters.
fn shown(markdown: &str) -> String {
    let mut rest = markdown.to_owned();
    for tag in ["<code>", "</code>", "<span>", "</span>", "<pre>", "</pre>"] {
        rest = rest.replace(tag, "");
    }
    let mut out = String::new();
    while let Some(at) = rest.find("&#") {
        let (head, tail) = rest.split_at(at);
        let (number, after) = tail[2..].split_once(';').unwrap();
        out.push_str(head);
        out.push(char::from_u32(number.parse().unwrap()).unwrap());
        rest = after.to_owned();
    }
    out + &rest
}

fn assert_harmless(page: &str) {
    for line in page.lines() {
        if line.starts_with('|') {
            let bare = ["<code>", "</code>", "<span>", "</span>"];
            let bare = bare.iter().fold(line.replace("&#", "&"), |line, tag| line.replace(tag, ""));
            assert!(!bare.contains(['<', '>', '`', '@', '*', '[', '#']), "{line}");
        }
        assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
    }
    assert!(!page.contains("@octocat") && !page.contains("<img"), "{page}");
    assert_eq!(page.matches("<pre>").count(), page.matches("</pre>").count());
    assert_eq!(page.matches("```").count() % 2, 0);
}

fn rows(page: &str) -> Vec<usize> {
    page.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count()).collect()
}

proptest! {
    #[test]
    fn any_text_as_code_is_shown_as_it_is_and_stays_there(text in any::<String>()) {
        let cell = code(&text);
        prop_assert!(!cell.contains(['|', '\n', '\r', '`', '@', '\\']), "{}", cell);
        let tags = cell.matches('<').count() - 2 * cell.matches("<span>&#64;</span>").count();
        prop_assert_eq!(tags, if cell.is_empty() { 0 } else { 2 });
        let line = words::line(&text);
        prop_assert_eq!(shown(&cell), line.trim());
    }

    #[test]
    fn any_text_as_prose_is_shown_as_it_is(text in any::<String>()) {
        let prose = prose(&text);
        prop_assert!(!prose.contains(['|', '\n', '\r', '`', '*', '_', '[', ']', '\\', '~', ':']), "{}", prose);
        let line = words::line(&text);
        prop_assert_eq!(shown(&prose), line.trim());
        prop_assert!(!prose.starts_with(['-', '+', ' ']));
    }

    #[test]
    fn any_text_in_a_block_stays_there(text in any::<String>()) {
        let block = block(&text);
        prop_assert_eq!(block.matches('<').count(), 2);
        let text = words::block(&text);
        prop_assert_eq!(shown(&block), text.trim_end());
    }

    #[test]
    fn no_error_changes_the_form_of_a_page(text in "[|\n`<>@#:a&;\\[\\]()!*_~ -]{0,40}") {
        let page = page(&failed_run(&text), LIMIT);
        assert_harmless(&page);
        prop_assert_eq!(rows(&page), rows(&super::page(&failed_run("x"), LIMIT)));
    }
}
