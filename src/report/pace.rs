//! When something is said: what repeats is said again only when it changed or after a while, and while anything
//! is waited for there is something to say within half a minute (CI systems end silent jobs). Owns no words and no output.

use std::time::{Duration, Instant};

use crate::model::event::{Event, StepRef};
use crate::report::words::ms;

/// The longest silence while anything is waited for: half a minute is promised, and clocks tick once a second.
pub const SILENCE: Duration = Duration::from_secs(25);
/// The shortest pause between two lines about a run that only moved on.
const PROGRESS: Duration = Duration::from_secs(1);
/// A migration that takes this long is named before it ends.
const LONG_STEP: Duration = Duration::from_secs(3);

/// What was said, and what is going on.
#[derive(Debug)]
pub struct Pace {
    everything: bool,
    last_said: Instant,
    waits: Said,
    retries: Said,
    beats: Said,
    progress: Said,
    pursuit: Pursuit,
    /// Between `run_started` and `run_finished`, no trouble with a connection hides the work.
    in_run: bool,
}

/// The last of a kind of event that was let through.
type Said = Option<(Key, Instant)>;

/// What makes two events say the same.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    /// A change here is said at once.
    matter: String,
    /// A change here is said after [`PROGRESS`].
    progress: String,
}

#[derive(Debug)]
enum Pursuit {
    Nothing,
    Work { step: Option<StepRef>, since: Instant, named: bool },
    Wait { event: Box<Event>, at: Instant },
}

impl Pace {
    /// Begins now; with `everything`, repetitions get through.
    pub fn new(now: Instant, everything: bool) -> Self {
        Self {
            everything,
            last_said: now,
            waits: None,
            retries: None,
            beats: None,
            progress: None,
            pursuit: Pursuit::Nothing,
            in_run: false,
        }
    }

    /// Whether to say this event.
    pub fn admit(&mut self, now: Instant, event: &Event) -> bool {
        self.pursue(now, event);
        let Some(key) = key(event) else { return true };
        let said = match event {
            Event::Retrying { .. } => &mut self.retries,
            Event::BeatMissed { .. } => &mut self.beats,
            Event::Progress { .. } => &mut self.progress,
            _ => &mut self.waits,
        };
        let admitted = match said {
            Some((last, at)) => {
                let since = now.saturating_duration_since(*at);
                self.everything
                    || since >= SILENCE
                    || last.matter != key.matter
                    || (last.progress != key.progress && since >= PROGRESS)
            }
            None => true,
        };
        if admitted {
            *said = Some((key, now));
        }
        admitted
    }

    /// To be called when a line was written: the silence begins anew.
    pub fn said(&mut self, now: Instant) {
        self.last_said = now;
    }

    /// What must be said now although nothing happened.
    pub fn due(&mut self, now: Instant) -> Option<Event> {
        let silent = now.saturating_duration_since(self.last_said);
        let long = match &self.pursuit {
            Pursuit::Work { step: Some(_), since, named: false } => {
                now.saturating_duration_since(*since) >= LONG_STEP
            }
            _ => false,
        };
        if silent < SILENCE && !long {
            return None;
        }
        if let Pursuit::Work { named, .. } = &mut self.pursuit {
            *named = true;
        }
        let event = self.pursued(now)?;
        if let (Event::Watching { .. } | Event::Waiting { .. } | Event::LockWaiting { .. }, Some(key)) =
            (&event, key(&event))
        {
            self.waits = Some((key, now));
        }
        Some(event)
    }

    /// What is going on, with its times as of now.
    pub fn pursued(&self, now: Instant) -> Option<Event> {
        match &self.pursuit {
            Pursuit::Nothing => None,
            Pursuit::Work { step, since, .. } => Some(Event::Working {
                step: step.clone(),
                since_ms: ms(now.saturating_duration_since(*since)),
            }),
            Pursuit::Wait { event, at } => Some(later(event, ms(now.saturating_duration_since(*at)))),
        }
    }

    fn pursue(&mut self, now: Instant, event: &Event) {
        let work = |step: Option<&StepRef>| Pursuit::Work { step: step.cloned(), since: now, named: false };
        match event {
            Event::Start(start) => {
                let reason = match &start.database {
                    Some(database) => format!("connecting to {database}"),
                    None => "the status command is at work".to_owned(),
                };
                self.pursuit =
                    Pursuit::Wait { event: Box::new(Event::Waiting { reason, waited_ms: 0 }), at: now };
            }
            Event::RunFinished { .. } => {
                self.in_run = false;
                self.pursuit = work(None);
            }
            Event::RunStarted { .. } => {
                self.in_run = true;
                self.pursuit = work(None);
            }
            Event::StepStarted { step } => self.pursuit = work(Some(step)),
            Event::StepFinished { .. } | Event::StepFailed { .. } => self.pursuit = work(None),
            Event::Plan(_)
            | Event::Status(_)
            | Event::History(_)
            | Event::RunSteps(_)
            | Event::Lock(_)
            | Event::Unlocked(_)
            | Event::Resolved(_)
            | Event::Doctor(_)
            | Event::Init(_)
            | Event::New(_)
            | Event::Outcome(_) => self.pursuit = Pursuit::Nothing,
            Event::Retrying { .. } if self.in_run => {}
            Event::Retrying { .. }
            | Event::Watching { .. }
            | Event::Waiting { .. }
            | Event::LockWaiting { .. } => {
                self.pursuit = Pursuit::Wait { event: Box::new(event.clone()), at: now }
            }
            Event::Warning { .. }
            | Event::Notice { .. }
            | Event::StepRetried { .. }
            | Event::Working { .. }
            | Event::Output { .. }
            | Event::Progress { .. }
            | Event::BeatMissed { .. } => {}
        }
    }
}

/// None for events that are always said.
fn key(event: &Event) -> Option<Key> {
    let key = |kind: &str, matter: String, progress: String| {
        Some(Key { matter: format!("{kind} {matter}"), progress })
    };
    match event {
        Event::Watching { run, .. } | Event::LockWaiting { holder: Some(run), .. } => {
            let kind = if matches!(event, Event::Watching { .. }) { "watching" } else { "lock" };
            key(kind, format!("{} {}", run.run, run.status), format!("{} {:?}", run.done, run.current))
        }
        Event::LockWaiting { holder: None, .. } => key("lock", String::new(), String::new()),
        Event::Waiting { reason, .. } => key("waiting", unnumbered(reason), String::new()),
        Event::Retrying { what, reason, .. } => {
            key("retrying", unnumbered(&format!("{what} {reason}")), String::new())
        }
        Event::BeatMissed { reason, .. } => key("beat", unnumbered(reason), String::new()),
        Event::Progress { done, total } => key("progress", total.to_string(), done.to_string()),
        _ => None,
    }
}

/// Times and ports that count along make no new sentence.
fn unnumbered(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// The same event, seen a while later.
fn later(event: &Event, passed_ms: u64) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::Watching { run, waited_ms } | Event::LockWaiting { holder: Some(run), waited_ms } => {
            *waited_ms += passed_ms;
            run.age_ms += passed_ms;
            run.beat_age_ms = run.beat_age_ms.map(|ms| ms + passed_ms);
        }
        Event::Waiting { waited_ms, .. } | Event::LockWaiting { holder: None, waited_ms } => {
            *waited_ms += passed_ms;
        }
        _ => {}
    }
    event
}
