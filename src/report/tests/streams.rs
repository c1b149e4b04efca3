//! Streams, terminals, and what programs read.

use indicatif::{ProgressDrawTarget, TermLike};

use super::sentences::plan;
use super::*;
use crate::report::progress::Progress;
use crate::report::reporter_to;

#[test]
fn a_program_too_hears_something_every_half_minute() {
    let mut stage = Stage::new(plain(Output::Json));
    stage.tell(Event::StepStarted { step: step(3, "20240301_add_index") }).until(65_000);
    stage.tell(end(0, "succeeded", "done", None)).until(200_000);
    let events: Vec<serde_json::Value> =
        stage.out.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<_> =
        events.iter().map(|e| (e["event"].as_str().unwrap(), e["since_ms"].as_u64())).collect();
    assert_eq!(
        said,
        [
            ("step_started", None),
            ("working", Some(3_000)),
            ("working", Some(28_000)),
            ("working", Some(53_000)),
            ("outcome", None)
        ]
    );
    assert_eq!(stage.err.text(), "");
}

#[test]
fn colours_follow_the_flag_then_the_environment_then_the_terminal() {
    let terminal = Terminal { stderr: true, ..Terminal::default() };
    let colors = |terminal: Terminal, color| terminal.colors(color, terminal.stderr);
    assert!(colors(terminal, Color::Auto));
    assert!(!colors(Terminal::default(), Color::Auto));
    assert!(!colors(Terminal { dumb: true, ..terminal }, Color::Auto));
    assert!(!colors(Terminal { no_color: true, force_color: true, ..terminal }, Color::Auto));
    assert!(colors(Terminal { force_color: true, ..Terminal::default() }, Color::Auto));
    assert!(colors(Terminal { no_color: true, ..Terminal::default() }, Color::Always));
    assert!(!colors(Terminal { force_color: true, ..terminal }, Color::Never));
}

/// A stream whose reader went away.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_closed_stream_disturbs_nobody() {
    for output in [Output::Human, Output::Json] {
        let options = plain(output);
        let report = reporter_to(options, Box::new(Closed), Box::new(Closed));
        report.event(&Event::Plan(Box::new(plan())));
        report.event(&Event::Notice { message: "still here".into() });
        report.finish();
        report.finish();
    }
}

#[test]
fn everything_is_written_when_finish_returns_and_the_outcome_is_last() {
    let out = Page::default();
    let options = plain(Output::Json);
    let report = reporter_to(options, Box::new(out.clone()), Box::new(Closed));
    for position in 1..=500 {
        report.event(&Event::StepFinished { step: step(position, "20240301_add_index"), duration_ms: 1 });
    }
    report.event(&end(0, "succeeded", "done", None));
    report.event(&Event::Notice { message: "too late".into() });
    report.finish();
    let text = out.text();
    assert_eq!(text.lines().count(), 501);
    assert!(text.lines().last().unwrap().starts_with(r#"{"event":"outcome","exit":0,"role":"lead","#));
}

/// A terminal that remembers what was written on it.
#[derive(Clone, Debug, Default)]
struct Screen(Page);

impl TermLike for Screen {
    fn width(&self) -> u16 {
        80
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        self.write_str("\n")
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.clone().write_all(text.as_bytes())
    }
    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r")
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_terminal_shows_a_bar_with_the_current_migration_and_its_time() {
    let screen = Screen::default();
    let to = screen.clone();
    let mut progress = Progress::on(move || ProgressDrawTarget::term_like(Box::new(to.clone())));
    progress.follow(&run_started(0));
    progress.follow(&Event::StepStarted { step: step(3, "20240301_add_index") });
    progress.show(Some(&Event::Working { step: Some(step(3, "20240301_add_index")), since_ms: 42_000 }));
    let text = screen.0.text();
    assert!(text.contains("[=============>      ] applying 3/3 20240301_add_index, 42 s so far"), "{text}");
    progress.follow(&Event::Progress { done: 1, total: 4 });
    progress.show(Some(&Event::Working { step: None, since_ms: 8_000 }));
    let text = screen.0.text();
    assert!(text.contains("[=====>              ] 1/4, still at work, 8 s"), "{text}");
    progress.show(Some(&Event::Waiting { reason: "no run yet".into(), waited_ms: 12_000 }));
    let text = screen.0.text();
    assert!(text.contains(" waiting, 12 s: no run yet"), "{text}");
    progress.show(None);
    assert!(screen.0.text().ends_with('\r'), "{:?}", screen.0.text());
}

#[test]
fn a_runner_takes_nothing_for_a_command_that_a_command_prints() {
    let mut stage = Stage::new(Options { github: true, ..plain(Output::Human) });
    let now = stage.now;
    stage.teller.output(now, b"::error::x\n#");
    stage.teller.output(now, b"#[error]y\nno end");
    stage.teller.aside("::endgroup::\n");
    stage.teller.output(now, b"late");
    stage.teller.close();
    let text = stage.err.text();
    let lines: Vec<&str> = text.lines().collect();
    let tokens: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("::stop-commands::")).collect();
    assert_eq!(tokens.len(), 2, "{text}");
    assert!(tokens[0] != tokens[1] && tokens.iter().all(|token| token.len() >= 32), "{text}");
    let end = |token: &str| format!("::{token}::");
    assert_eq!(
        lines[1..],
        [
            "::error::x",
            "## [error]y",
            "no end",
            &end(tokens[0]),
            "::endgroup::",
            &format!("::stop-commands::{}", tokens[1]),
            "late",
            &end(tokens[1]),
        ]
    );
}
