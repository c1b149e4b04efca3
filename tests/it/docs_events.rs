//! `docs/events.md` and the events say the same: every event, every field and every word, and no others.

use std::collections::BTreeSet;

use bellwether::exit::Exit;
use bellwether::model::doctor::{DoctorReport, Finding, Health};
use bellwether::model::event::{
    EVENTS_VERSION, Event, Explained, Mark, MigrationStanding, MigrationState, Outcome, PlanReport, Start,
    StatusReport, StepRef, Watched,
};
use bellwether::model::lock::{LockReport, UnlockReport};
use bellwether::model::migration::Pending;
use bellwether::model::past::{HistoryReport, PastRun, PastStep, RunReport};
use bellwether::model::resolve::{Resolution, ResolveReport, Resolved};
use bellwether::model::run::{EngineKind, LockMode, Role, RunStatus};
use bellwether::model::scaffold::{Addition, FileState, InitFile, InitReport, NewReport};
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/events.md");
const RUN: &str = "5c0d0f5e-3c1f-4a53-9d3e-0a9d4b5a7c11";

/// The sample after this one. The match has no `_`, so that a new event does not compile without a place in this
/// chain, and thereby in the page.
fn after(event: &Event) -> Option<Event> {
    let next = match event {
        Event::Start(_) => {
            Event::Warning { message: "the database URL has an unknown parameter, poolsize".into() }
        }
        Event::Warning { .. } => {
            Event::Notice { message: "the database is ahead of our migrations: 20240401".into() }
        }
        Event::Notice { .. } => Event::Retrying {
            what: "connecting to db.internal:5432".into(),
            reason: "connection refused".into(),
            pause_ms: 500,
        },
        Event::Retrying { .. } => Event::LockWaiting { holder: Some(watched()), waited_ms: 12_000 },
        Event::LockWaiting { .. } => Event::RunStarted {
            run: RUN.into(),
            fence: 12,
            lock_mode: LockMode::Session,
            engine: EngineKind::Sql,
            total: 7,
            waited_ms: 3_800,
        },
        Event::RunStarted { .. } => Event::StepStarted { step: step() },
        Event::StepStarted { .. } => Event::StepRetried {
            step: step(),
            reason: "canceling statement due to lock timeout".into(),
            pause_ms: 500,
        },
        Event::StepRetried { .. } => Event::StepFinished { step: step(), duration_ms: 1_234 },
        Event::StepFinished { .. } => {
            Event::StepFailed { step: step(), reason: "column \"emial\" does not exist".into() }
        }
        Event::StepFailed { .. } => Event::Output { text: "== AddIndex: migrating ==\n".into() },
        Event::Output { .. } => Event::Progress { done: 7, total: 12 },
        Event::Progress { .. } => {
            Event::RunFinished { run: RUN.into(), status: RunStatus::Failed, duration_ms: 4_321 }
        }
        Event::RunFinished { .. } => Event::BeatMissed { reason: "connection reset".into(), since_ms: 4_100 },
        Event::BeatMissed { .. } => Event::Working { step: Some(step()), since_ms: 33_000 },
        Event::Working { .. } => Event::Watching { run: watched(), waited_ms: 12_000 },
        Event::Watching { .. } => {
            Event::Waiting { reason: "no run of release v41 yet, at most 15 min".into(), waited_ms: 5_000 }
        }
        Event::Waiting { .. } => Event::Plan(Box::new(plan())),
        Event::Plan(_) => Event::Status(Box::new(status())),
        Event::Status(_) => Event::History(Box::new(HistoryReport {
            lock_name: "default".into(),
            environment: Some("production".into()),
            runs: vec![past_run()],
            more: true,
            other_lock_names: Vec::new(),
        })),
        Event::History(_) => {
            Event::RunSteps(Box::new(RunReport { run: past_run(), steps: vec![past_step()] }))
        }
        Event::RunSteps(_) => Event::Lock(Box::new(LockReport {
            lock_name: "default".into(),
            locked: true,
            holder: Some(watched()),
            host: Some("release.1234".into()),
            session: Some("4711@1795228114123456".into()),
            server_locked: true,
            server_session: Some("4711@1795228114123456".into()),
        })),
        Event::Lock(_) => Event::Unlocked(Box::new(UnlockReport {
            lock_name: "default".into(),
            run: RUN.into(),
            leader: "shop-web".into(),
            fence: 13,
            ended_by: "unlocked by alice@laptop".into(),
            session_ended: Some("4711@1795228114123456".into()),
        })),
        Event::Unlocked(_) => Event::Resolved(Box::new(ResolveReport {
            history: "_sqlx_migrations".into(),
            changes: vec![resolved()],
            run: Some(RUN.into()),
            by: "resolved by alice@laptop".into(),
        })),
        Event::Resolved(_) => Event::Doctor(Box::new(DoctorReport {
            environment: "production".into(),
            database: Some("postgres://app@db.internal/shop".into()),
            format: Some("sqlx".into()),
            format_reason: Some("20240301_add_index.sql is named as sqlx does it".into()),
            findings: vec![Finding::ok("server", "PostgreSQL 15.14"), finding()],
        })),
        Event::Doctor(_) => Event::Init(Box::new(init())),
        Event::Init(_) => Event::New(Box::new(NewReport {
            format: "sqlx".into(),
            files: vec!["db/migrations/0002_users.up.sql".into(), "db/migrations/0002_users.down.sql".into()],
            add: Some(Addition {
                path: "db/changelog/root.xml".into(),
                place: "as its last entry".into(),
                text: "<include file=\"0002_users.sql\" relativeToChangelogFile=\"true\"/>".into(),
            }),
        })),
        Event::New(_) => Event::Outcome(outcome()),
        Event::Outcome(_) => return None,
    };
    Some(next)
}

/// One of each, with every optional field filled.
fn samples() -> Vec<Value> {
    std::iter::successors(Some(Event::Start(start())), after)
        .map(|event| serde_json::to_value(event).expect("events are plain data"))
        .collect()
}

fn start() -> Start {
    Start {
        schema: EVENTS_VERSION,
        bellwether: "0.1.0".into(),
        environment: "production".into(),
        participant: Some("shop-web".into()),
        role: Role::Lead,
        role_reason: "RUN_MIGRATIONS=true".into(),
        leader: None,
        release: Some("v41".into()),
        release_reason: "--release".into(),
        deploy: Some("deploy-7".into()),
        database: Some("postgres://app@db.internal/shop".into()),
        format: Some("sqlx".into()),
        format_reason: Some("20240301_add_index.sql is named as sqlx does it".into()),
    }
}

fn init() -> InitReport {
    InitReport {
        migrations: Some("db/migrate".into()),
        format: Some("rails".into()),
        format_reason: Some("20240301120000_create_users.rb is named as Rails does it".into()),
        command: vec!["bundle".into(), "exec".into(), "rake".into(), "db:migrate".into()],
        command_reason: Some("bin/rails is here".into()),
        files: vec![InitFile {
            path: "Procfile".into(),
            state: FileState::Kept,
            reason: Some("it has no release phase; add this line".into()),
            add: Some("release: bellwether deploy".into()),
        }],
        next: vec!["`bellwether plan` shows what a deploy would do, once DATABASE_URL is set".into()],
    }
}

fn step() -> StepRef {
    StepRef { position: 3, total: 7, version: "20240301".into(), name: "20240301_add_index.sql".into() }
}

fn watched() -> Watched {
    Watched {
        run: RUN.into(),
        leader: "shop-web".into(),
        environment: "production".into(),
        release: "v41".into(),
        status: RunStatus::Running,
        done: 2,
        total: 7,
        current: Some("20240301_add_index".into()),
        age_ms: 42_000,
        beat_age_ms: Some(1_000),
        url: Some("https://github.com/owner/shop/actions/runs/7".into()),
    }
}

fn migration() -> MigrationState {
    MigrationState {
        version: "20240301".into(),
        name: "20240301_add_index.sql".into(),
        state: MigrationStanding::Pending,
        error: None,
    }
}

fn plan() -> PlanReport {
    PlanReport {
        start: start(),
        server: Some("PostgreSQL 15.14".into()),
        lock_mode: Some(LockMode::Session),
        lock_reason: "PostgreSQL without a pooler".into(),
        lock_name: "default".into(),
        lock_id: None,
        followers: Some("are woken by LISTEN".into()),
        pending: Pending::Some(vec!["20240301".into()]),
        migrations: vec![migration()],
        refused: vec![mark()],
        notices: vec!["1 applied migration has no file here: 20240215".into()],
        next: "apply 1 migration".into(),
    }
}

fn status() -> StatusReport {
    StatusReport {
        environment: "production".into(),
        release: Some("v41".into()),
        format: Some("sqlx".into()),
        format_reason: Some("20240301_add_index.sql is named as sqlx does it".into()),
        run: Some(watched()),
        error: Some("column \"emial\" does not exist".into()),
        pending: Pending::Some(vec!["20240301".into()]),
        migrations: vec![migration()],
        ready: false,
        reason: "the run of v41 is still at work".into(),
    }
}

fn past_run() -> PastRun {
    PastRun {
        run: RUN.into(),
        environment: "production".into(),
        lock_name: "default".into(),
        lock_mode: Some("session".into()),
        release: "v41".into(),
        digest: Some("9f86d081884c7d65".into()),
        deploy: Some("deploy-7".into()),
        leader: "shop-web".into(),
        platform: Some("heroku".into()),
        host: Some("release.1234".into()),
        url: Some("https://github.com/owner/shop/actions/runs/7".into()),
        engine: Some("sql".into()),
        session: Some("4711@1795228114123456".into()),
        status: "failed".into(),
        fence: Some(12),
        beats: Some(4),
        total: Some(7),
        done: Some(2),
        current: None,
        error: Some("column \"emial\" does not exist".into()),
        failed_step: Some("20240301_add_index".into()),
        started_at: Some("2026-11-21T02:28:34.123Z".into()),
        beat_at: Some("2026-11-21T02:28:40.444Z".into()),
        finished_at: Some("2026-11-21T02:28:40.444Z".into()),
        duration_ms: Some(6_321),
        beat_age_ms: None,
        ended_by: Some("its leader".into()),
        odd: Vec::new(),
    }
}

fn past_step() -> PastStep {
    PastStep {
        position: 3,
        version: "20240301".into(),
        description: Some("add index".into()),
        status: "failed".into(),
        after_ms: Some(1_234),
        started_at: Some("2026-11-21T02:28:35.357Z".into()),
        finished_at: Some("2026-11-21T02:28:40.444Z".into()),
        duration_ms: Some(5_087),
        error: Some("column \"emial\" does not exist".into()),
    }
}

fn resolved() -> Resolved {
    Resolved {
        version: "20240301".into(),
        name: "20240301_add_index.sql".into(),
        now: Resolution::Applied,
        was_dirty: true,
    }
}

fn finding() -> Finding {
    Finding {
        check: "following",
        health: Health::Bad,
        found: "the database user may not read bellwether's ledger".into(),
        causes: vec!["permission denied for table bellwether_runs (42501)".into()],
        todo: vec!["GRANT SELECT ON \"public\".\"bellwether_runs\" TO \"app\";".into()],
        usage: false,
    }
}

fn explained() -> Explained {
    Explained {
        title: "migration 20240301_add_index failed".into(),
        causes: vec!["column \"emial\" does not exist (42703)".into()],
        snippet: Some(" --> migrations/20240301_add_index.sql:3:27\n  | …".into()),
        hints: vec!["correct the script and deploy again".into()],
        marks: vec![mark()],
    }
}

fn mark() -> Mark {
    Mark {
        path: Some("migrations/20240301_add_index.sql".into()),
        line: Some(3),
        column: Some(27),
        message: "migration 20240301_add_index failed".into(),
    }
}

fn outcome() -> Outcome {
    Outcome {
        exit: Exit::MigrationFailed.code(),
        role: Some(Role::Lead),
        outcome: Exit::MigrationFailed.word(),
        release: Some("v41".into()),
        run: Some(RUN.into()),
        url: None,
        applied: vec!["20240101".into(), "20240215".into()],
        duration_ms: 4_400,
        error: Some(explained()),
        message: "2 of 3 migrations were applied".into(),
    }
}

/// A heading with what stands below it.
struct Section<'a> {
    name: &'a str,
    text: &'a str,
}

impl<'a> Section<'a> {
    fn all(level: &str) -> Vec<Section<'a>> {
        let mark = format!("\n{level} `");
        PAGE.split(mark.as_str())
            .skip(1)
            .map(|section| {
                let (name, text) = section.split_once('`').expect("a heading's name ends with a backtick");
                Section { name, text: text.split("\n## ").next().unwrap_or(text) }
            })
            .map(|section| Section {
                text: section.text.split("\n### ").next().unwrap_or_default(),
                ..section
            })
            .collect()
    }

    fn fields(&self) -> BTreeSet<String> {
        self.text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .map(str::to_owned)
            .collect()
    }

    fn example(&self) -> Value {
        let json = self.text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
        serde_json::from_str(json.expect("every event has an example")).expect("an example is JSON")
    }
}

fn keys(value: &Value) -> BTreeSet<String> {
    let object = value.as_object().expect("an event is an object");
    object.keys().filter(|key| *key != "event").cloned().collect()
}

#[test]
fn the_page_describes_every_event_and_no_other() {
    let documented: Vec<&str> = Section::all("##").iter().map(|section| section.name).collect();
    let samples = samples();
    let existing: Vec<&str> = samples.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(documented, existing);
}

#[test]
fn the_page_describes_every_field_and_no_other() {
    for (section, sample) in Section::all("##").iter().zip(samples()) {
        let mut existing = keys(&sample);
        if section.name == "plan" {
            // it has all of `start`, which the page says once
            existing.retain(|key| !keys(&serde_json::to_value(start()).expect("plain data")).contains(key));
        }
        assert_eq!(section.fields(), existing, "fields of {}", section.name);
    }
}

#[test]
fn the_page_describes_the_objects_inside_events() {
    let parts = [
        ("step", serde_json::to_value(step())),
        ("run", serde_json::to_value(watched())),
        ("past run", serde_json::to_value(past_run())),
        ("past step", serde_json::to_value(past_step())),
        ("change", serde_json::to_value(resolved())),
        ("finding", serde_json::to_value(finding())),
        ("file", serde_json::to_value(init().files.remove(0))),
        ("migration", serde_json::to_value(migration())),
        ("pending", serde_json::to_value(plan().pending)),
        ("error", serde_json::to_value(explained())),
        ("mark", serde_json::to_value(mark())),
    ];
    let sections = Section::all("###");
    assert_eq!(sections.iter().map(|s| s.name).collect::<Vec<_>>(), parts.each_ref().map(|(name, _)| *name));
    for (section, (name, sample)) in sections.iter().zip(parts) {
        assert_eq!(section.fields(), keys(&sample.expect("plain data")), "fields of {name}");
    }
}

#[test]
fn the_examples_are_what_is_written() {
    if std::env::var_os("BELLWETHER_BLESS").is_some() {
        return bless();
    }
    for (section, sample) in Section::all("##").iter().zip(samples()) {
        let wanted = serde_json::to_string(&sample).expect("plain data");
        assert_eq!(section.example(), sample, "the example of {} should be\n{wanted}", section.name);
    }
}

/// Writes the examples anew that are not what is written; `BELLWETHER_BLESS=1`.
fn bless() {
    let mut page = PAGE.to_owned();
    for (section, sample) in Section::all("##").iter().zip(samples()) {
        let block = section.text.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
        let block = block.expect("every event has an example");
        if serde_json::from_str::<Value>(block).ok().as_ref() != Some(&sample) {
            let wanted = serde_json::to_string_pretty(&sample).expect("plain data");
            page = page.replacen(&format!("```json\n{block}```"), &format!("```json\n{wanted}\n```"), 1);
        }
    }
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md"), page)
        .expect("the page can be written");
}

#[test]
fn the_page_lists_every_word() {
    let says = |section: &str, word: &str| {
        let sections = Section::all("##").into_iter().chain(Section::all("###"));
        let text: String = sections.filter(|s| s.name == section).map(|s| s.text).collect();
        assert!(text.contains(&format!("`{word}`")), "{section} does not mention {word}");
    };
    for exit in Exit::ALL.iter().chain(&[Exit::Signal(15)]) {
        says("outcome", exit.word());
    }
    for status in RunStatus::ALL {
        says("run", status.as_str());
    }
    for role in Role::ALL {
        says("start", role.as_str());
    }
    for mode in LockMode::ALL {
        says("run_started", mode.as_str());
    }
    for engine in EngineKind::ALL {
        says("run_started", engine.as_str());
    }
    for state in ["applied", "pending", "dirty", "changed", "ahead", "missing"] {
        says("migration", state);
    }
    for health in [Health::Ok, Health::Warn, Health::Bad] {
        says("finding", serde_json::to_value(health).expect("plain data").as_str().expect("a word"));
    }
    for now in [Resolution::Applied, Resolution::RolledBack] {
        says("change", serde_json::to_value(now).expect("plain data").as_str().expect("a word"));
    }
    for pending in [Pending::None, Pending::Unknown, Pending::Some(Vec::new())] {
        let value = serde_json::to_value(pending).expect("plain data");
        says("pending", value["state"].as_str().expect("a word"));
    }
}
