//! On a terminal: one bar or spinner at the bottom that shows what goes on right now. Nothing of it stays.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::event::Event;
use crate::report::human::now_doing;

/// Characters between the brackets of a bar.
const WIDTH: usize = 20;

/// The bottom line.
pub struct Progress {
    target: Box<dyn Fn() -> ProgressDrawTarget + Send>,
    bar: Option<ProgressBar>,
    /// Steps of our own run, done and in all.
    own: (u64, u64),
}

impl Progress {
    /// On this process's stderr.
    pub fn on_stderr() -> Self {
        Self::on(ProgressDrawTarget::stderr)
    }

    /// Elsewhere.
    pub fn on(target: impl Fn() -> ProgressDrawTarget + Send + 'static) -> Self {
        Self { target: Box::new(target), bar: None, own: (0, 0) }
    }

    /// Keeps count of our own run.
    pub fn follow(&mut self, event: &Event) {
        match event {
            Event::RunStarted { total, .. } => self.own = (0, *total),
            Event::StepStarted { step } => self.own = (step.position.saturating_sub(1), step.total),
            Event::StepFinished { step, .. } => self.own = (step.position, step.total),
            Event::Progress { done, total } => self.own = (*done, *total),
            Event::RunFinished { .. } => self.own = (0, 0),
            _ => {}
        }
    }

    /// Draws what goes on; nothing clears the line.
    pub fn show(&mut self, pursued: Option<&Event>) {
        let Some(event) = pursued else {
            self.clear();
            return;
        };
        let (done, total) = match event {
            Event::Working { .. } => self.own,
            Event::Watching { run, .. } | Event::LockWaiting { holder: Some(run), .. } => {
                (run.done, run.total)
            }
            _ => (0, 0),
        };
        let mut text = now_doing(event);
        if let (Event::Working { step: None, .. }, true) = (event, total > 0) {
            text = format!("{done}/{total}, {text}");
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner())
                .tick_chars("|/-\\ ");
            ProgressBar::with_draw_target(None, (self.target)()).with_style(style)
        });
        // one message, so that no half of it is ever drawn
        bar.set_message(if total == 0 { text } else { format!("[{}] {text}", filled(done, total)) });
        bar.tick();
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Writes lines that stay, above the bottom line.
    pub fn suspend(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

/// `=====>              `: done of total.
fn filled(done: u64, total: u64) -> String {
    let share = WIDTH as u64 * done.min(total) / total.max(1);
    let full = usize::try_from(share).unwrap_or(WIDTH);
    if full == WIDTH {
        return "=".repeat(WIDTH);
    }
    let head = format!("{}>", "=".repeat(full));
    format!("{head:<WIDTH$}")
}
