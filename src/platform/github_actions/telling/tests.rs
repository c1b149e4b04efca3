//! What the runner is told, in order.

use super::*;
use crate::cli::Color;
use crate::model::event::Explained;
use crate::model::run::LockMode;
use crate::report::Terminal;

/// Notes what it is told, in order.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Report for Log {
    fn event(&self, event: &Event) {
        let name = serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned();
        self.0.lock().unwrap().push(format!("[{name}]"));
    }
    fn output(&self, bytes: &[u8]) {
        self.0.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
    }
    fn aside(&self, lines: &str) {
        self.0.lock().unwrap().extend(lines.lines().map(str::to_owned));
    }
    fn finish(&self) {}
}

fn telling(output: Output) -> (Arc<Log>, Telling) {
    let log = Arc::new(Log::default());
    let step = Step {
        is_action: false,
        output: None,
        summary: None,
        workspace: Some(std::env::current_dir().unwrap()),
    };
    let options =
        Options { output, color: Color::Never, verbosity: 0, terminal: Terminal::default(), github: true };
    (Arc::clone(&log), Telling::new(log, step, BTreeSet::new(), "deploy", options))
}

fn run_started(engine: EngineKind) -> Event {
    Event::RunStarted {
        run: "5c0d".into(),
        fence: 1,
        lock_mode: LockMode::Session,
        engine,
        total: 2,
        waited_ms: 0,
    }
}

fn failed(marks: Vec<Mark>) -> Event {
    Event::Outcome(Outcome {
        exit: 10,
        role: None,
        outcome: "failed",
        release: None,
        run: None,
        url: None,
        applied: Vec::new(),
        duration_ms: 1,
        error: Some(Explained {
            title: "it failed".to_owned(),
            causes: vec!["said the database".to_owned()],
            snippet: None,
            hints: vec!["mend it".to_owned()],
            marks,
        }),
        message: String::new(),
    })
}

fn heard(log: &Log) -> Vec<String> {
    log.0.lock().unwrap().clone()
}

#[test]
fn a_command_has_a_part_of_its_own_and_an_end_in_the_middle_closes_it() {
    let (log, telling) = telling(Output::Human);
    telling.event(&run_started(EngineKind::Command));
    telling.output(b"said");
    telling.event(&failed(Vec::new()));
    assert_eq!(
        heard(&log),
        [
            "::group::The command",
            "[run_started]",
            "said",
            "::endgroup::",
            "[outcome]",
            "::error title=bellwether%3A failed::it failed%0Asaid the database%0Ahelp: mend it",
        ]
    );
}

#[test]
fn each_file_has_its_annotation_from_the_workspace() {
    let (log, telling) = telling(Output::Json);
    let mark = |position: usize| Mark {
        path: Some(format!("db/{position}.sql")),
        line: Some(position),
        column: None,
        message: format!("wrong in {position}"),
    };
    telling.event(&run_started(EngineKind::Sql));
    telling.event(&failed((1..=15).map(mark).collect()));
    let heard = heard(&log);
    assert_eq!(heard[..2], ["[run_started]", "[outcome]"]);
    assert_eq!(heard.len(), 2 + KEPT);
    assert_eq!(
        heard[2],
        "::error file=db/1.sql,line=1,title=bellwether%3A failed::wrong in 1%0Ait failed%0Asaid the database%0Ahelp: mend it"
    );
    assert_eq!(heard[3], "::error file=db/2.sql,line=2,title=bellwether%3A failed::wrong in 2");
}

#[test]
fn parts_of_the_log_can_be_folded() {
    let (log, telling) = telling(Output::Human);
    let waiting = |waited_ms| Event::Waiting { reason: "no run yet".to_owned(), waited_ms };
    telling.event(&waiting(0));
    telling.event(&waiting(1000));
    telling.event(&run_started(EngineKind::Sql));
    telling.event(&failed(Vec::new()));
    let groups: Vec<String> = heard(&log).into_iter().filter(|line| line.contains("group")).collect();
    let ended = "::endgroup::";
    assert_eq!(groups, ["::group::Waiting for the leader", ended, "::group::2 migrations", ended]);
}

#[test]
fn the_runner_keeps_ten_warnings_and_the_log_the_rest() {
    let (log, telling) = telling(Output::Human);
    for number in 0..12 {
        telling.event(&Event::Warning { message: format!("odd {number}") });
    }
    let heard = heard(&log);
    assert_eq!(heard[0], "::warning title=bellwether::odd 0");
    assert_eq!(heard[10..], ["[warning]", "[warning]"]);
}
