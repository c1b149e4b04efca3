//! `init` and `new` in projects of other tools: what is there is recognised where it usually is, and nothing is begun
//! beside it.

use std::fs;
use std::path::Path;

use serde_yaml::Value;
use tempfile::TempDir;

use crate::support::migrations::project;
use crate::support::{Bellwether, Finished};

const CHANGESET: &str = "--liquibase formatted sql\n\n--changeset ann:1\ncreate table a (x int);\n";
const ROOT_YAML: &str =
    "databaseChangeLog:\n  - include:\n      file: changes/001-a.sql\n      relativeToChangelogFile: true\n";
const ROOT_XML: &str = "<databaseChangeLog>\n  <include file=\"changes/001-a.sql\" relativeToChangelogFile=\"true\"/>\n</databaseChangeLog>\n";
const ROOT_JSON: &str = "{\"databaseChangeLog\": [{\"include\": {\"file\": \"changes/001-a.sql\", \"relativeToChangelogFile\": true}}]}";
const ENTITIES: &str = "databaseChangeLog:\n  - changeSet:\n      id: 1\n      author: ann\n";

/// Of one file, `1_a.sql`, that is `select 1;`.
const ATLAS_SUM: &str = "h1:eKjgizn7LJj4aLcJTZNjoBeS9A0BjI0iQ1R5Z8w3Zcg=\n1_a.sql h1:Fb64SJl1OwgfCzshzvW+AVp19NLxh+yuOPFUZaep/mE=\n";

fn new(project: &TempDir) -> Finished {
    Bellwether::human("new").arg("add email").within(project.path()).run()
}

/// What `init` writes for the project's one environment.
#[track_caller]
fn written(project: &TempDir) -> Value {
    Bellwether::human("init").within(project.path()).run().expect(0);
    let text = fs::read_to_string(project.path().join("bellwether.yml")).unwrap();
    let config: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    config["environments"]["production"].clone()
}

fn command(config: &Value) -> String {
    let words = config["command"].as_sequence().into_iter().flatten();
    words.map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// Every file below, by its path.
fn all(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        match path.is_dir() {
            true => found.extend(all(&path).into_iter().map(|inner| format!("{name}/{inner}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}

/// Where Spring Boot, JHipster and people have it, in a Maven or a Gradle project and in one of neither.
#[test]
fn a_changelog_of_liquibase_s_is_found_with_the_command_that_runs_it() {
    let spring = "src/main/resources/db/changelog";
    let jvm =
        |file: &str| format!("liquibase --search-path=src/main/resources update --changelog-file={file}");
    let own = |file: &str| format!("liquibase update --changelog-file={file}");
    let master = |language: &str| format!("{spring}/db.changelog-master.{language}");
    for (mark, root, text, folder, expected) in [
        (
            Some(("pom.xml", "<artifactId>liquibase-core</artifactId>")),
            master("yaml"),
            ROOT_YAML,
            spring,
            jvm("db/changelog/db.changelog-master.yaml"),
        ),
        (
            Some(("build.gradle", "implementation 'org.liquibase:liquibase-core'")),
            master("xml"),
            ROOT_XML,
            spring,
            jvm("db/changelog/db.changelog-master.xml"),
        ),
        (
            Some(("build.gradle.kts", "implementation(\"org.liquibase:liquibase-core\")")),
            master("json"),
            ROOT_JSON,
            spring,
            jvm("db/changelog/db.changelog-master.json"),
        ),
        (
            Some(("gradle/libs.versions.toml", "liquibase = \"4.28.0\"")),
            master("yaml"),
            ENTITIES,
            spring,
            jvm("db/changelog/db.changelog-master.yaml"),
        ),
        (None, master("sql"), CHANGESET, spring, jvm("db/changelog/db.changelog-master.sql")),
        (Some(("pom.xml", "liquibase-maven-plugin")), master("yaml"), ROOT_YAML, spring, "mvn liquibase:update".to_owned()),
        (
            Some(("build.gradle", "id 'org.liquibase.gradle' version '2.2.0'")),
            master("yaml"),
            ROOT_YAML,
            spring,
            "./gradlew update".to_owned(),
        ),
        (
            Some(("pom.xml", "<artifactId>liquibase-core</artifactId>")),
            "src/main/resources/config/liquibase/master.xml".to_owned(),
            ROOT_XML,
            "src/main/resources/config/liquibase",
            jvm("config/liquibase/master.xml"),
        ),
        (
            Some(("shop/pom.xml", "<artifactId>liquibase-core</artifactId>")),
            format!("shop/{spring}/db.changelog-master.yaml"),
            ROOT_YAML,
            "shop/src/main/resources/db/changelog",
            "liquibase --search-path=shop/src/main/resources update --changelog-file=db/changelog/db.changelog-master.yaml".to_owned(),
        ),
        (None, "db/changelog/root.xml".to_owned(), ROOT_XML, "db/changelog", own("db/changelog/root.xml")),
        (
            Some(("liquibase.properties", "url: jdbc:postgresql://localhost/shop\n")),
            "db/changelog/root.xml".to_owned(),
            ROOT_XML,
            "db/changelog",
            own("db/changelog/root.xml"),
        ),
        (
            Some(("liquibase.properties", "changeLogFile=db/changelog/root.xml\n")),
            "db/changelog/root.xml".to_owned(),
            ROOT_XML,
            "db/changelog",
            "liquibase update".to_owned(),
        ),
    ] {
        let change = format!("{folder}/changes/001-a.sql");
        let included = text.contains("include").then_some((change.as_str(), CHANGESET));
        let files: Vec<_> = [(root.as_str(), text)].into_iter().chain(mark).chain(included).collect();
        let project = project(&files);
        let config = written(&project);
        let found = (config["migrations"].as_str(), config["format"].as_str());
        assert_eq!(found, (Some(folder), Some("liquibase")), "{root}");
        assert_eq!(command(&config), expected, "{root}");
        Bellwether::new("plan").args(["--release=r1", "--role=lead"]).within(project.path()).url("sqlite:app.db").run().expect(0);
        // without the config, `new` finds the same
        fs::remove_file(project.path().join("bellwether.yml")).unwrap();
        let before = all(project.path());
        let ended = new(&project);
        let made: Vec<_> = all(project.path()).into_iter().filter(|file| !before.contains(file)).collect();
        match included {
            Some(_) => assert_eq!(made, [format!("{folder}/changes/002-add-email.sql")], "{}", ended.said()),
            None => assert!(ended.code == Some(2) && made.is_empty(), "{made:?}\n{}", ended.said()),
        }
    }
}

/// The real one takes the command that was written, and what it recorded is understood.
#[test]
fn which_file_is_run_is_not_guessed() {
    let folder = "src/main/resources/db/changelog";
    let (one, other) = (format!("{folder}/a.yaml"), format!("{folder}/b.yaml"));
    let two = project(&[("pom.xml", "liquibase-core"), (&one, ENTITIES), (&other, ENTITIES)]);
    let config = written(&two);
    assert_eq!((config["migrations"].as_str(), command(&config).as_str()), (Some(folder), ""));
    // what is called so has other things more often than not
    let news = project(&[("changelog/2024.yaml", "fixed: all\n")]);
    assert!(new(&news).expect(0).stdout.starts_with("migrations/"));
}

/// Commands name what is there: a place that the tool would not look at, and no file of settings that nobody wrote.
#[test]
fn commands_are_written_with_what_their_tools_need() {
    let rust = ("Cargo.toml", "[dependencies]\nrefinery = \"0.9\"\n");
    for (files, args, expected) in [
        (
            &[rust, ("sql_migrations/V1__a.sql", "select 1;")][..],
            &["--migrations=sql_migrations", "--format=refinery"][..],
            "refinery migrate -e DATABASE_URL -p sql_migrations -d -m",
        ),
        (
            &[rust, ("migrations/V1__a.sql", "select 1;")],
            &["--migrations=migrations", "--format=refinery"],
            "refinery migrate -e DATABASE_URL -d -m",
        ),
        (
            &[("refinery.toml", ""), ("db/V1__a.sql", "select 1;")],
            &["--migrations=db", "--format=refinery"],
            "refinery migrate -c refinery.toml -p db -d -m",
        ),
        (
            &[("flyway.toml", "[flyway]\n"), ("migrations/V1__a.sql", "select 1;")],
            &[],
            "flyway -locations=filesystem:migrations migrate",
        ),
        (
            &[("flyway.conf", "flyway.locations=filesystem:sql\n"), ("sql/V1__a.sql", "select 1;")],
            &[],
            "flyway migrate",
        ),
        (
            &[
                ("shop/pom.xml", "flyway-core"),
                ("shop/src/main/resources/db/migration/V1__a.sql", "select 1;"),
            ],
            &[],
            "flyway -locations=filesystem:shop/src/main/resources/db/migration migrate",
        ),
        // what only the program that embeds it can run, an application whose files are elsewhere, and an atlas without its settings
        (&[("migrations/V1__a.rs", "pub fn migration() {}"), ("migrations/V2__b.sql", "select 1;")], &[], ""),
        (&[("pom.xml", "flyway-core")], &[], ""),
        (
            &[("migrations/1_a.sql", "select 1;"), ("migrations/atlas.sum", ATLAS_SUM)],
            &["--format=atlas"],
            "",
        ),
    ] {
        let project = project(files);
        let ended = Bellwether::human("init").args(args).within(project.path()).run().expect(0);
        let text = fs::read_to_string(project.path().join("bellwether.yml")).unwrap();
        let config: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(command(&config["environments"]["production"]), expected, "{}", ended.said());
        assert_eq!(text.contains("name the command"), expected.is_empty(), "{text}");
    }
}

const KNEX: [(&str, &str); 2] =
    [("knexfile.js", ""), ("migrations/20240301142233_a.js", "exports.up = (knex) => {}")];

#[test]
fn of_two_tools_the_one_that_has_migrations_is_taken() {
    let alembic = [
        ("alembic.ini", "[alembic]\nscript_location = alembic\n"),
        ("alembic/env.py", "alembic"),
        ("alembic/versions/a1.py", "revision = 'a1'\ndown_revision = None\n"),
    ];
    for (first, second, format, run, other) in [
        (
            ("manage.py", "import django"),
            &alembic[..],
            "alembic",
            "alembic upgrade head",
            "[python, manage.py, migrate",
        ),
        (
            ("prisma/migrations/migration_lock.toml", ""),
            &KNEX[..],
            "knex",
            "npx knex migrate:latest",
            "[npx, prisma",
        ),
    ] {
        let files: Vec<_> = [first].iter().chain(second).copied().collect();
        let project = project(&files);
        let config = written(&project);
        assert_eq!((config["format"].as_str(), command(&config).as_str()), (Some(format), run));
        let text = fs::read_to_string(project.path().join("bellwether.yml")).unwrap();
        assert!(text.contains(&format!("# command: {other}")), "{text}");
    }
}

#[test]
fn two_tools_that_have_migrations_are_both_named() {
    let prisma =
        [("prisma/schema.prisma", ""), ("prisma/migrations/20240301000000_a/migration.sql", "select 1;")];
    let files: Vec<_> = prisma.into_iter().chain(KNEX).collect();
    let both = project(&files);
    let init = || Bellwether::human("init").within(both.path());
    init().run().expect(2).says("prisma/migrations (prisma), migrations (knex)").says("--migrations");
    new(&both).expect(2).says("prisma/migrations (prisma), migrations (knex)");
    for (folder, command) in
        [("prisma/migrations", "npx prisma migrate deploy"), ("migrations", "npx knex migrate:latest")]
    {
        init().args(["--migrations", folder]).run().expect(0).says(command);
        fs::remove_file(both.path().join("bellwether.yml")).unwrap();
    }
}

/// A second body of migrations beside the first would be applied by one tool and unknown to the other.
#[test]
fn nothing_is_begun_beside_another_tool_s_migrations() {
    for (files, says) in [
        (&[("package.json", "{\"dependencies\": {\"sequelize\": \"6\"}}")][..], "package.json has sequelize"),
        (&[("package.json", "{\"devDependencies\": {\"typeorm\": \"0.3\"}}")], "TypeORM"),
        (&[("requirements.txt", "alembic==1.13\n")], "requirements.txt has alembic"),
        (&[("requirements.txt", "Django==5.0\n")], ": django"),
        (&[("Gemfile", "gem \"rails\", \"~> 7.1\"\n")], "Gemfile has rails"),
        (
            &[("go.mod", "require github.com/pressly/goose/v3 v3.27.0\n")],
            "go.mod has github.com/pressly/goose",
        ),
        (&[("go.mod", "\tgithub.com/golang-migrate/migrate/v4 v4.17.0\n")], ": golang-migrate"),
        (&[("package.json", "{\"devDependencies\": {\"dbmate\": \"2\"}}")], "package.json has dbmate"),
        (&[("package.json", "{\"dependencies\": {\"drizzle-orm\": \"1\"}}")], "package.json has drizzle-orm"),
        (&[("composer.json", "{\"require\": {\"doctrine/migrations\": \"3\"}}")], "Doctrine"),
        (&[("Cargo.toml", "[dependencies]\nrefinery = \"0.9\"\n")], "refinery"),
        (&[("Gemfile", "gem 'sequel'\n")], "Sequel"),
        (&[("package.json", "{\"dependencies\": {\"knex\": \"3\"}}"), ("migrations/.gitkeep", "")], "knex"),
        (&[("services/shop/prisma/schema.prisma", "")], "services/shop: prisma/schema.prisma is here"),
        (
            &[("shop/api/src/main/resources/db/migration/V1__a.sql", "select 1;")],
            "shop/api/src/main/resources/db/migration",
        ),
        (
            &[("src/migration/1700000000000-A.ts", "export class A implements MigrationInterface {}")],
            "src/migration holds migrations of TypeORM",
        ),
        (&[("drizzle/0000_a.sql", "select 1;"), ("drizzle/meta/_journal.json", "{}")], "Drizzle"),
        (&[("supabase/config.toml", ""), ("supabase/migrations/20240101120000_a.sql", "")], "Supabase"),
        (&[("backend/migrations/0001_a.sql", "select 1;")], "backend/migrations has migrations of sqlx"),
    ] {
        let project = project(files);
        let before = all(project.path());
        new(&project).expect(2).says(says).says("--migrations migrations --format sqlx");
        Bellwether::human("init").within(project.path()).run().expect(2).says(says);
        assert_eq!(all(project.path()), before, "{files:?}");
        // and who says so begins one all the same, as the hint has it
        let begin = ["--migrations", "migrations", "--format", "sqlx"];
        let ended = Bellwether::human("new").arg("a").args(begin).within(project.path()).run().expect(0);
        assert!(ended.stdout.starts_with("migrations/"), "{}", ended.said());
    }
    // of others' packages nothing tells
    for file in
        ["node_modules/a/migrations/1_a.sql", "target/package/migrations/1_a.sql", ".venv/migrations/1_a.sql"]
    {
        let ended = new(&project(&[(file, "select 1;")])).expect(0);
        assert!(ended.stdout.starts_with("migrations/"), "{}", ended.said());
    }
}
