use proptest::prelude::*;

use super::*;
use crate::formats::folder::detected;
use crate::formats::{Cell, find};

fn folder(migrations: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, script) in migrations {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        std::fs::write(dir.path().join(name).join(SCRIPT), script).unwrap();
    }
    dir
}

fn read(migrations: &[(&str, &str)]) -> Bundle {
    Prisma.read(folder(migrations).path()).unwrap()
}

fn hash(script: &str) -> String {
    hex(&Sha256::digest(script))
}

/// As Prisma writes it: applied, with `~` rolled back, with `!` begun.
fn row(name: &str, checksum: &str, logs: Option<&str>) -> Record {
    let words = |text: &str| Cell::Words(text.to_owned());
    Record(vec![
        words(name.trim_end_matches(['~', '!'])),
        words(checksum),
        Cell::Truth(!name.ends_with(['!', '~'])),
        Cell::Truth(name.ends_with('~')),
        logs.map_or(Cell::Null, words),
    ])
}

/// `1_a` = applied, `1_a!` = half, `1_a~` = from another script.
fn applied(bundle: &Bundle, rows: &[Record]) -> Vec<String> {
    let told = |it: Applied| {
        let file = bundle.migrations.iter().find(|file| file.version == it.version);
        let changed = file.is_some_and(|file| it.checksum.as_ref() != Some(&file.checksum));
        let mark = if !it.success {
            "!"
        } else if changed {
            "~"
        } else {
            ""
        };
        format!("{}{mark}", it.version)
    };
    Prisma.applied(bundle, rows).unwrap().into_iter().map(told).collect()
}

#[test]
fn folders_with_a_script_are_migrations() {
    let dir = folder(&[("20240102000000_b", "select 2;"), ("0_init", "select 0;")]);
    std::fs::write(dir.path().join(LOCK), "provider = \"postgresql\"\n").unwrap();
    std::fs::write(dir.path().join("README.md"), "").unwrap();
    std::fs::create_dir(dir.path().join("20240103000000_lost_users")).unwrap();
    let bundle = Prisma.read(dir.path()).unwrap();
    let read: Vec<_> =
        bundle.migrations.iter().map(|it| (it.version.as_str(), it.description.as_str())).collect();
    assert_eq!(read, [("0_init", "init"), ("20240102000000_b", "b")]);
    assert!(bundle.migrations[0].path.ends_with("0_init/migration.sql"));
    let [lost] = &bundle.unread[..] else { panic!("{:?}", bundle.unread) };
    assert_eq!(
        format!("{} {}", lost.name, lost.why),
        "20240103000000_lost_users is a folder without migration.sql, at which Prisma stops: restore the file, or delete the folder"
    );
    assert!(Prisma.read(folder(&[]).path()).unwrap().is_empty());
}

/// As `prisma migrate status` lists them.
#[test]
fn dotfiles_are_migrations_and_links_to_folders_are_none() {
    let dir = folder(&[("2_b", "select 2;"), (".1_a", "select 1;")]);
    let out = folder(&[("3_c", "select 3;")]);
    std::os::unix::fs::symlink(out.path().join("3_c"), dir.path().join("3_c")).unwrap();
    let bundle = Prisma.read(dir.path()).unwrap();
    let versions: Vec<_> = bundle.migrations.iter().map(|it| it.version.as_str()).collect();
    assert_eq!((versions, bundle.unread.len()), (vec![".1_a", "2_b"], 0));
}

#[test]
fn prisma_s_folders_are_known() {
    let dir = folder(&[("20240102000000_b", "select 2;")]);
    let (format, why) = find(None, dir.path()).unwrap();
    assert_eq!(
        (format.name(), why.as_str()),
        ("prisma", "20240102000000_b/migration.sql is where Prisma has it")
    );
    std::fs::write(dir.path().join("20240102000000_b/snapshot.json"), "{}").unwrap();
    assert_eq!(detected(&Prisma, dir.path()), None, "Drizzle's");
    std::fs::write(dir.path().join(LOCK), "").unwrap();
    assert_eq!(find(None, dir.path()).unwrap().1, "migration_lock.toml is Prisma's");
    assert_eq!(detected(&Prisma, &dir.path().join("gone")), None);
}

#[test]
fn only_rows_that_stand_count() {
    let bundle = read(&[("1_a", "a"), ("2_b", "b"), ("3_c", "c"), ("4_d", "d")]);
    let rows = [
        row("0_gone", "x", None),
        row("1_a!", &hash("a"), Some(" \n")),
        row("2_b~", "another", Some("it failed")),
        row("2_b", &hash("b"), None),
        row("3_c~", &hash("c"), Some("it failed")),
        // `migrate resolve --applied`
        row("4_d", &hash("d"), Some("")),
    ];
    assert_eq!(applied(&bundle, &rows), ["0_gone", "1_a!", "2_b", "4_d"]);
    assert_eq!(Prisma.failures(&rows), []);
    // an unfinished one stops Prisma, whatever came after it
    let rows = [row("1_a!", &hash("a"), None), row("1_a", &hash("a"), None)];
    assert_eq!(applied(&bundle, &rows), ["1_a!"]);
    assert_eq!(Prisma.applied(&bundle, &[Record::default()]), Ok(vec![]));
}

#[test]
fn a_failed_row_tells_its_logs_without_prisma_s_trace() {
    let said = "A migration failed to apply.\n\nDatabase error code: 42P01";
    let trace = "   0: sql_schema_connector::apply_migration::apply_script\n             at src/apply_migration.rs:113\n";
    let rows = [
        row("1_a", &hash("a"), Some("")),
        row("2_b!", &hash("b"), Some(&format!("{said}\n\n{trace}"))),
        row("3_c~", &hash("c"), Some("of no more interest")),
    ];
    assert_eq!(Prisma.failures(&rows), [("2_b".into(), said.to_owned())]);
}

#[test]
fn checksums_are_compared_as_prisma_does_it() {
    let zeros = (0_u32..).map(|n| n.to_string()).find(|text| Sha256::digest(text)[0] < 16).unwrap();
    let old = unpadded(&Sha256::digest(&zeros));
    assert!(old.len() < 64);
    for (script, checksum, changed) in [
        ("select 1;\n", hash("select 1;\n"), false),
        ("select 1;\r\n", hash("select 1;\n"), false),
        ("select 1;\n", hash("select 1;\r\n"), false),
        ("select 1;\n", hash("select 2;\n"), true),
        ("select 1;\n", hash("select 1;"), true),
        ("select 1;\n", String::new(), true),
        (&zeros, hash(&zeros), false),
        (&zeros, old, false),
    ] {
        let told = applied(&read(&[("1_a", script)]), &[row("1_a", &checksum, None)]);
        assert_eq!(told, [if changed { "1_a~" } else { "1_a" }], "{script:?} {checksum}");
    }
    let rules = Prisma.history().rules;
    assert!(rules.out_of_order && rules.changed && rules.missing);
}

#[test]
fn new_is_prisma_s_own() {
    let next = Prisma.next(&read(&[]), "Add e-mail", 0);
    assert_eq!(next, Next::Tool(Some("npx prisma migrate dev --create-only --name add_e_mail".to_owned())));
}

proptest! {
    #[test]
    fn any_rows_are_understood(rows in proptest::collection::vec((0..4_usize, "[~!]?", proptest::option::of(".{0,4}")), 0..8)) {
        let bundle = read(&[("1_a", "a"), ("2_b", "b")]);
        let names = ["1_a", "2_b", "3_é", ""];
        let rows: Vec<_> = rows.iter().map(|(at, mark, logs)| row(&format!("{}{mark}", names[*at]), "x", logs.as_deref())).collect();
        let told = Prisma.applied(&bundle, &rows).unwrap();
        let versions: std::collections::HashSet<_> = told.iter().map(|it| &it.version).collect();
        prop_assert_eq!(versions.len(), told.len());
        for (version, _) in Prisma.failures(&rows) {
            prop_assert!(told.iter().any(|it| it.version == version && !it.success));
        }
    }
}
