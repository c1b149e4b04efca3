//! refinery's own command, on its three databases.

use std::process::Command;

use url::Url;

use super::foreign::Foreign;
use crate::support::server::example_tool;
use crate::support::{Server, on_every_server_of_sqlx};

fn config(project: &Foreign<'_>) -> String {
    let db = project.db;
    if db.server() == Server::Sqlite {
        return format!("[main]\ndb_type = \"Sqlite\"\ndb_path = \"{}\"\n", db.file().display());
    }
    let url = Url::parse(db.url()).unwrap();
    format!(
        "[main]\ndb_type = \"{}\"\ndb_host = \"{}\"\ndb_port = \"{}\"\ndb_user = \"{}\"\ndb_pass = \"{}\"\ndb_name = \"{}\"\n",
        if db.server() == Server::MariaDb { "Mysql" } else { "Postgres" },
        url.host_str().unwrap(),
        url.port().unwrap(),
        url.username(),
        url.password().unwrap(),
        url.path().trim_start_matches('/'),
    )
}

on_every_server_of_sqlx! {
    fn what_refinery_applies_is_read(db) {
        let Some(program) = example_tool("refinery", "BELLWETHER_TEST_REFINERY") else { return };
        let project = Foreign::new(db, "refinery");
        let config = {
            let file = project.project().join("refinery.toml");
            std::fs::write(&file, config(&project)).unwrap();
            file
        };
        let migrations = project.folder.to_str().unwrap();
        let words = [program.to_str().unwrap(), "migrate", "-c", config.to_str().unwrap(), "-p", migrations, "-d", "-m"];
        let by_hand = || Command::new(words[0]).args(&words[1..]).output().unwrap();
        project.write("V1__users.sql", "create table users (id int);\r\n");
        project.write("sub/V2__plans.sql", "create table plans (name varchar(9)); -- é\n");
        project.is_unknown("refinery_schema_history is not there");
        project.lead("r1", &words).expect(0);
        assert_eq!((project.states(), project.pending().as_str()), (vec!["1 applied".to_owned(), "2 applied".to_owned()], "none"));
        project.write("V10__more.sql", "create table more (id int);\n");
        assert_eq!(project.pending(), "10");
        project.lead("r2", &["true"]).expect(10).explains(&["10 (V10__more)"]);
        // whoever applies it
        assert!(by_hand().status.success());
        assert_eq!(project.pending(), "none");
        project.lead("r3", &words).expect(0);
        // what refinery refuses is seen
        project.write("V1__users.sql", "create table users (id bigint);\n");
        assert_eq!(project.states(), ["1 changed", "2 applied", "10 applied"]);
        assert!(!by_hand().status.success());
        std::fs::remove_file(project.folder.join("V1__users.sql")).unwrap();
        assert_eq!(project.states(), ["1 missing", "2 applied", "10 applied"]);
        assert!(!by_hand().status.success());
    }
}
