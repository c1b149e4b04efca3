//! One round: participants of one release on a fresh database, faults while they work, and then peace, in which all of
//! them must come to an end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::faults::{Fault, Weather, between};
use super::judge;
use super::random::Random;
use crate::support::own::OwnServer;
use crate::support::{Bellwether, Finished, Migrations, Proxy, Running, Server, TestDatabase, witness};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// So many migrations; with `fails`, one in the middle cannot be applied.
    Sql { count: usize, fails: bool },
    /// A wrapped command of some seconds.
    Command,
}

/// A participant at work.
pub struct Participant {
    pub running: Running,
    /// When it is told to go on, if it is stopped.
    pub goes_on: Option<Instant>,
    pub stopped_for: Duration,
}

/// One that has ended.
pub struct Ended {
    pub finished: Finished,
    pub stopped_for: Duration,
    /// What it had to do was done when we heard of its end.
    pub done: bool,
}

/// A way to the server that can be disturbed.
pub struct Line {
    pub proxy: Proxy,
    pub thaws: Option<Instant>,
}

pub struct Round<'a> {
    pub db: &'a TestDatabase,
    pub own: Option<&'a OwnServer>,
    pub random: Random,
    pub work: Work,
    pub migrations: Migrations,
    pub participants: Vec<Participant>,
    pub ended: Vec<Ended>,
    pub lines: Vec<Line>,
    pub faults: BTreeMap<Fault, usize>,
    pub restarts: usize,
    crowd: usize,
    peace: bool,
    began: Instant,
    story: String,
}

/// What is told of a round.
pub struct Told {
    pub faults: usize,
    pub violations: Vec<String>,
    /// Faults and ends with their times.
    pub story: String,
}

/// Everyone's.
pub const BUDGET: Duration = Duration::from_secs(75);
/// Lines of the work's own: who began with it, who was at it, who has done it.
const COMMAND: &str = "echo begin $BELLWETHER_FENCE >> $0/did; trap '' TERM
    for i in $(seq 60); do echo at $BELLWETHER_FENCE >> $0/did; sleep 0.1; done; echo done $BELLWETHER_FENCE >> $0/did";

impl<'a> Round<'a> {
    pub fn new(
        db: &'a TestDatabase,
        own: Option<&'a OwnServer>,
        mut random: Random,
        work: Work,
        crowd: usize,
    ) -> Self {
        let migrations = match work {
            Work::Command => Migrations::new(),
            Work::Sql { count, fails } => {
                let migrations = Migrations::witnessed(db, count);
                for step in 1..=count {
                    let seconds = random.pause(20, 400).as_secs_f64();
                    let script = format!("{}{}", witness::testify(db.server(), step), db.sleep_sql(seconds));
                    migrations.write(&format!("{step:04}_step.sql"), script);
                }
                if fails {
                    let bad = format!("{:04}_step.sql", count / 2);
                    migrations.write(&bad, "insert into no_such_table values (1);");
                }
                migrations
            }
        };
        let lines = if db.server() == Server::Sqlite { 0 } else { 2 };
        let lines = (0..lines).map(|_| Line { proxy: Proxy::before(db), thaws: None }).collect();
        Self {
            db,
            own,
            random,
            work,
            migrations,
            participants: Vec::new(),
            ended: Vec::new(),
            lines,
            faults: BTreeMap::new(),
            restarts: 0,
            crowd,
            peace: false,
            began: Instant::now(),
            story: String::new(),
        }
    }

    /// Faults for so long, then peace.
    pub fn run(mut self, time: Duration, weather: Weather) -> Told {
        let until = Instant::now() + time;
        for _ in 0..self.crowd {
            self.join();
        }
        while Instant::now() < until && !self.participants.is_empty() && !self.is_settled() {
            std::thread::sleep(between(&mut self.random));
            self.clear_up(false);
            self.befall(&weather);
            self.reap();
        }
        self.clear_up(true);
        // in peace one that may lead always comes to an end with the work
        let last = self.start("lead", None);
        self.tell("peace");
        self.peace = true;
        let patience = BUDGET + Duration::from_secs(40);
        let end = Instant::now() + patience;
        while !self.participants.is_empty() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
            self.reap();
        }
        let last = last.wait(patience);
        self.tell(&format!("the last one: {:?}", last.code));
        let violations = judge::violations(&mut self, &last);
        Told { faults: self.faults.values().sum(), violations, story: self.story }
    }

    /// Adds a line to the story.
    pub fn tell(&mut self, what: &str) {
        let _ = writeln!(self.story, "{:7.3} {what}", self.began.elapsed().as_secs_f64());
    }

    fn start(&self, verb: &str, line: Option<usize>) -> Running {
        let participant = Bellwether::new(verb).on(self.db).release(self.db.name());
        let participant = participant.timeout(&format!("{}s", BUDGET.as_secs()));
        let participant = match self.work {
            Work::Sql { .. } => participant.migrations(&self.migrations),
            Work::Command => participant,
        };
        let participant = match line {
            Some(line) => participant.through(&self.lines[line].proxy),
            None => participant,
        };
        match self.work {
            Work::Command if verb != "follow" => {
                participant.args(["--", "sh", "-c", COMMAND]).arg(self.db.folder()).spawn()
            }
            _ => participant.spawn(),
        }
    }

    fn join(&mut self) {
        let verb = ["deploy", "deploy", "deploy", "follow", "lead"][self.random.below(5)];
        let line = self.random.below(self.lines.len() + 1).checked_sub(1);
        let running = self.start(verb, line);
        self.tell(&format!("{verb} joins by {line:?} as {}", running.pid()));
        self.participants.push(Participant { running, goes_on: None, stopped_for: Duration::ZERO });
    }

    /// Takes leave of those who have ended. Who was killed comes again, as a container does.
    fn reap(&mut self) {
        let mut killed = 0;
        while let Some(index) = self.participants.iter().position(|it| !it.running.is_running()) {
            let participant = self.participants.swap_remove(index);
            let pid = participant.running.pid();
            let finished = participant.running.wait(Duration::from_secs(10));
            let done = finished.code == Some(0) && judge::is_done(self);
            self.tell(&format!("{pid} ended: {:?}", finished.code.or(finished.signal.map(|it| 128 + it))));
            killed += usize::from(finished.code.is_none());
            self.ended.push(Ended { finished, stopped_for: participant.stopped_for, done });
        }
        if !self.peace {
            (0..killed).for_each(|_| self.join());
        }
    }

    /// Nothing more can happen: all is done, or somebody has refused what is half applied.
    fn is_settled(&self) -> bool {
        self.ended.iter().any(|ended| matches!(ended.finished.code, Some(10 | 13)))
            || (self.ended.len() > 2 * self.crowd && judge::is_done(self))
    }
}
