//! `bellwether init`: what a project is found to have, a config that the program itself takes, and what each platform
//! gets. Nothing that was there is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use bellwether::cli::Request;
use serde_yaml::Value;
use tempfile::TempDir;

use crate::support::migrations::project;
use crate::support::server::example_tool;
use crate::support::{Bellwether, Finished};

const SQL: (&str, &str) = ("db/migrations/0001_users.sql", "CREATE TABLE users (id INTEGER);\n");

/// Every file with its text.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(inner, text)| (format!("{name}/{inner}"), text)));
        } else {
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// What `init` writes into a project; whatever was there is as it was.
#[track_caller]
fn init(project: &TempDir, args: &[&str]) -> (Finished, BTreeMap<String, String>) {
    let before = files(project.path());
    let ended = Bellwether::human("init").args(args).within(project.path()).run();
    let mut after = files(project.path());
    for (name, text) in before {
        assert_eq!(after.remove(&name).as_ref(), Some(&text), "{name} was changed\n{}", ended.said());
    }
    (ended, after)
}

/// What a deploy would do with what was written.
fn plan(project: &TempDir, args: &[&str]) -> Finished {
    let plan = Bellwether::new("plan").args(args).args(["--release", "r1"]).within(project.path());
    plan.url("sqlite:app.db").env("RUN_MIGRATIONS", "true").run()
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn words(value: &Value) -> Vec<&str> {
    value.as_sequence().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn a_folder_of_sql_files_is_all_that_a_project_needs() {
    let project = project(&[SQL]);
    let (ended, written) = init(&project, &[]);
    let ended = ended.expect(0).says("0001_users.sql").says("wrote bellwether.yml").says("bellwether plan");
    assert_eq!(ended.stderr, "", "results are on stdout");
    assert_eq!(written.keys().collect::<Vec<_>>(), ["bellwether.yml"]);
    let config = yaml(&written["bellwether.yml"])["environments"]["production"].clone();
    assert_eq!((&config["migrations"], &config["format"]), (&"db/migrations".into(), &"sqlx".into()));
    assert!(config["command"].is_null());
    let planned = plan(&project, &[]).expect(0);
    assert_eq!(planned.events_named("plan")[0]["pending"]["versions"], serde_json::json!(["1"]));
    let led = Bellwether::new("deploy").within(project.path()).url("sqlite:app.db").run().expect(0);
    assert_eq!(led.applied(), ["1"]);
}

const JVM_FLYWAY: &str = "flyway -locations=filesystem:src/main/resources/db/migration migrate";

/// File by which a tool is known, its text, and the command.
const TOOLS: [(&str, &str, &str); 22] = [
    ("bin/rails", "", "bundle exec rake db:migrate"),
    ("config/application.rb", "", "bundle exec rake db:migrate"),
    ("manage.py", "import django", "python manage.py migrate --noinput"),
    ("alembic.ini", "", "alembic upgrade head"),
    ("migrations/alembic.ini", "", "flask db upgrade"),
    ("prisma/schema.prisma", "", "npx prisma migrate deploy"),
    ("knexfile.js", "", "npx knex migrate:latest"),
    ("knexfile.ts", "", "npx knex migrate:latest"),
    ("package.json", "{\"dependencies\":{\"node-pg-migrate\":\"7\"}}", "npx node-pg-migrate up"),
    ("flyway.toml", "", "flyway migrate"),
    ("pom.xml", "<artifactId>flyway-maven-plugin</artifactId>", "mvn flyway:migrate"),
    ("build.gradle.kts", "id(\"org.flywaydb.flyway\")", "./gradlew flywayMigrate"),
    ("src/Shop/Shop.csproj", "Microsoft.EntityFrameworkCore", "dotnet ef database update"),
    ("liquibase.properties", "", "liquibase update"),
    ("atlas.hcl", "", "atlas migrate apply --env production"),
    ("Shop/Shop.csproj", "Microsoft.EntityFrameworkCore.Design", "dotnet ef database update"),
    ("refinery.toml", "", "refinery migrate -c refinery.toml -d -m"),
    ("artisan", "", "php artisan migrate --force"),
    ("diesel.toml", "", "diesel migration run"),
    ("drizzle.config.ts", "", "npx drizzle-kit migrate"),
    (".sequelizerc", "", "npx sequelize-cli db:migrate"),
    ("mix.exs", "{:ecto_sql, \"~> 3.10\"}", "mix ecto.migrate"),
];

#[test]
fn each_tool_is_known_by_its_files_and_runs_as_a_command() {
    for (file, text, command) in TOOLS {
        let project = project(&[(file, text)]);
        let (ended, written) = init(&project, &[]);
        ended.expect(0).says(command).says(file);
        let config = yaml(&written["bellwether.yml"]);
        let config = &config["environments"]["production"];
        assert_eq!(words(&config["command"]).join(" "), command, "{file}");
        assert_eq!(config["cwd"], ".");
        plan(&project, &[]).expect(0);
    }
    let neither = project(&[("package.json", "{}"), ("Shop.csproj", ""), ("manage.py", "print()")]);
    init(&neither, &[]).0.expect(2);
}

/// What only a tool applies stops nobody, and what of it cannot be read is named with the reason.
#[test]
fn migrations_that_cannot_be_read_are_named_and_written_all_the_same() {
    let class = "class Users < ActiveRecord::Migration[7.1]\nend\n";
    let flyway = "src/main/resources/db/migration";
    let (one, other) = (format!("{flyway}/V1__a.sql"), format!("{flyway}/V1__b.sql"));
    let (rails, odd) = ("db/migrate/20240301000000_users.rb", "db/migrate/20240302000000_Add-Email.rb");
    for (files, folder, why, command) in [
        (
            &[("bin/rails", ""), (rails, class), (odd, class)][..],
            "db/migrate",
            "20240302000000_Add-Email.rb is no migration",
            "bundle exec rake db:migrate",
        ),
        (&[(&one, "select 1;"), (&other, "select 1;")], flyway, "have the same version 1", JVM_FLYWAY),
        (
            &[("atlas.hcl", ""), ("migrations/1_a.sql", "select 1;"), ("migrations/atlas.sum", "h1:odd\n")],
            "migrations",
            "atlas.sum",
            "atlas migrate apply --env production",
        ),
    ] {
        let (ended, written) = init(&project(files), &[]);
        ended.expect(0).says(why).says(command);
        let text = &written["bellwether.yml"];
        let comment: Vec<_> = text.split_whitespace().filter(|word| *word != "#").collect();
        assert!(comment.join(" ").contains("What is pending stays unknown:"), "{text}");
        let config = &yaml(text)["environments"]["production"];
        assert_eq!(config["migrations"].as_str(), Some(folder));
        assert_eq!(words(&config["command"]).join(" "), command);
    }
}

/// Prisma begins in no schema that has our tables.
#[test]
fn prisma_gets_a_schema_for_the_ledger_where_there_are_schemas() {
    let migration = ("prisma/migrations/20240301000000_a/migration.sql", "select 1;");
    for (file, provider, schema) in [
        ("prisma/migrations/migration_lock.toml", "postgresql", true),
        ("prisma/migrations/migration_lock.toml", "sqlserver", true),
        ("prisma/migrations/migration_lock.toml", "mysql", false),
        ("prisma/schema.prisma", "sqlite", false),
        ("prisma/schema.prisma", "postgresql", true),
        ("prisma.config.ts", "", false),
    ] {
        let text = format!(
            "generator client {{\n  provider = \"prisma-client-js\"\n}}\n  provider = \"{provider}\"\n"
        );
        let (ended, written) = init(&project(&[migration, (file, &text)]), &[]);
        let ended = ended.expect(0);
        let config = &yaml(&written["bellwether.yml"])["environments"]["production"];
        let expected = schema.then_some("bellwether");
        assert_eq!(config["ledger"]["schema"].as_str(), expected, "{provider}: {}", ended.said());
        assert!(written["bellwether.yml"].contains("P3005"));
        assert_eq!(ended.said().contains("CREATE SCHEMA bellwether;"), schema);
    }
    assert!(!init(&project(&[SQL]), &[]).1["bellwether.yml"].contains("P3005"));
}

/// Where the tools of the JVM and of .NET have theirs, with a file that says so and without.
#[test]
fn folders_of_other_ecosystems_are_found() {
    let java = ("src/main/resources/db/migration/V1__users.sql", "select 1;");
    let snapshot = "[DbContext(typeof(Shop))]";
    let sharp = |folder: &'static str| {
        let text = "[Migration(\"20240101120000_Users\")]";
        [
            (format!("{folder}/20240101120000_Users.Designer.cs"), text),
            (format!("{folder}/ShopModelSnapshot.cs"), snapshot),
        ]
    };
    let known = ("Shop.csproj", "Microsoft.EntityFrameworkCore");
    for (mark, folder, format, command) in [
        (Some(("pom.xml", "flyway-core")), "src/main/resources/db/migration", "flyway", JVM_FLYWAY),
        (
            Some(("gradle/libs.versions.toml", "flyway = \"10.0\"")),
            "src/main/resources/db/migration",
            "flyway",
            JVM_FLYWAY,
        ),
        (None, "src/main/resources/db/migration", "flyway", JVM_FLYWAY),
        (Some(known), "Migrations", "efcore", "dotnet ef database update"),
        (None, "Migrations", "efcore", "dotnet ef database update"),
        (Some(("Shop/Shop.csproj", known.1)), "Shop/Migrations", "efcore", "dotnet ef database update"),
        (
            Some(("src/Shop/Shop.csproj", known.1)),
            "src/Shop/Data/Migrations",
            "efcore",
            "dotnet ef database update",
        ),
    ] {
        let sharp = sharp(folder);
        let own: Vec<(&str, &str)> = match format {
            "flyway" => vec![java],
            _ => sharp.iter().map(|(name, text)| (name.as_str(), *text)).collect(),
        };
        let files: Vec<_> = own.into_iter().chain(mark).collect();
        let (ended, written) = init(&project(&files), &[]);
        let ended = ended.expect(0);
        let config = &yaml(&written["bellwether.yml"])["environments"]["production"];
        let found = (config["migrations"].as_str(), config["format"].as_str());
        assert_eq!(found, (Some(folder), Some(format)), "{}", ended.said());
        assert_eq!(words(&config["command"]).join(" "), command);
    }
    // elsewhere nothing tells Flyway's from refinery's
    let either = project(&[("db/migration/V1__users.sql", "select 1;")]);
    init(&either, &[]).0.expect(2).says("flyway").says("refinery").says("--format");
    let named = init(&either, &["--migrations=db/migration", "--format=flyway"]).0;
    named.expect(0).says("flyway -locations=filesystem:db/migration migrate");
    let text = "[Migration(\"20240101120000_Users\")]";
    let name = "20240101120000_Users.cs";
    let (one, other) = (format!("A/Migrations/{name}"), format!("B/Migrations/{name}"));
    let two = project(&[("A/A.csproj", known.1), (&one, text), (&other, text)]);
    init(&two, &[]).0.expect(2).says("A/Migrations, B/Migrations").says("--migrations");
}

#[test]
fn what_else_is_here_is_named_and_left_to_people() {
    let project = project(&[("bin/rails", ""), ("knexfile.js", "")]);
    let (ended, written) = init(&project, &[]);
    ended.expect(0);
    assert!(
        written["bellwether.yml"]
            .contains("# command: [npx, knex, \"migrate:latest\"] # knexfile.js is here, too")
    );
}

#[test]
fn the_config_is_written_once() {
    let project = project(&[SQL, ("bellwether.yml", "mine: [")]);
    let (ended, written) = init(&project, &[]);
    ended.expect(2).says("bellwether.yml is there already, and it was left alone");
    assert!(written.is_empty(), "{written:?}");
}

#[test]
fn without_anything_to_migrate_with_nothing_is_written() {
    let empty = project(&[]);
    let (ended, written) = init(&empty, &["--platform", "heroku"]);
    ended.expect(2).says("bellwether new").says("--migrations");
    assert!(written.is_empty());
    let odd = project(&[("migrations/schema.sql", "")]);
    init(&odd, &[]).0.expect(2).says("schema.sql is no migration").says("put that right");
    let two = project(&[SQL, ("migrations/0001_a.sql", "select 1;")]);
    init(&two, &[]).0.expect(2).says("migrations, db/migrations").says("--migrations");
    let (named, written) = init(&two, &["--migrations", "db/migrations"]);
    named.expect(0);
    assert!(written["bellwether.yml"].contains("migrations: db/migrations"));
    init(&project(&[]), &["--migrations", "nowhere"]).0.expect(2).says("no migrations folder at nowhere");
    init(&project(&[SQL]), &["--format", "sqlz"]).0.expect(2).says("sqlz");
}

/// An empty folder gives way to one with files.
#[test]
fn an_empty_folder_is_one_only_by_itself() {
    let both = project(&[SQL, ("migrations/.gitkeep", "")]);
    init(&both, &[]).0.expect(0).says("db/migrations");
    let alone = project(&[("migrations/.gitkeep", "")]);
    let (ended, written) = init(&alone, &[]);
    ended.expect(0);
    assert!(written["bellwether.yml"].contains("No migration yet"));
    plan(&alone, &[]).expect(0);
}

#[test]
fn places_that_cannot_be_read_or_written_are_named() {
    let project = project(&[SQL]);
    let absolute = project.path().join("db/migrations");
    let absolute = absolute.to_str().unwrap();
    let (ended, _) = init(&project, &["-c", "/proc/bellwether.yml", "--migrations", absolute]);
    ended.expect(2).says("cannot write /proc/bellwether.yml");
    init(&project, &["-c", "nowhere/bellwether.yml"]).0.expect(2).says("cannot read nowhere");
    let (ended, written) = init(&project, &["--platform", "github"]);
    ended.expect(0);
    assert_eq!(written.len(), 2);
    // a file where a folder should be
    let blocked = self::project(&[SQL, (".github/workflows", "")]);
    init(&blocked, &["--platform", "github"]).0.expect(2).says("cannot write .github/workflows");
}

#[test]
fn a_config_elsewhere_is_of_the_project_there() {
    let project = project(&[("services/shop/migrations/0001_a.sql", "select 1;")]);
    let (ended, written) = init(&project, &["-c", "services/shop/bellwether.yml", "-e", "staging 2"]);
    ended.expect(0).says("bellwether plan -c services/shop/bellwether.yml");
    let config = yaml(&written["services/shop/bellwether.yml"]);
    assert_eq!(config["environments"]["staging 2"]["migrations"], "migrations");
    plan(&project, &["-c", "services/shop/bellwether.yml"]).expect(0);
}

/// A name that goes on in the next line writes no key of its own.
#[test]
fn names_break_no_line() {
    let project = project(&[("knexfile.js\nevil: 1", ""), ("a\nleader: evil/0001_a.sql", "select 1;")]);
    let args = ["--migrations", "a\nleader: evil", "--platform=kubernetes"];
    let (ended, written) = init(&project, &args);
    ended.expect(0);
    let config = &yaml(&written["bellwether.yml"])["environments"]["production"];
    assert_eq!(config["leader"], "elect");
    assert_eq!(config["migrations"], "a\nleader: evil");
    assert!(yaml(&written["bellwether-init-container.yaml"]).as_mapping().unwrap().len() == 1);
}

#[test]
fn names_with_signs_are_quoted() {
    let project = project(&[("my $db: #1/0001_a.sql", "select 1;")]);
    init(&project, &["--migrations", "my $db: #1", "--environment", "$pro: #1"]).0.expect(0);
    let planned = plan(&project, &["--environment", "$pro: #1"]).expect(0);
    assert_eq!(planned.events_named("plan")[0]["pending"]["versions"], serde_json::json!(["1"]));
}

#[test]
fn as_an_event_it_says_what_was_found_and_written() {
    let project = project(&[SQL, ("Procfile", "web: ./serve\n")]);
    let init = Bellwether::new("init").args(["--platform", "heroku"]).within(project.path());
    let ended = init.run().expect(0);
    let event = &ended.events[0];
    assert_eq!((&event["event"], &event["format"]), (&"init".into(), &"sqlx".into()));
    assert_eq!(event["files"][0]["state"], "written");
    assert_eq!(
        (&event["files"][1]["path"], &event["files"][1]["state"]),
        (&"Procfile".into(), &"kept".into())
    );
    assert_eq!(event["files"][1]["add"], "release: bellwether deploy");
}

#[test]
fn it_says_for_which_platforms_there_is_more() {
    for (file, platform) in [
        ("Procfile", "heroku"),
        ("app.json", "heroku"),
        ("Chart.yaml", "kubernetes"),
        ("k8s/app.yaml", "kubernetes"),
    ] {
        let project = project(&[SQL, (file, "")]);
        init(&project, &[]).0.expect(0).says(&format!("bellwether init --platform {platform}"));
    }
    init(&project(&[SQL]), &[]).0.expect(0).never_says("--platform");
    init(&project(&[SQL]), &["--platform", "vax"]).0.expect(2).says("kubernetes");
}

#[test]
fn heroku_gets_a_procfile_or_the_line_that_its_own_one_lacks() {
    let (ended, written) = init(&project(&[SQL]), &["--platform=heroku"]);
    ended.expect(0);
    assert_eq!(written["Procfile"], "release: bellwether deploy\n");
    assert!(written["bellwether.yml"].contains("leader: env"));
    for (file, text, says) in [
        ("Procfile", "web: ./serve\n", "    release: bellwether deploy\n"),
        (
            "Procfile",
            "release: bin/rails db:migrate\n",
            "    release: bellwether deploy -- bin/rails db:migrate\n",
        ),
        (
            "Procfile",
            "release: a && b 'c'\n",
            "    release: bellwether deploy -- bash -c 'a && b '\\''c'\\'''\n",
        ),
        (
            "Procfile",
            "release: RAILS_ENV=production bin/rails db:migrate\r\n",
            "    release: bellwether deploy -- bash -c 'RAILS_ENV=production bin/rails db:migrate'\n",
        ),
        ("Procfile", "\u{feff}release: rake\n", "    release: bellwether deploy -- rake\n"),
        ("Procfile", "release:\nweb: ./serve\n", "    release: bellwether deploy\n"),
        ("Procfile", "release: bellwether deploy\n", "its release phase is `bellwether deploy`"),
        ("heroku.yml", "build:\n  docker:\n    web: Dockerfile\n", "        - bellwether deploy\n"),
        ("heroku.yml", "release:\n  command:\n    - rake db:migrate\n", "    bellwether deploy -- COMMAND\n"),
        ("heroku.yml", "release:\n  command:\n    - bellwether deploy\n", "runs bellwether already"),
    ] {
        let project = project(&[SQL, (file, text)]);
        let (ended, written) = init(&project, &["--platform=heroku"]);
        let ended = ended.expect(0);
        assert!(ended.stdout.contains(says), "{says}\n{}", ended.said());
        assert_eq!(written.keys().collect::<Vec<_>>(), ["bellwether.yml"]);
    }
}

#[test]
fn a_procfile_that_cannot_be_read_is_told_of_with_its_line() {
    let folder = project(&[SQL, ("Procfile/file", "")]);
    let ended = init(&folder, &["--platform=heroku"]).0.expect(0);
    ended.says("it cannot be read").says("    release: bellwether deploy\n");
    let link = project(&[SQL]);
    std::os::unix::fs::symlink("nowhere", link.path().join("Procfile")).unwrap();
    let ended = Bellwether::human("init").arg("--platform=heroku").within(link.path()).run();
    ended.expect(0).says("it cannot be read");
    assert!(!link.path().join("nowhere").exists());
}

#[test]
fn a_procfile_that_is_not_utf_8_is_read_all_the_same() {
    let project = project(&[SQL]);
    fs::write(project.path().join("Procfile"), b"web: caf\xe9\n").unwrap();
    let ended = Bellwether::human("init").arg("--platform=heroku").within(project.path()).run().expect(0);
    ended.says("it has no release phase").says("    release: bellwether deploy\n");
    assert_eq!(fs::read(project.path().join("Procfile")).unwrap(), b"web: caf\xe9\n");
}

/// Heroku elects nobody; what it finds in its release phase leads by a variable.
#[test]
fn what_heroku_gets_leads_there() {
    let project = project(&[SQL]);
    init(&project, &["--platform=heroku"]).0.expect(0);
    let deploy = |leads: &str| {
        let deploy = Bellwether::new("deploy").within(project.path()).url("sqlite:app.db");
        deploy.env("DYNO", "release.1").env("HEROKU_APP_NAME", "shop").env("RUN_MIGRATIONS", leads)
    };
    assert_eq!(deploy("true").run().expect(0).applied(), ["1"]);
    assert_eq!(deploy("false").run().expect(0).outcome()["role"], "follow");
}

#[test]
fn twice_is_once() {
    for platform in ["kubernetes", "github"] {
        let project = project(&[SQL]);
        let flag = format!("--platform={platform}");
        init(&project, &[&flag]).0.expect(0);
        let (ended, written) = init(&project, &[&flag]);
        ended.expect(2).says("were left alone");
        assert!(written.is_empty());
    }
}

/// What people have changed in their config holds for a snippet, too.
#[test]
fn a_snippet_goes_by_the_config_that_is_there() {
    let config = "environments:\n  staging: { database: \"${NOT_HERE}\", command: [bin/up, \"a b\"] }\n";
    let project = project(&[("bellwether.yml", config)]);
    let (ended, written) = init(&project, &["--platform=kubernetes"]);
    ended.expect(0).says("kept bellwether.yml");
    let text = &written["bellwether-init-container.yaml"];
    let container = &yaml(text)["spec"]["template"]["spec"]["initContainers"][1];
    assert_eq!(words(&container["command"])[4..], ["--", "bin/up", "a b"]);
    assert_eq!(container["env"][0]["value"], "staging");
}

fn kubernetes(files: &[(&str, &str)]) -> (Value, String) {
    let (ended, written) = init(&project(files), &["--platform=kubernetes"]);
    ended.expect(0);
    let text = written["bellwether-init-container.yaml"].clone();
    (yaml(&text), text)
}

#[test]
fn kubernetes_gets_init_containers_whose_command_lines_we_take() {
    let (sql, text) = kubernetes(&[SQL]);
    assert!(text.contains("COPY db/migrations /migrations"));
    let (command, _) = kubernetes(&[("bin/rails", "")]);
    for (snippet, own) in [(&sql, ""), (&command, "bundle exec rake db:migrate")] {
        let containers = snippet["spec"]["template"]["spec"]["initContainers"].as_sequence().unwrap();
        for container in containers {
            let argv = words(&container["command"]);
            let request = Request::from_env_and_args(argv, &|_| None).unwrap();
            if container["name"] == "migrate" {
                assert_eq!(request.action.command().join(" "), own);
            }
            let rights = &container["securityContext"];
            assert_eq!(
                (&rights["runAsNonRoot"], &rights["readOnlyRootFilesystem"]),
                (&true.into(), &true.into())
            );
        }
    }
}

/// Put into a Deployment, as `kubectl patch` would, it is one that Kubernetes' schemas take.
#[test]
fn kubernetes_takes_a_deployment_with_the_snippet() {
    let Some(program) = example_tool("kubernetes-validate", "BELLWETHER_TEST_KUBERNETES_VALIDATE") else {
        return;
    };
    for files in [&[SQL][..], &[("bin/rails", "")]] {
        let (mut snippet, _) = kubernetes(files);
        let labels = yaml("{ app: shop }");
        snippet["apiVersion"] = "apps/v1".into();
        snippet["kind"] = "Deployment".into();
        snippet["metadata"] = yaml("{ name: shop }");
        snippet["spec"]["selector"] = yaml("{ matchLabels: { app: shop } }");
        snippet["spec"]["template"]["metadata"]["labels"] = labels;
        snippet["spec"]["template"]["spec"]["containers"] = yaml("[{ name: web, image: shop }]");
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        fs::write(file.path(), serde_yaml::to_string(&snippet).unwrap()).unwrap();
        let output =
            Command::new(&program).args(["-k", "1.29", "--strict"]).arg(file.path()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success() && !said.contains("ERROR"), "{said}");
    }
}

fn uses(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: ")).collect()
}

#[test]
fn github_gets_a_workflow_like_the_examples() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/github-actions");
    let example = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    for (files, example) in
        [(&[SQL][..], example("push-deploy.yml")), (&[("bin/rails", "")], example("wrapped-command.yml"))]
    {
        let (ended, written) = init(&project(files), &["--platform=github"]);
        ended.expect(0);
        let text = &written[".github/workflows/migrate.yml"];
        let known = uses(&example);
        assert!(uses(text).len() == 2 && uses(text).iter().all(|line| known.contains(line)), "{text}");
        let workflow = yaml(text);
        let job = &workflow["jobs"]["migrate"];
        assert_eq!(job["environment"], "production");
        for step in job["steps"].as_sequence().unwrap() {
            if let Some(line) = step["run"].as_str().filter(|line| line.starts_with("bellwether")) {
                Request::from_env_and_args(line.split(' '), &|_| None).unwrap();
            }
        }
        checked(text);
    }
}

/// Where the tools are, GitHub's own schema takes it, and it does nothing that is unsafe.
fn checked(workflow: &str) {
    let Some(tools) = example_tool("actions", "BELLWETHER_TEST_ACTIONS") else { return };
    let folder = project(&[(".github/workflows/migrate.yml", workflow)]);
    let file = folder.path().join(".github/workflows/migrate.yml");
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(tools.join(program)).args(args).arg(&file).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    };
    run("check-jsonschema", &["--builtin-schema", "vendor.github-workflows"]);
    let config = concat!("--config=", env!("CARGO_MANIFEST_DIR"), "/zizmor.yml");
    run("zizmor", &["--offline", "--persona=auditor", "--quiet", config]);
}

#[test]
fn a_workflow_stands_at_the_top_of_the_repository_and_names_its_branch() {
    let project = project(&[
        (".git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/trunk\n"),
        ("shop/migrations/0001_a.sql", "select 1;"),
        ("billing/bin/rails", ""),
    ]);
    for (folder, command) in [("shop", false), ("billing", true)] {
        let init = Bellwether::human("init").arg("--platform=github").within(&project.path().join(folder));
        init.run().expect(0).says(".github/workflows/migrate.yml");
        let file = project.path().join(".github/workflows/migrate.yml");
        let text = fs::read_to_string(&file).unwrap();
        let workflow = yaml(&text);
        assert_eq!(words(&workflow["on"]["push"]["branches"]), ["trunk"]);
        let steps = workflow["jobs"]["migrate"]["steps"].as_sequence().unwrap();
        let last = steps.last().unwrap();
        let place = if command { last } else { &last["with"] };
        assert_eq!(place["working-directory"], folder, "{text}");
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn a_workflow_that_has_us_is_left_alone() {
    let ours = "jobs: { a: { steps: [{ uses: OWNER/bellwether@v1 }] } }\n";
    let project = project(&[SQL, (".github/workflows/deploy.yml", ours)]);
    let (ended, written) = init(&project, &["--platform=github"]);
    ended.expect(0).says("kept .github/workflows/deploy.yml: it uses bellwether already");
    assert_eq!(written.keys().collect::<Vec<_>>(), ["bellwether.yml"]);
}
