//! `docs/performance.md`: the table, and what it was measured on.

use std::fmt::Write as _;
use std::fs;

use crate::place::Place;
use crate::stats::{Samples, median, ratio};

/// What a figure has to be.
#[derive(Clone, Copy)]
pub enum Target {
    AtMost(f64),
}

/// One line of the table.
pub struct Row {
    what: String,
    measured: String,
    figure: f64,
    target: Option<Target>,
}

impl Row {
    pub fn figure(what: &str, measured: String, figure: f64, target: Option<Target>) -> Self {
        Self { what: what.to_owned(), measured, figure, target }
    }

    /// What could not be measured.
    pub fn skipped(what: &str) -> Self {
        Self::figure(what, "skipped".to_owned(), f64::NAN, None)
    }

    fn draw(&self) -> String {
        let (target, reached) = match self.target {
            None => (String::new(), ""),
            Some(Target::AtMost(limit)) if self.figure <= limit => (format!("≤ {limit}"), "yes"),
            Some(Target::AtMost(limit)) => (format!("≤ {limit}"), "**no**"),
        };
        format!("| {} | {} | {target} | {reached} |", self.what, self.measured)
    }
}

/// The page.
pub struct Page {
    rows: Vec<Row>,
    machine: Vec<String>,
}

impl Page {
    pub fn new(place: &Place) -> Self {
        Self { rows: Vec::new(), machine: machine(place) }
    }

    /// Says it at once, so that a later failure loses nothing.
    pub fn push(&mut self, row: Row) {
        println!("{}", row.draw());
        self.rows.push(row);
    }

    pub fn ratio(
        &mut self,
        what: &str,
        ours: &Samples,
        than: &str,
        theirs: &Samples,
        target: Option<Target>,
    ) {
        let figure = ratio(ours, theirs);
        let spread = |samples: &Samples| {
            format!("{:.1} ms ({:.1}–{:.1})", median(samples), samples.quantile(0.25), samples.quantile(0.75))
        };
        let measured =
            format!("**{figure:.2}** ×: {} against {}, {} rounds", spread(ours), spread(theirs), ours.len());
        self.push(Row::figure(&format!("{what}, against {than}"), measured, figure, target));
    }

    pub fn finish(&self, place: &Place) {
        let mut text = String::from(INTRODUCTION);
        text.push_str("\n| what | measured | to reach | reached |\n|---|---|---|---|\n");
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.draw()); // a String takes everything
        }
        text.push_str("\nMeasured on:\n\n");
        for line in &self.machine {
            let _ = writeln!(text, "- {line}");
        }
        // what people wrote below the line stays
        let before = fs::read_to_string(&place.page).unwrap_or_default();
        let notes = before.find(NOTES).map_or("", |at| &before[at..]);
        if !notes.is_empty() {
            let _ = write!(text, "\n{notes}");
        }
        fs::write(&place.page, text).expect("the page can be written");
    }
}

/// From here on the page is written by hand.
const NOTES: &str = "## Notes";

const INTRODUCTION: &str = "\
# Performance

Written by `scripts/bench`, which builds the release binary, starts throw-away servers (their `fsync` is off) and
measures everything in one run, tool by tool in turn. Ratios are the figures to compare: medians of the ratios of each
round's pair, 1 = as long as the other. Times are medians with their quartiles, and true only of the machine below.
";

fn machine(place: &Place) -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("", |(_, value)| value).trim().to_owned()
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let memory: u64 = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    let mut lines = vec![
        format!(
            "{processors} processors ({}), {} GiB of memory",
            field(&read("/proc/cpuinfo"), "model name"),
            memory >> 20
        ),
        format!(
            "Linux {}, load average {} at the start",
            read("/proc/sys/kernel/osrelease").trim(),
            read("/proc/loadavg").trim()
        ),
    ];
    lines.extend(place.versions());
    lines.push(place.postgres().database("version").value("select version()"));
    lines
}
