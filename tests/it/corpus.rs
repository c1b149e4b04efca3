//! Scripts that are hard to split: sent piece by piece they must leave the database as its own client leaves it.
//! A `NAME.plain.sql` is `NAME.sql` without the client's `DELIMITER`, and must leave what that one leaves.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bellwether::database::EngineName;
use bellwether::engine::split::{Split, split};

use crate::support::database::Session;
use crate::support::{Server, TestDatabase, tool};

/// Empties a database of PostgreSQL.
const NEW_SCHEMA: &str =
    "drop schema if exists app cascade; drop schema public cascade; create schema public";

/// The scripts of an engine, by name.
fn scripts(engine: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(engine);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Runs every script both ways and compares what is in the databases then.
fn compare(server: Server, engine: EngineName, folder: &str, settings: &str, client: &str, dump: &str) {
    let (Some(client), true) = (tool(client), server.is_available()) else { return };
    let dump = tool(dump).expect("a server's dump program is installed with its client");
    let mut differences = Vec::new();
    let mut pair = [server.database(), server.database()];
    for script in scripts(folder) {
        let name = script.file_name().unwrap().to_str().unwrap();
        match server {
            // making and dropping a database takes a checkpoint each, a schema does not
            Server::Postgres => pair.iter().for_each(|database| database.sql(NEW_SCHEMA)),
            _ => pair = [server.database(), server.database()],
        }
        let [theirs, ours] = &pair;
        let reference = script.with_file_name(name.replace(".plain.sql", ".sql"));
        run_client(&client, theirs, &reference);
        let mut session = ours.session();
        session.run(settings);
        let sent = run_pieces(&mut session, &fs::read_to_string(&script).unwrap(), engine);
        drop(session);
        let [theirs, ours] = [theirs, ours].map(|database| contents(&dump, database));
        if let Err(error) = sent {
            differences.push(format!("{folder}/{name}: {error}"));
        } else if theirs != ours {
            differences.push(format!("{folder}/{name}:\n--- client\n{theirs}\n--- pieces\n{ours}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

fn run_pieces(session: &mut Session, script: &str, engine: EngineName) -> Result<(), String> {
    match split(script, engine) {
        Split::Statements(pieces) => {
            for piece in pieces {
                let sent = session.try_run(piece.text);
                sent.map_err(|error| format!("line {}: {error}\nin: {}", piece.line, piece.text))?;
            }
            Ok(())
        }
        other => Err(format!("not split: {other:?}")),
    }
}

fn run_client(client: &Path, database: &TestDatabase, script: &Path) {
    let mut command = command(client, database);
    match database.server() {
        Server::Postgres => command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"]).arg(script),
        Server::MariaDb => command.arg("--comments").stdin(File::open(script).unwrap()),
        Server::Sqlite => command.arg("-bail").stdin(File::open(script).unwrap()),
        Server::SqlServer => panic!("no client of SQL Server's is here"),
    };
    let output = finished(command);
    assert!(output.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
}

/// Schema, routines and rows, without what differs between any two databases.
fn contents(dump: &Path, database: &TestDatabase) -> String {
    let mut command = command(dump, database);
    match database.server() {
        Server::Postgres => command.args(["--no-owner", "--inserts"]),
        Server::MariaDb => command.args(["--skip-comments", "--routines", "--triggers", "--events"]),
        Server::Sqlite => command.arg(".dump"),
        Server::SqlServer => panic!("no client of SQL Server's is here"),
    };
    let output = finished(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap().replace(database.name(), "DATABASE");
    // pg_dump's \restrict carries a random word
    let lines =
        text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A client or dump program, pointed at a database.
fn command(program: &Path, database: &TestDatabase) -> Command {
    let mut command = Command::new(program);
    match database.server() {
        Server::Postgres => command.arg("-d").arg(database.url()),
        Server::MariaDb => {
            let url = url::Url::parse(database.url()).unwrap();
            command
                .args(["--no-defaults", "--default-character-set=utf8mb4", "--protocol=tcp"])
                .arg(format!("--host={}", url.host_str().unwrap()))
                .arg(format!("--port={}", url.port().unwrap()))
                .arg(format!("--user={}", url.username()))
                .env("MYSQL_PWD", url.password().unwrap_or_default())
                .arg(database.name())
        }
        Server::Sqlite => command.arg(database.file()),
        Server::SqlServer => panic!("no client of SQL Server's is here"),
    };
    command
}

fn finished(mut command: Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

#[test]
fn a_hundred_scripts_are_in_the_corpus() {
    assert!(["postgres", "mysql", "sqlite"].map(|engine| scripts(engine).len()).iter().sum::<usize>() >= 100);
}

#[test]
fn postgres_scripts_in_pieces_do_what_psql_does() {
    compare(Server::Postgres, EngineName::Postgres, "postgres", "select 1", "psql", "pg_dump");
}

#[test]
fn mariadb_scripts_in_pieces_do_what_its_client_does() {
    // the driver asks for modes and a collation of its own, which routines would remember
    let settings = "set names utf8mb4; set sql_mode = default, time_zone = default";
    compare(Server::MariaDb, EngineName::MySql, "mysql", settings, "mariadb", "mariadb-dump");
}

#[test]
fn sqlite_scripts_in_pieces_do_what_its_shell_does() {
    compare(Server::Sqlite, EngineName::Sqlite, "sqlite", "pragma foreign_keys = off", "sqlite3", "sqlite3");
}

/// A dump is the script that people have most: with `DELIMITER`, executable comments, and routines in them.
#[test]
fn a_dump_of_mariadb_in_pieces_makes_what_was_dumped() {
    let server = Server::MariaDb;
    let (Some(client), true) = (tool("mariadb"), server.is_available()) else { return };
    let dump = tool("mariadb-dump").expect("a server's dump program is installed with its client");
    let (first, second) = (server.database(), server.database());
    for name in ["16_control_flow.sql", "20_events.sql", "26_unicode.sql", "34_definers.sql"] {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mysql").join(name);
        first.sql("drop table if exists t; drop view if exists v; drop procedure if exists p; drop function if exists f");
        run_client(&client, &first, &script);
    }
    let dumped = contents(&dump, &first);
    assert!(dumped.contains("DELIMITER ;;"));
    let sent = run_pieces(&mut second.session(), &dumped, EngineName::MySql);
    assert_eq!(sent, Ok(()));
    assert_eq!(contents(&dump, &second), dumped);
}
