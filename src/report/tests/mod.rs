//! A stage for reporters: their streams, a clock that the tests own, and samples of events.

mod sentences;
mod streams;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::human::Human;
use super::json::Json;
use super::{Options, Teller, Terminal};
use crate::cli::{Color, Output};
use crate::model::event::{Event, Explained, Outcome, Start, StepRef, Watched};
use crate::model::run::{EngineKind, LockMode, Role, RunStatus};

#[derive(Clone, Debug, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn plain(output: Output) -> Options {
    Options { output, color: Color::Auto, verbosity: 0, terminal: Terminal::default(), github: false }
}

/// A reporter, its two streams, and a clock that ticks every second while it moves.
struct Stage {
    teller: Box<dyn Teller>,
    out: Page,
    err: Page,
    begin: Instant,
    now: Instant,
}

impl Stage {
    fn new(options: Options) -> Self {
        let (out, err, begin) = (Page::default(), Page::default(), Instant::now());
        let teller: Box<dyn Teller> = match options.output {
            Output::Human => {
                Box::new(Human::new(options, Box::new(out.clone()), Box::new(err.clone()), begin))
            }
            Output::Json => Box::new(Json::new(options, Box::new(out.clone()), Box::new(err.clone()), begin)),
        };
        Self { teller, out, err, begin, now: begin }
    }

    fn human(verbosity: i8) -> Self {
        Self::new(Options { verbosity, ..plain(Output::Human) })
    }

    /// Lets time pass up to so many milliseconds after the beginning.
    fn until(&mut self, ms: u64) -> &mut Self {
        let end = self.begin + Duration::from_millis(ms);
        while self.now + Duration::from_secs(1) <= end {
            self.now += Duration::from_secs(1);
            self.teller.tick(self.now);
        }
        self.now = end;
        self
    }

    fn tell(&mut self, event: Event) -> &mut Self {
        self.teller.tell(self.now, &event);
        self
    }
}

fn start(role: Role) -> Start {
    Start {
        schema: 1,
        bellwether: "0.1.0".into(),
        environment: "production".into(),
        participant: Some("shop-web".into()),
        role,
        role_reason: "RUN_MIGRATIONS=true".into(),
        leader: (role == Role::Follow).then(|| "shop-api".into()),
        release: Some("8c1f0a7be2d94c6fb0a1d2e3f405162738495a6b".into()),
        release_reason: "GITHUB_SHA".into(),
        deploy: None,
        database: Some("postgres://app@db.internal/shop".into()),
        format: Some("sqlx".into()),
        format_reason: Some("0001_users.sql is named as sqlx does it".into()),
    }
}

fn step(position: u64, name: &str) -> StepRef {
    StepRef { position, total: 3, version: name[..8].into(), name: format!("{name}.sql") }
}

fn watched(done: u64, current: &str, age_s: u64) -> Watched {
    Watched {
        run: "0d9f4f0e-1d2b-4c5a-8f5e-2a6b7c8d9e0f".into(),
        leader: "shop-web".into(),
        environment: "production".into(),
        release: "v41".into(),
        status: RunStatus::Running,
        done,
        total: 7,
        current: Some(current.into()),
        age_ms: age_s * 1000 + 400,
        beat_age_ms: Some(1_300),
        url: None,
    }
}

fn watching(run: Watched, waited_s: u64) -> Event {
    Event::Watching { run, waited_ms: waited_s * 1000 }
}

fn end(exit: u8, outcome: &'static str, message: &str, error: Option<Explained>) -> Event {
    Event::Outcome(Outcome {
        exit,
        role: Some(Role::Lead),
        outcome,
        release: Some("v41".into()),
        run: None,
        url: None,
        applied: Vec::new(),
        duration_ms: 74_200,
        error,
        message: message.into(),
    })
}

fn run_started(waited_ms: u64) -> Event {
    Event::RunStarted {
        run: "0d9f4f0e-1d2b-4c5a-8f5e-2a6b7c8d9e0f".into(),
        fence: 12,
        lock_mode: LockMode::Session,
        engine: EngineKind::Sql,
        total: 3,
        waited_ms,
    }
}
