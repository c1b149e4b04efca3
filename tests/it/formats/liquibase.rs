//! Liquibase 4.28 on PostgreSQL and MariaDB; its package's driver for SQLite does not start. For SQL Server what it would
//! send is run (`update-sql`, offline): from the stand-in its driver asks for metadata that that one does not have.

use std::process::Command;

use url::Url;

use super::foreign::Foreign;
use crate::support::server::example_tool;
use crate::support::{Bellwether, Server, on_servers};

const ROOT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">
  <include file="first.sql" relativeToChangelogFile="true"/>
  <includeAll path="more" relativeToChangelogFile="true"/>
</databaseChangeLog>
"#;

fn words(project: &Foreign<'_>, program: &str) -> Vec<String> {
    let url = Url::parse(project.db.url()).unwrap();
    let kind = if project.db.server() == Server::MariaDb { "mariadb" } else { "postgresql" };
    let to = format!("jdbc:{kind}://{}:{}{}", url.host_str().unwrap(), url.port().unwrap(), url.path());
    vec![
        program.to_owned(),
        format!("--search-path={}", project.project().display()),
        "update".to_owned(),
        "--changelog-file=migrations/root.xml".to_owned(),
        format!("--url={to}"),
        format!("--username={}", url.username()),
        format!("--password={}", url.password().unwrap()),
    ]
}

on_servers! { [postgres Postgres, mariadb MariaDb]
    fn what_liquibase_applies_is_read(db) {
        let Some(program) = example_tool("liquibase", "BELLWETHER_TEST_LIQUIBASE") else { return };
        let project = Foreign::new(db, "liquibase");
        let words = words(&project, program.to_str().unwrap());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        project.write("root.xml", ROOT);
        project.write(
            "first.sql",
            "--liquibase formatted sql\n\n--changeset ann:1\ncreate table users (id int);\n--rollback drop table users;\n
             --changeset \"Ann B.\":1b logicalFilePath:old/name.sql\ncreate table plans (id int);\n",
        );
        project.write("more/01.sql", "-- liquibase formatted sql\n-- changeset bob:x-1 runInTransaction:false\ncreate table more (id int);\n");
        let all = ["first.sql::1::ann", "old/name.sql::1b::Ann B.", "more/01.sql::x-1::bob"];
        project.is_unknown("DATABASECHANGELOG");
        project.lead("r1", &words).expect(0);
        assert_eq!(project.states(), all.map(|version| format!("{version} applied")));
        assert_eq!(project.pending(), "none");
        // one more is pending until somebody applies it
        project.write("more/02_again.sql", "--liquibase formatted sql\n--changeset bob:2\ncreate table again (id int);\n");
        assert_eq!(project.pending(), "more/02_again.sql::2::bob");
        project.lead("r2", &["true"]).expect(10).explains(&["02_again.sql bob:2"]);
        assert!(Command::new(words[0]).args(&words[1..]).output().unwrap().status.success());
        assert_eq!(project.pending(), "none");
        // Liquibase would run it
        project.write("more/.03.sql", "--liquibase formatted sql\n--changeset bob:3\ncreate table dot (id int);\n");
        project.is_unknown("more/.03.sql is a dotfile");
        std::fs::remove_file(project.folder.join("more/.03.sql")).unwrap();
        // what `new` writes is one, once there is SQL in it
        let new = Bellwether::human("new").args(["add plans", "--migrations=migrations", "--format=liquibase"]);
        let new = new.within(&project.project()).run().expect(0);
        assert_eq!((new.stdout.as_str(), new.stderr.as_str()), ("migrations/more/03_add_plans.sql\n", ""));
        let path = project.folder.join("more/03_add_plans.sql");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}create table written (id int);\n")).unwrap();
        assert_eq!(project.pending(), "more/03_add_plans.sql::3::bob");
        project.lead("r2", &words).expect(0);
        assert_eq!(project.pending(), "none");
        // one that another context leaves out is never said to be pending
        project.write("more/03.sql", "--liquibase formatted sql\n--changeset bob:3 contextFilter:test\nselect 1;\n");
        project.is_unknown("contextFilter:test");
        let states = project.states();
        for known in ["first.sql::1::ann applied", "more/03.sql::3::bob unknown"] {
            assert!(states.iter().any(|state| state.ends_with(known)), "{known} in {states:?}");
        }
        // a changeset that is gone is nothing to Liquibase
        std::fs::remove_file(project.folder.join("more/03.sql")).unwrap();
        std::fs::remove_file(project.folder.join("more/01.sql")).unwrap();
        assert!(project.states().contains(&"migrations/more/01.sql::x-1::bob ahead".to_owned()));
        project.lead("r3", &words).expect(0);
    }
}

/// What Liquibase would send, run by us. It keeps a copy of its table in a file: what it said once, it does not again.
fn run_offline(project: &Foreign<'_>, program: &str) {
    let file = project.project().join("changelog.csv");
    let what = if file.exists() { "data_only" } else { "all" };
    let output = Command::new(program)
        .arg(format!("--search-path={}", project.project().display()))
        .args(["update-sql", "--changelog-file=migrations/root.xml"])
        .arg(format!("--url=offline:mssql?outputLiquibaseSql={what}&changeLogFile={}", file.display()))
        .current_dir(project.project())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sql = String::from_utf8(output.stdout).unwrap();
    let is_comment = |line: &str| line.trim().is_empty() || line.starts_with("--");
    for batch in sql.split("\nGO\n").filter(|batch| !batch.lines().all(is_comment)) {
        project.db.sql(batch);
    }
}

on_servers! { [sqlserver SqlServer quick]
    fn what_liquibase_would_write_is_read(db) {
        let Some(program) = example_tool("liquibase", "BELLWETHER_TEST_LIQUIBASE") else { return };
        let program = program.to_str().unwrap();
        let project = Foreign::new(db, "liquibase");
        project.write("root.xml", ROOT);
        project.write(
            "first.sql",
            "--liquibase formatted sql\n\n--changeset ann:1\ncreate table users (id int);\n\n--changeset \"Ann B.\":1b\n\
             create table plans (id int);\n",
        );
        project.write("more/01.sql", "--liquibase formatted sql\n--changeset bob:x-1\ncreate table more (id int);\n");
        project.is_unknown("DATABASECHANGELOG");
        run_offline(&project, program);
        let all = ["first.sql::1::ann", "first.sql::1b::Ann B.", "more/01.sql::x-1::bob"];
        assert_eq!(project.states(), all.map(|version| format!("{version} applied")));
        assert_eq!(project.pending(), "none");
        project.write("more/02.sql", "--liquibase formatted sql\n--changeset bob:2\ncreate table again (id int);\n");
        assert_eq!(project.pending(), "more/02.sql::2::bob");
        project.lead("r1", &["true"]).expect(10).explains(&["02.sql bob:2"]);
        run_offline(&project, program);
        assert_eq!(project.pending(), "none");
        project.lead("r2", &["true"]).expect(0);
        // as versions before 1.9 have it
        db.sql("alter table DATABASECHANGELOG drop column EXECTYPE");
        assert_eq!(project.pending(), "none");
        db.sql("alter table DATABASECHANGELOG drop column AUTHOR");
        project.is_unknown("is not as liquibase has it");
    }
}
