//! What `scripts/bench` runs: bellwether's release build against psql and sqlx-cli, on throw-away servers. Uses nothing
//! but the standard library, so that it compiles in a second and measures processes, as users meet them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

mod deploy;
mod histories;
mod page;
mod place;
mod stats;

use std::path::Path;

use page::{Page, Row, Target};
use place::{Database, Place, Tool};
use stats::{Samples, differences, median, timed};

/// How often what is short is measured; what is long, eleven times.
pub const SHORT: usize = 41;
/// See [`SHORT`].
pub const LONG: usize = 11;
/// Small migrations, for the loop.
pub const MANY: usize = 1000;
/// Who waits.
pub const FOLLOWERS: usize = 50;

/// Arguments: only these letters' parts, and no page.
fn main() {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let place = Place::from_environment();
    let mut page = Page::new(&place);
    if wanted("a") {
        nothing_to_do(&place, &mut page);
    }
    if wanted("b") {
        many_migrations(&place, &mut page);
    }
    for server in place.servers() {
        if wanted("c") {
            deploy::exits(&place, server, &mut page);
        }
        if wanted("e") {
            deploy::queries(&place, server, &mut page);
        }
    }
    if wanted("f") {
        around_a_command(&place, &mut page);
    }
    if wanted("g") {
        histories::all(&place, &mut page);
    }
    if parts.is_empty() {
        page.finish(&place);
    }
}

/// (a) A deploy that finds everything applied.
fn nothing_to_do(place: &Place, page: &mut Page) {
    let folder = place.folder("nothing");
    place::write_migrations(&folder, 10);
    let database = place.postgres().database("nothing");
    place.run(&mut place.bellwether(&database, "lead", &folder));
    let mut ours = Samples::default();
    let mut elects = Samples::default();
    let mut psql = Samples::default();
    let mut sqlx = Samples::default();
    for _ in 0..SHORT {
        ours.push(timed(place, &mut place.bellwether(&database, "lead", &folder)));
        psql.push(timed(place, place.psql(&database).args(["-c", "select 1"])));
        elects.push(timed(place, &mut place.bellwether(&database, "deploy", &folder)));
        sqlx.push(timed(place, &mut place.sqlx(&database, &folder)));
    }
    let target = Target::AtMost(1.0);
    page.ratio("(a) nothing to do: `bellwether lead`", &ours, "`psql -c 'select 1'`", &psql, Some(target));
    page.ratio(
        "(a) nothing to do: `bellwether deploy`",
        &elects,
        "`psql -c 'select 1'`",
        &psql,
        Some(target),
    );
    page.ratio("(a) nothing to do: `bellwether lead`", &ours, "`sqlx migrate run`", &sqlx, None);
}

/// (b) A thousand small migrations on an empty database.
fn many_migrations(place: &Place, page: &mut Page) {
    let folder = place.folder("many");
    place::write_migrations(&folder, MANY);
    let script = place.folder("script").join("many.sql");
    place::write_script(&script, MANY);
    let mut ours = Samples::default();
    let mut psql = Samples::default();
    let mut sqlx = Samples::default();
    let mut memory = Samples::default();
    for round in 0..LONG {
        let fresh = |tool: Tool| place.postgres().database(&format!("many_{}_{round}", tool.name()));
        let database = fresh(Tool::Bellwether);
        let mut command = place.bellwether(&database, "lead", &folder);
        let ended = place::watch(command.spawn().expect("bellwether starts"));
        ended.expect_success("bellwether lead");
        ours.push(ended.took());
        memory.push(ended.peak_mib());
        expect_applied(&database, "_sqlx_migrations");
        let database = fresh(Tool::Psql);
        psql.push(timed(place, &mut psql_script(place, &database, &script)));
        expect_applied(&database, "history");
        let database = fresh(Tool::Sqlx);
        sqlx.push(timed(place, &mut place.sqlx(&database, &folder)));
        expect_applied(&database, "_sqlx_migrations");
    }
    let what = "(b) 1,000 small migrations on an empty database";
    page.ratio(
        what,
        &ours,
        "`psql`: BEGIN, statement, INSERT, COMMIT each",
        &psql,
        Some(Target::AtMost(1.0)),
    );
    page.ratio(what, &ours, "`sqlx migrate run`", &sqlx, None);
    let peak = memory.max();
    page.push(Row::figure(
        "(d) peak memory of that leader",
        format!("{peak:.1} MiB"),
        peak,
        Some(Target::AtMost(12.0)),
    ));
}

/// (f) What the lock around a command costs when it is free: less the command alone, started just before.
fn around_a_command(place: &Place, page: &mut Page) {
    let servers: Vec<_> =
        place.servers().iter().map(|server| (server.name, Some(server.database("around")))).collect();
    for (name, database) in servers.into_iter().chain([("SQLite", None)]) {
        let file = place.folder("around").join("app.db");
        let url = database.as_ref().map_or_else(|| format!("sqlite://{}", file.display()), Database::url);
        place.run(&mut place.around_true(&url, "lead", "0"));
        let (mut alone, mut leads, mut elects) = (Samples::default(), Samples::default(), Samples::default());
        let mut connects = Samples::default();
        for round in 0..SHORT {
            alone.push(timed(place, &mut place.alone()));
            leads.push(timed(place, &mut place.around_true(&url, "lead", &format!("lead {round}"))));
            elects.push(timed(place, &mut place.around_true(&url, "deploy", &format!("deploy {round}"))));
            if let Some(database) = database.as_ref().filter(|_| name == "PostgreSQL") {
                connects.push(timed(place, place.psql(database).args(["-c", "select 1"])));
            }
        }
        for (verb, samples) in [("lead", &leads), ("deploy", &elects)] {
            let more = differences(samples, &alone);
            let what = format!("(f) {name}: `bellwether {verb} -- true`, more than `true` alone");
            let (low, high) = (more.quantile(0.25), more.quantile(0.75));
            let measured = format!("{:.1} ms ({low:.1}–{high:.1}), {} rounds", median(&more), more.len());
            page.push(Row::figure(&what, measured, median(&more), Some(Target::AtMost(20.0))));
        }
        if connects.len() > 0 {
            let what = "(f) PostgreSQL: `bellwether lead -- true`";
            page.ratio(what, &leads, "`psql -c 'select 1'`", &connects, None);
        }
        database.iter().for_each(Database::drop);
    }
}

fn psql_script(place: &Place, database: &Database, script: &Path) -> std::process::Command {
    let mut psql = place.psql(database);
    psql.args(["-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(script);
    psql
}

fn expect_applied(database: &Database, history: &str) {
    let applied = database.value(&format!("select count(*) from {history}"));
    assert_eq!(applied, MANY.to_string(), "rows in {history}");
    database.drop();
}

/// For what is given in one unit.
pub fn milliseconds(samples: &Samples) -> String {
    format!("{:.0} ms", median(samples))
}
