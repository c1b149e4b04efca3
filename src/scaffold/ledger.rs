//! Where bellwether's own tables go, for a tool that begins in no schema with tables of others: Prisma.

use crate::scaffold::look::Project;

const READERS: &str = "    # Database users who may read bellwether's own tables, so that they can follow.
    # ledger: { readers: [app_reader] }
";
const SCHEMA: &str =
    "    # Prisma begins in no schema that has tables of others (P3005): bellwether's own go into this one,
    # which is to be made first. readers: [app_reader] beside it: database users who may read them.
    ledger: { schema: bellwether }
";
const BY_HAND: &str =
    "    # Prisma begins in no database that has tables of others (P3005), as bellwether's own are: where it
    # is still empty, run the command once by hand before the first deploy.
";
const EITHER: &str =
    "    # Prisma begins in no schema that has tables of others (P3005), as bellwether's own are. Where it is
    # still empty: on PostgreSQL and SQL Server, CREATE SCHEMA bellwether and the line below; elsewhere, run
    # the command once by hand before the first deploy.
    # ledger: { schema: bellwether }
";

/// What the config says of it, with the reason.
pub fn text(project: &Project) -> String {
    if !is_prisma(project) {
        return READERS.to_owned();
    }
    match has_schemas(project) {
        Some(true) => SCHEMA.to_owned(),
        Some(false) => format!("{BY_HAND}\n{READERS}"),
        None => EITHER.to_owned(),
    }
}

/// What has to be done in the database before the config's first deploy.
pub fn first(project: &Project) -> Option<String> {
    (is_prisma(project) && has_schemas(project) == Some(true)).then(|| {
        "`CREATE SCHEMA bellwether;` in the database: bellwether makes none, and the config puts its tables there"
            .to_owned()
    })
}

fn is_prisma(project: &Project) -> bool {
    project.command().is_some_and(|(command, _)| command.iter().any(|word| word == "prisma"))
}

/// By the `provider` of its migrations, or of its schema; none = neither says it.
fn has_schemas(project: &Project) -> Option<bool> {
    let lock = project.found.as_ref().map(|found| found.folder.join("migration_lock.toml"));
    let files = lock.into_iter().chain([project.root.join("prisma/schema.prisma")]);
    files.into_iter().find_map(|file| {
        let text = std::fs::read(file).ok()?;
        let text = String::from_utf8_lossy(&text);
        // a generator has a provider, too
        text.lines().filter_map(|line| line.trim().strip_prefix("provider")).find_map(|rest| {
            match rest.trim_start_matches([' ', '\t', '=']).split('"').nth(1)? {
                "postgresql" | "postgres" | "sqlserver" => Some(true),
                "mysql" | "sqlite" => Some(false),
                _ => None,
            }
        })
    })
}
