//! `docs/operating.md`: each of its commands is run in the state that its section is about, and ends as it should.

use std::time::Duration;

use crate::support::{Bellwether, Migrations, Running, Server, TestDatabase};

const PAGE: &str = include_str!("../../docs/operating.md");
const SOON: Duration = Duration::from_secs(30);

/// A section with what it shows: one list of commands per block.
struct Section {
    title: &'static str,
    blocks: Vec<Vec<&'static str>>,
}

fn sections() -> Vec<Section> {
    let parts = PAGE.split("\n## ").skip(1);
    let commands = |text: &'static str| {
        let blocks = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
        let command = |line: &'static str| line.split('#').next().unwrap_or_default().trim();
        blocks.map(|block| block.lines().map(command).collect()).collect()
    };
    parts
        .map(|text| Section { title: text.lines().next().unwrap_or_default(), blocks: commands(text) })
        .collect()
}

/// What a section is about: a database in that state, the migrations there, and what must go on meanwhile.
struct State {
    db: TestDatabase,
    migrations: Migrations,
    _leader: Option<Running>,
    config: Option<&'static str>,
}

impl State {
    fn new(db: TestDatabase, migrations: Migrations) -> Self {
        Self { db, migrations, _leader: None, config: None }
    }

    /// Runs a line of the page; gives its exit code and all that it said.
    fn run(&self, line: &str) -> (Option<i32>, String) {
        let line = line.replace("20240301", "2");
        let words =
            line.strip_prefix("bellwether ").unwrap_or_else(|| panic!("{line} is no command of ours"));
        let mut asked = Bellwether::bare()
            .args(words.split_whitespace())
            .on(&self.db)
            .env("BELLWETHER_MIGRATIONS", self.migrations.path())
            .env("BELLWETHER_PARTICIPANT", "shop-api")
            .env("BELLWETHER_RELEASE", "r1");
        if let Some(config) = self.config {
            asked = asked.config(config);
        }
        let ended = asked.run();
        (ended.code, ended.said())
    }
}

fn sqlite() -> TestDatabase {
    Server::Sqlite.database()
}

fn failed() -> State {
    let migrations = Migrations::counted(1).file("0002_bad.sql", "insert into no_such_table values (1);\n");
    let db = sqlite();
    Bellwether::lead(&db, &migrations).run().expect(10);
    State::new(db, migrations)
}

fn half_applied() -> State {
    let script = "-- no-transaction\ncreate table half (id int);\ninsert into no_such_table values (1);\n";
    let migrations = Migrations::counted(1).file("0002_half.sql", script);
    let db = sqlite();
    Bellwether::lead(&db, &migrations).run().expect(10);
    Bellwether::lead(&db, &migrations).run().expect(13);
    // by hand, as the page says
    db.sql("drop table half");
    migrations.write("0002_half.sql", "create table half (id int);\n");
    State::new(db, migrations)
}

fn at_work() -> State {
    let db = sqlite();
    let migrations = Migrations::counted(1).file("0002_slow.sql", db.sleep_sql(60.0));
    let leader = Bellwether::lead(&db, &migrations).spawn();
    leader.wait_for("second step", SOON, |event| {
        event["event"] == "step_started" && event["step"]["position"] == 2
    });
    db.wait_for_row("select 1 from bellwether_runs where done = 1", SOON);
    State { _leader: Some(leader), ..State::new(db, migrations) }
}

fn died() -> State {
    let mut state = at_work();
    if let Some(leader) = state._leader.take() {
        leader.kill9();
        leader.wait(SOON);
    }
    state.migrations.write("0002_slow.sql", "create table quick (id int);\n");
    state
}

fn lost() -> State {
    // a leader that is told to stop leaves what a lost lock leaves: a run that was interrupted
    let mut state = at_work();
    if let Some(leader) = state._leader.take() {
        leader.signal(nix::sys::signal::Signal::SIGTERM);
        leader.wait(SOON).expect(143);
    }
    state.migrations.write("0002_slow.sql", "create table quick (id int);\n");
    state
}

fn late() -> State {
    let db = sqlite();
    let migrations = Migrations::counted(1).file("0002_slow.sql", db.sleep_sql(60.0));
    Bellwether::lead(&db, &migrations).timeout("2s").run().expect(14);
    State::new(db, migrations)
}

fn behind() -> State {
    let db = sqlite();
    Bellwether::lead(&db, &Migrations::counted(1)).run().expect(0);
    let migrations = Migrations::counted(2);
    Bellwether::follow(&db, &migrations).config("follow: { start: 1s }").run().expect(15);
    State::new(db, migrations)
}

fn never() -> State {
    let db = sqlite();
    let migrations = Migrations::counted(1);
    Bellwether::follow(&db, &migrations).config("follow: { start: 1s }").run().expect(23);
    State::new(db, migrations)
}

fn done() -> State {
    let (db, migrations) = (sqlite(), Migrations::counted(2));
    Bellwether::lead(&db, &migrations).run().expect(0);
    State::new(db, migrations)
}

fn newer() -> State {
    let state = done();
    state.db.sql("update bellwether_meta set min_reader = 9");
    Bellwether::follow(&state.db, &state.migrations).run().expect(30);
    state
}

fn half_a_ledger() -> State {
    let state = done();
    state.db.sql("drop table bellwether_runs");
    state
}

fn asked_in_vain() -> State {
    State {
        config: Some("leader: shop-web, follow: { source: command, command: [sh, -c, exit 9] }"),
        ..State::new(sqlite(), Migrations::new())
    }
}

fn made_by_hand() -> State {
    let (db, migrations) = (sqlite(), Migrations::counted(2));
    db.sql("create table applied (name varchar(100) not null)");
    State::new(db, migrations)
}

type Case = (&'static str, fn() -> State, &'static [&'static [i32]]);

/// Each section, the state that it is about, and how its commands end, block by block: each block in a state of its own.
const CASES: &[Case] = &[
    ("10:", failed, &[&[0, 0]]),
    ("11:", at_work, &[&[0], &[4]]),
    ("12:", lost, &[&[0, 0, 0]]),
    ("13:", half_applied, &[&[0, 0], &[0, 0], &[0, 0]]),
    ("14:", late, &[&[0]]),
    ("15:", behind, &[&[0, 0]]),
    ("20:", failed, &[&[0]]),
    ("21:", at_work, &[&[0, 0]]),
    ("22:", died, &[&[0, 0], &[0, 0]]),
    ("23:", never, &[&[0, 0, 0]]),
    ("30:", newer, &[&[0, 31]]),
    ("31:", half_a_ledger, &[&[31]]),
    ("32:", asked_in_vain, &[&[0, 32]]),
    ("A leader that hangs", died, &[&[0]]),
    ("A database that was there before", made_by_hand, &[&[0, 0]]),
];

#[test]
fn every_command_of_the_page_ends_as_it_should() {
    let sections = sections();
    let shown: Vec<_> =
        sections.iter().filter(|section| !section.blocks.is_empty()).map(|section| section.title).collect();
    let known: Vec<_> = CASES.iter().map(|(title, ..)| *title).collect();
    assert_eq!(shown.len(), known.len(), "{shown:?}");
    // side by side: each has a database of its own, and mostly waits
    std::thread::scope(|scope| {
        for case in CASES {
            let section = sections.iter().find(|section| section.title.starts_with(case.0));
            let section = section.unwrap_or_else(|| panic!("no section {}", case.0));
            scope.spawn(move || check(section, case));
        }
    });
}

fn check(section: &Section, (title, state, blocks): &Case) {
    assert_eq!(section.blocks.len(), blocks.len(), "{title}");
    for (commands, codes) in section.blocks.iter().zip(*blocks) {
        let state = state();
        assert_eq!(commands.len(), codes.len(), "{commands:?}");
        for (command, code) in commands.iter().zip(*codes) {
            let (ended, said) = state.run(command);
            assert_eq!(ended, Some(*code), "{title} {command}\n{said}");
        }
    }
}

#[test]
fn every_exit_code_that_wakes_somebody_has_a_section() {
    let codes: Vec<u8> =
        sections().iter().filter_map(|section| section.title.split_once(':')?.0.parse().ok()).collect();
    let wanted: Vec<u8> =
        bellwether::exit::Exit::ALL.iter().map(|exit| exit.code()).filter(|code| *code >= 10).collect();
    assert_eq!(codes, wanted);
}
