//! `examples/dotnet`: five nodes start at once, and one of them runs the command. There is no .NET here: `dotnet` is a
//! program of ours, [`the_program_dotnet`], which connects as the connection string says and does what EF Core would do
//! for these two migrations, without a lock of its own.

// as the program dotnet it speaks to whoever runs it
#![allow(clippy::print_stdout)]

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_yaml::Value;
use tiberius::{Client, Config};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

use crate::readme::copy_folder;
use crate::support::sqlserver::rows;
use crate::support::{Bellwether, TestDatabase, on_servers};

/// A connection costs a stand-in seconds of work, on a busy machine more than a look may take.
const LONG: Duration = Duration::from_secs(600);
/// So nodes of one test at a time.
static TURN: Mutex<()> = Mutex::new(());
const NAME: &str = "ConnectionStrings__Default";
/// Where EF Core's own commands write what they do, a line each.
const APPLYING: &str = "Applying migration";
/// Of the migrations, by name: what EF Core makes of them.
const SQL: [(&str, &str); 2] = [
    (
        "20240101120000_AddCustomers",
        "CREATE TABLE [Customers] ([Id] int NOT NULL, [Name] nvarchar(100) NOT NULL, CONSTRAINT [PK_Customers] PRIMARY KEY ([Id]))",
    ),
    (
        "20240102120000_AddCustomerEmail",
        "ALTER TABLE [Customers] ADD [Email] nvarchar(200) NULL; CREATE INDEX [IX_Customers_Email] ON [Customers] ([Email])",
    ),
];

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/dotnet")
}

/// The service of the application in the example's `compose.yaml`.
fn shop() -> Value {
    let text = std::fs::read_to_string(example().join("compose.yaml")).unwrap();
    serde_yaml::from_str::<Value>(&text).unwrap()["services"]["shop"].clone()
}

/// A copy of the example, and what stands in for `dotnet`.
struct Node<'a> {
    db: &'a TestDatabase,
    folder: PathBuf,
    path: OsString,
}

impl<'a> Node<'a> {
    fn of(db: &'a TestDatabase) -> Self {
        let folder = db.folder().join("app");
        copy_folder(&example(), &folder);
        let mut config = std::fs::read_to_string(folder.join("bellwether.yml")).unwrap();
        config.push_str("    connect: { wait: 10m }\n"); // as long as it may take, see LONG
        std::fs::write(folder.join("bellwether.yml"), config).unwrap();
        let programs = db.folder().join("bin");
        std::fs::create_dir(&programs).unwrap();
        let dotnet = programs.join("dotnet");
        let ours = std::env::current_exe().unwrap();
        let text = format!(
            "#!/bin/sh\n[ \"$*\" = \"ef database update --no-build\" ] || exit 64\n\
             exec '{}' --exact dotnet::the_program_dotnet --ignored --nocapture\n",
            ours.display()
        );
        std::fs::write(&dotnet, text).unwrap();
        std::fs::set_permissions(&dotnet, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut path = OsString::from(programs);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        Self { db, folder, path }
    }

    /// `compose.yaml`'s string, with the place, the user and the password of the test's database.
    fn connection_string(&self) -> String {
        let url = self.db.url();
        let url = url::Url::parse(url).unwrap();
        let text = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let template = shop()["environment"][NAME].as_str().unwrap().to_owned();
        let place = format!("{},{}", url.host_str().unwrap(), url.port().unwrap_or(1433));
        let filled = template
            .replace("sqlserver,1433", &place)
            .replace("=Shop", &format!("={}", text(url.path().trim_start_matches('/'))))
            .replace("=sa", &format!("={}", text(url.username())))
            .replace("${SA_PASSWORD}", &text(url.password().unwrap()));
        assert!(!filled.contains(['$', '{']), "{filled}");
        filled
    }

    fn named(&self, name: &str) -> Bellwether {
        let config = self.folder.join("bellwether.yml");
        Bellwether::new("deploy")
            .arg("-c")
            .arg(config)
            .participant(name)
            .env("PATH", &self.path)
            .env(NAME, self.connection_string())
            .env("BELLWETHER_RELEASE", "v1")
            // a stand-in's locks hold for all databases
            .env("BELLWETHER_LOCK_NAME", self.db.name())
    }
}

on_servers! { [sqlserver SqlServer]
    fn five_nodes_of_the_example_migrate_once(db) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let node = Node::of(db);
        assert_eq!(shop()["entrypoint"][2].as_str().unwrap().split(" && ").next(), Some("bellwether deploy"));
        let replicas = shop()["deploy"]["replicas"].as_u64().unwrap();
        let nodes: Vec<_> = (1..=replicas).map(|n| node.named(&format!("node-{n}")).spawn()).collect();
        let ended: Vec<_> = nodes.into_iter().map(|node| node.wait(LONG).expect(0)).collect();
        assert_eq!(ended.len(), 5);
        let said = |event: &serde_json::Value| event["text"].as_str().is_some_and(|line| line.contains(APPLYING));
        let lines: Vec<_> = ended.iter().map(|node| node.events_named("output").into_iter().filter(|line| said(line)).count()).collect();
        assert_eq!(lines.iter().sum::<usize>(), SQL.len(), "{lines:?}");
        let leaders = ended.iter().filter(|node| !node.events_named("run_started").is_empty());
        assert_eq!(leaders.count(), 1);
        assert_eq!(db.column("select status from bellwether_runs"), ["succeeded"]);
        let recorded = db.column("select MigrationId from [__EFMigrationsHistory] order by 1");
        assert_eq!(recorded, SQL.map(|(name, _)| name));
        assert_eq!(db.rows("select Id, Name, Email from Customers"), [[""; 3]; 0]);
    }

    fn all_nodes_of_the_example_hear_of_a_failure(db) {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        db.sql("create table Customers (Id int not null)");
        let node = Node::of(db);
        let nodes: Vec<_> = (1..=3).map(|n| node.named(&format!("node-{n}")).spawn()).collect();
        let mut codes = Vec::new();
        for node in nodes {
            let ended = node.wait(LONG).explains(&["Customers"]);
            codes.push(ended.code.unwrap());
        }
        codes.sort_unstable();
        // who came when it had failed already is an elect that tries anew, later
        assert!(codes.iter().all(|code| [10, 20].contains(code)) && codes[0] == 10, "{codes:?}");
        assert_eq!(db.column("select count(*) from [__EFMigrationsHistory]"), ["0"]);
    }
}

/// `dotnet ef database update`, in the folder of the project.
#[test]
#[ignore = "it is the program dotnet of the other tests"]
fn the_program_dotnet() -> Result<(), Box<dyn std::error::Error>> {
    let string = std::env::var(NAME)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(update(&string))
}

/// What EF Core does, one migration after the other: a transaction of the change and its row.
async fn update(string: &str) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::from_ado_string(string)?;
    let stream = TcpStream::connect(config.get_addr()).await?;
    let mut client = Client::connect(config, stream.compat_write()).await?;
    let table = "[__EFMigrationsHistory] ([MigrationId] nvarchar(150) NOT NULL PRIMARY KEY, [ProductVersion] nvarchar(32) NOT NULL)";
    rows(&mut client, &format!("IF OBJECT_ID('[__EFMigrationsHistory]') IS NULL CREATE TABLE {table}"))
        .await?;
    let mut files: Vec<_> = std::fs::read_dir("Migrations")?
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".Designer.cs"))
        .collect();
    files.sort();
    let done = rows(&mut client, "SELECT [MigrationId] FROM [__EFMigrationsHistory]").await?;
    for file in files {
        let id = file.trim_end_matches(".Designer.cs");
        if done.iter().flatten().any(|recorded| recorded == id) {
            continue;
        }
        let (_, sql) = SQL.iter().find(|(name, _)| *name == id).ok_or_else(|| format!("{id} is unknown"))?;
        println!("{APPLYING} '{id}'.");
        rows(&mut client, "BEGIN TRANSACTION").await?;
        rows(&mut client, sql).await?;
        rows(&mut client, &format!("INSERT INTO [__EFMigrationsHistory] VALUES (N'{id}', N'8.0.11')"))
            .await?;
        rows(&mut client, "COMMIT").await?;
    }
    println!("Done.");
    Ok(())
}
