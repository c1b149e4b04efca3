//! The tools of others, by what projects that use them have: how they apply migrations, and how they write one.

use std::fs;
use std::path::{Path, PathBuf};

/// One tool.
#[derive(Debug)]
pub struct Tool {
    /// Its format's name, or its own where no format is known for it.
    pub format: &'static str,
    /// What tells that it is used; one is enough.
    marks: &'static [Mark],
    /// What applies its migrations.
    pub command: &'static [&'static str],
    /// Where its migrations usually are; `*` is any folder.
    pub folders: &'static [&'static str],
    /// What writes a migration called `NAME`, to be pasted.
    pub new: Option<&'static str>,
    /// What a fresh checkout needs before the command, to be run.
    pub prepare: Option<&'static str>,
}

/// What tells that a tool is used.
#[derive(Debug)]
enum Mark {
    /// This file is there.
    File(&'static str),
    /// A file whose name begins so is there.
    Begins(&'static str),
    /// This file is there and has this text.
    Has(&'static str, &'static str),
    /// A file whose name ends so is there, here, in a folder below or in one of `src`, and has this text.
    Ends(&'static str, &'static str),
}

use Mark::{Begins, Ends, File, Has};

/// Where Flyway looks in an application for the JVM.
pub const JVM_FLYWAY: &str = "src/main/resources/db/migration";
/// Where changelogs of Liquibase's usually are: Spring Boot's own place first, JHipster's after it.
pub const CHANGELOGS: [&str; 8] = [
    "src/main/resources/db/changelog",
    "src/main/resources/config/liquibase",
    "src/main/resources/liquibase",
    "*/src/main/resources/db/changelog",
    "db/changelog",
    "changelog",
    "liquibase",
    "migrations",
];
const BUNDLE: Option<&str> = Some("bundle config set deployment true && bundle install");
const PIP: Option<&str> = Some("pip install -r requirements.txt");
const NPM: Option<&str> = Some("npm ci");

/// Every tool; the first one that is used is taken.
const TOOLS: &[Tool] = &[
    Tool {
        format: "rails",
        marks: &[File("bin/rails"), File("config/application.rb")],
        command: &["bundle", "exec", "rake", "db:migrate"],
        folders: &["db/migrate"],
        new: Some("bin/rails generate migration NAME"),
        prepare: BUNDLE,
    },
    Tool {
        format: "django",
        marks: &[Has("manage.py", "django")],
        command: &["python", "manage.py", "migrate", "--noinput"],
        folders: &["."],
        new: Some("python manage.py makemigrations --name NAME"),
        prepare: PIP,
    },
    Tool {
        format: "alembic",
        marks: &[File("alembic.ini"), Has("pyproject.toml", "[tool.alembic]")],
        command: &["alembic", "upgrade", "head"],
        folders: &["alembic/versions", "migrations/versions", "versions"],
        new: Some("alembic revision -m NAME"),
        prepare: PIP,
    },
    Tool {
        // Flask-Migrate: Alembic, started by the application
        format: "alembic",
        marks: &[File("migrations/alembic.ini")],
        command: &["flask", "db", "upgrade"],
        folders: &["migrations/versions"],
        new: Some("flask db migrate -m NAME"),
        prepare: PIP,
    },
    Tool {
        format: "prisma",
        marks: &[
            File("prisma/schema.prisma"),
            Begins("prisma.config."),
            File("prisma/migrations/migration_lock.toml"),
        ],
        command: &["npx", "prisma", "migrate", "deploy"],
        folders: &["prisma/migrations"],
        new: Some("npx prisma migrate dev --create-only --name NAME"),
        prepare: NPM,
    },
    Tool {
        format: "knex",
        marks: &[Begins("knexfile.")],
        command: &["npx", "knex", "migrate:latest"],
        folders: &["migrations", "db/migrations"],
        new: Some("npx knex migrate:make NAME"),
        prepare: NPM,
    },
    Tool {
        format: "node-pg-migrate",
        marks: &[Has("package.json", "\"node-pg-migrate\"")],
        command: &["npx", "node-pg-migrate", "up"],
        folders: &["migrations"],
        new: Some("npx node-pg-migrate create NAME"),
        prepare: NPM,
    },
    Tool {
        format: "flyway",
        marks: &[File("flyway.toml"), File("flyway.conf"), File("conf/flyway.conf")],
        command: &["flyway", "migrate"],
        folders: &["sql", "migrations", "db/migration", JVM_FLYWAY],
        new: None,
        prepare: None,
    },
    Tool {
        format: "flyway",
        marks: &[Has("pom.xml", "flyway-maven-plugin")],
        command: &["mvn", "flyway:migrate"],
        folders: &[JVM_FLYWAY],
        new: None,
        prepare: None,
    },
    Tool {
        format: "flyway",
        marks: &[Has("build.gradle", "org.flywaydb.flyway"), Has("build.gradle.kts", "org.flywaydb.flyway")],
        command: &["./gradlew", "flywayMigrate"],
        folders: &[JVM_FLYWAY],
        new: None,
        prepare: None,
    },
    Tool {
        // an application that would migrate when it starts
        format: "flyway",
        marks: &[
            Ends("pom.xml", "flyway"),
            Ends("build.gradle", "flyway"),
            Ends("build.gradle.kts", "flyway"),
            Has("gradle/libs.versions.toml", "flyway"),
        ],
        command: &["flyway", "migrate"],
        folders: &[JVM_FLYWAY, "*/src/main/resources/db/migration"],
        new: None,
        prepare: None,
    },
    Tool {
        format: "liquibase",
        marks: &[File("liquibase.properties")],
        command: &["liquibase", "update"],
        folders: &CHANGELOGS,
        new: None,
        prepare: None,
    },
    Tool {
        format: "liquibase",
        marks: &[Has("pom.xml", "liquibase-maven-plugin")],
        command: &["mvn", "liquibase:update"],
        folders: &CHANGELOGS,
        new: None,
        prepare: None,
    },
    Tool {
        format: "liquibase",
        marks: &[
            Has("build.gradle", "org.liquibase.gradle"),
            Has("build.gradle.kts", "org.liquibase.gradle"),
        ],
        command: &["./gradlew", "update"],
        folders: &CHANGELOGS,
        new: None,
        prepare: None,
    },
    Tool {
        // as Flyway's
        format: "liquibase",
        marks: &[
            Ends("pom.xml", "liquibase"),
            Ends("build.gradle", "liquibase"),
            Ends("build.gradle.kts", "liquibase"),
            Has("gradle/libs.versions.toml", "liquibase"),
        ],
        command: &["liquibase", "update"],
        folders: &CHANGELOGS,
        new: None,
        prepare: None,
    },
    Tool {
        format: "atlas",
        marks: &[File("atlas.hcl")],
        command: &["atlas", "migrate", "apply", "--env", "production"],
        folders: &["migrations"],
        new: Some("atlas migrate new NAME"),
        prepare: None,
    },
    Tool {
        format: "efcore",
        marks: &[Ends(".csproj", "EntityFrameworkCore")],
        command: &["dotnet", "ef", "database", "update"],
        folders: &[
            "Migrations",
            "Data/Migrations",
            "*/Migrations",
            "*/Data/Migrations",
            "src/*/Migrations",
            "src/*/Data/Migrations",
        ],
        new: Some("dotnet ef migrations add NAME"),
        prepare: Some("dotnet tool restore"),
    },
    Tool {
        format: "refinery",
        marks: &[File("refinery.toml")],
        command: &["refinery", "migrate", "-c", "refinery.toml", "-d", "-m"],
        folders: &["migrations"],
        new: None,
        prepare: None,
    },
    Tool {
        format: "Laravel",
        marks: &[File("artisan")],
        command: &["php", "artisan", "migrate", "--force"],
        folders: &[],
        new: Some("php artisan make:migration NAME"),
        prepare: Some("composer install --no-dev"),
    },
    Tool {
        format: "Diesel",
        marks: &[File("diesel.toml")],
        command: &["diesel", "migration", "run"],
        folders: &[],
        new: Some("diesel migration generate NAME"),
        prepare: None,
    },
    Tool {
        format: "Drizzle",
        marks: &[Begins("drizzle.config.")],
        command: &["npx", "drizzle-kit", "migrate"],
        folders: &[],
        new: Some("npx drizzle-kit generate --name NAME"),
        prepare: NPM,
    },
    Tool {
        format: "Sequelize",
        marks: &[File(".sequelizerc")],
        command: &["npx", "sequelize-cli", "db:migrate"],
        folders: &[],
        new: Some("npx sequelize-cli migration:generate --name NAME"),
        prepare: NPM,
    },
    Tool {
        format: "Ecto",
        marks: &[Has("mix.exs", "ecto_sql")],
        command: &["mix", "ecto.migrate"],
        folders: &[],
        new: Some("mix ecto.gen.migration NAME"),
        prepare: Some("mix deps.get"),
    },
];

/// Tools that are used here, each with what tells it.
pub fn here(root: &Path) -> Vec<(&'static Tool, String)> {
    let told = |tool: &'static Tool| Some((tool, tool.marks.iter().find_map(|mark| mark.told(root))?));
    TOOLS.iter().filter_map(told).collect()
}

/// The tool of a format, as it is started without anything around it.
pub fn named(format: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.format == format)
}

impl Mark {
    fn told(&self, root: &Path) -> Option<String> {
        let has = |path: &Path, text: &str| {
            fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
        };
        match self {
            File(name) => root.join(name).is_file().then(|| format!("{name} is here")),
            Begins(start) => {
                let name = names(root).into_iter().find(|name| name.starts_with(start))?;
                Some(format!("{name} is here"))
            }
            Has(name, text) => {
                has(&root.join(name), text).then(|| format!("{name} has {}", text.trim_matches('"')))
            }
            Ends(end, text) => below(root).into_iter().find_map(|name| {
                let fits = name.ends_with(end) && has(&root.join(&name), text);
                fits.then(|| format!("{name} has {text}"))
            }),
        }
    }
}

/// What is in a folder, in order; what is named so that it would break a line is nothing that we look for.
pub fn names(folder: &Path) -> Vec<String> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.contains(char::is_control)).collect();
    names.sort();
    names
}

/// The folders that a name with at most one `*` means, in order.
pub fn folders(root: &Path, name: &str) -> Vec<PathBuf> {
    let Some((front, rest)) = name.split_once("*/") else {
        let folder = root.join(name);
        return if folder.is_dir() { vec![folder] } else { Vec::new() };
    };
    let around = root.join(front);
    let inside = names(&around).into_iter().filter(|name| !name.starts_with('.'));
    inside.map(|name| around.join(name).join(rest)).filter(|folder| folder.is_dir()).collect()
}

/// What is in a folder, in those directly in it, and in those of `src`.
fn below(folder: &Path) -> Vec<String> {
    let own = names(folder);
    let inside = |around: String| {
        let deeper = names(&folder.join(&around)).into_iter().map(move |name| format!("{around}{name}"));
        deeper.collect::<Vec<_>>()
    };
    let folders = own.iter().filter(|name| !name.starts_with('.')).map(|name| format!("{name}/"));
    let of_src = inside("src/".to_owned()).into_iter().map(|name| format!("{name}/"));
    let deeper: Vec<String> = folders.chain(of_src).flat_map(inside).collect();
    own.into_iter().chain(deeper).collect()
}
