use std::time::Instant;

use super::*;
use crate::formats::Cell;
use crate::formats::folder::{detected, tree};

fn file(revision: &str, down: &str) -> String {
    format!(
        "'''Add {revision}\n\nRevises: {down}\n'''\nfrom alembic import op\n\n# revision identifiers\nrevision: str = '{revision}'\ndown_revision: Union[str, None] = {down}\nbranch_labels = None\ndepends_on = None\n\n\ndef upgrade() -> None:\n    revision = 1\n"
    )
}

fn of_files(files: &[(&str, &str)]) -> Bundle {
    let dir = tree(files);
    Alembic.read(dir.path()).unwrap()
}

fn versions(bundle: &Bundle) -> Vec<&str> {
    bundle.migrations.iter().map(|it| it.version.as_str()).collect()
}

fn unread(bundle: &Bundle) -> Vec<String> {
    bundle.unread.iter().map(|it| format!("{} {}", it.name, it.why)).collect()
}

/// What is applied, sorted.
fn applied(bundle: &Bundle, rows: &[&str]) -> Result<Vec<String>, String> {
    let rows: Vec<_> = rows.iter().map(|row| Record(vec![Cell::Words((*row).to_owned())])).collect();
    let mut applied: Vec<_> = Alembic.applied(bundle, &rows)?.into_iter().map(|row| row.version.0).collect();
    applied.sort();
    Ok(applied)
}

/// What of the bundle is not applied.
fn pending(bundle: &Bundle, rows: &[&str]) -> Vec<String> {
    let applied = applied(bundle, rows).unwrap();
    versions(bundle).into_iter().map(str::to_owned).filter(|version| !applied.contains(version)).collect()
}

/// a → b, b → c and d, merged in e; f stands alone and needs c.
fn branches() -> Bundle {
    let left = file("c", "'b'").replace("branch_labels = None", "branch_labels = ('left',)");
    of_files(&[
        ("versions/1_e.py", &file("e", "('c', 'd')")),
        ("versions/2_d.py", &file("d", "'b'")),
        ("versions/3_c.py", &left),
        ("versions/4_b.py", &file("b", "'a'")),
        ("versions/5_a.py", &file("a", "None")),
        ("versions/6_f.py", &file("f", "None").replace("depends_on = None", "depends_on = 'left'")),
        ("versions/__pycache__/1_e.py", "not read"),
        ("versions/__init__.py", ""),
        ("env.py", "from alembic import context\n"),
    ])
}

#[test]
fn a_head_means_all_that_it_stands_on() {
    let bundle = branches();
    assert_eq!(unread(&bundle), [""; 0]);
    assert_eq!(versions(&bundle), ["a", "b", "d", "c", "e", "f"]);
    assert_eq!(
        (bundle.migrations[0].name.as_str(), bundle.migrations[0].description.as_str()),
        ("5_a.py", "Add a")
    );
    for (heads, left) in [
        (&[][..], &["a", "b", "d", "c", "e", "f"][..]),
        (&["a"], &["b", "d", "c", "e", "f"]),
        (&["c"], &["d", "e", "f"]),
        (&["c", "d"], &["e", "f"]),
        (&["e"], &["f"]),
        (&["f"], &["d", "e"]),
        (&["e", "f"], &[]),
        // the names of branches are no revisions
        (&["e", "f", "left"], &[]),
    ] {
        assert_eq!(pending(&bundle, heads), left, "{heads:?}");
    }
}

#[test]
fn a_recorded_revision_without_a_file_says_nothing_of_ours() {
    let bundle = branches();
    assert_eq!(
        applied(&bundle, &["x"]).unwrap_err(),
        "the revision x is in no file here, so what it stands on cannot be told"
    );
    assert!(applied(&bundle, &["x", "f"]).is_err());
    assert_eq!(applied(&bundle, &["e", "x", "f"]).unwrap(), ["a", "b", "c", "d", "e", "f", "x"]);
}

#[test]
fn graphs_that_are_none_are_told_with_their_files() {
    let circle = [
        ("1_a.py", file("a", "'c'")),
        ("2_b.py", file("b", "'a'")),
        ("3_c.py", file("c", "'b'")),
        ("4_d.py", file("d", "'c'")),
    ];
    let circle = circle.iter().map(|(name, text)| (*name, text.as_str())).collect::<Vec<_>>();
    let bundle = of_files(&circle);
    assert_eq!(
        unread(&bundle),
        ["1_a.py stands on itself: 1_a.py follows 3_c.py follows 2_b.py follows 1_a.py"]
    );
    assert_eq!(pending(&bundle, &["d"]), [""; 0]);
    assert_eq!(
        unread(&of_files(&[("a.py", &file("a", "'a'"))])),
        ["a.py stands on itself: a.py follows a.py"]
    );

    let bundle = of_files(&[
        ("1.py", &file("a", "None")),
        ("2.py", &file("b", "'gone'")),
        ("3.py", &file("a", "'b'")),
    ]);
    assert_eq!(
        unread(&bundle),
        [
            "3.py has the revision a, which is 1.py's as well",
            "2.py follows the revision gone, which is in no file here"
        ]
    );
    assert_eq!(versions(&bundle), ["a", "b"]);
    let needs = file("a", "None").replace("depends_on = None", "depends_on = ['gone']");
    assert_eq!(
        unread(&of_files(&[("1.py", &needs)])),
        ["1.py depends on the revision gone, which is in no file here"]
    );
}

#[test]
fn what_is_no_literal_is_told_with_its_line() {
    for (text, why) in [
        (
            "revision = make()\ndown_revision = None\n",
            "x.py:1 has a revision that is computed, and only plain text is read",
        ),
        (
            "revision = 'a'\ndown_revision = ['b', last]\n",
            "x.py:2 has a down_revision that is computed, and only plain text is read",
        ),
        (
            "revision = 'a'\nif X:\n    down_revision = None\n",
            "x.py:3 assigns down_revision only in some cases",
        ),
        ("revision = 'a'\n", "x.py has no down_revision, which Alembic refuses"),
        ("down_revision = None\n", "x.py has no revision, which Alembic refuses"),
        ("revision = None\ndown_revision = None\n", "x.py has a revision that is no text"),
        (
            "revision = 'a'\ndown_revision = (None,)\n",
            "x.py has a down_revision that is neither None nor text",
        ),
        ("revision = 'a\n", "x.py:1 begins a string that does not end"),
    ] {
        assert_eq!(unread(&of_files(&[("x.py", text)])), [why], "{text}");
    }
    assert_eq!(versions(&of_files(&[("0a1b.py", "down_revision = None\n")])), ["0a1b"]);
    let dir = tree(&[]);
    std::fs::write(dir.path().join("x.py"), b"revision = '\xe9'\n").unwrap();
    assert_eq!(unread(&Alembic.read(dir.path()).unwrap()), ["x.py is not UTF-8"]);
}

#[test]
fn settings_beside_the_folder_say_where_revisions_are() {
    let (a, b) = (file("a", "None"), file("b", "'a'"));
    let files = |ini: &str| {
        tree(&[
            ("alembic.ini", ini),
            ("db/env.py", ""),
            ("db/versions/a.py", &a),
            ("db/versions/2024/b.py", &b),
            ("more/b.py", &b),
        ])
    };
    let read = |ini: &str| {
        let dir = files(ini);
        let bundle = Alembic.read(&dir.path().join("db")).unwrap();
        let inside = Alembic.read(&dir.path().join("db/versions")).unwrap();
        assert_eq!((versions(&bundle), unread(&bundle)), (versions(&inside), unread(&inside)));
        (
            versions(&bundle).join(" "),
            unread(&bundle).join("; ").replace(&dir.path().canonicalize().unwrap().display().to_string(), ""),
        )
    };
    let says = |versions: &str, unread: &str| (versions.to_owned(), unread.to_owned());
    let here = "[alembic]\nscript_location = %(here)s/db\n";
    assert_eq!(read(here), says("a", ""));
    assert_eq!(
        read(
            "[loggers]\nkeys = root\n[alembic]\nscript_location = db\n# x\nrecursive_version_locations = true\n"
        ),
        says("a b", "")
    );
    let more = "version_locations = %(here)s/db/versions\n  %(here)s/more\n";
    assert_eq!(read(&format!("{here}{more}")), says("a b", ""));
    let gone = "version_locations = %(here)s/db/versions:%(here)s/gone\n";
    assert_eq!(
        read(&format!("{here}{gone}")),
        says("a", "alembic.ini has version_locations, and /gone is no folder here")
    );
    assert_eq!(
        read("[alembic]\nscript_location = elsewhere\n"),
        says(
            "a",
            "2024 holds revisions, and without the alembic.ini it cannot be told whether Alembic reads folders in folders"
        )
    );
    for location in ["script_location = shop:db\n", "script_location = %(app)s/db\n", ""] {
        let nowhere = read(&format!("[alembic]\n{location}version_locations = more\n")).1;
        let says_so = "alembic.ini has version_locations, and no script_location that is found from here; ";
        assert!(nowhere.starts_with(says_so), "{nowhere}");
    }
    let sourceless = format!("{here}sourceless = true\n");
    assert_eq!(
        read(&sourceless).1,
        "alembic.ini lets Alembic run compiled revisions (sourceless), and only .py files are read"
    );

    // as `configparser` reads it
    for ini in [
        "[alembic] ; the main one\n  Script_Location: db\n  version_locations =\n    # both\n    db/versions\n\n    more\n",
        "[DEFAULT]\nall = %(here)s\n[alembic]\nscript_location = %(all)s/db\nversion_locations = %(all)s/db/versions %(all)s/more\n",
    ] {
        assert_eq!(read(ini), says("a b", ""), "{ini}");
    }
    let commented = "[alembic]\nscript_location = db # the folder\nversion_locations = more\n";
    assert!(read(commented).1.starts_with("alembic.ini has version_locations, and no script_location"));
    assert!(read("[alembic]\nscript_location\n").1.starts_with("alembic.ini:2 is no line of an ini file"));
}

/// A project with one revision beside the folder.
fn with_settings(files: &[(&str, &str)]) -> tempfile::TempDir {
    let (a, b) = (file("a", "None"), file("b", "None"));
    let project = [("db/env.py", ""), ("db/versions/a.py", a.as_str()), ("more/b.py", &b)];
    tree(&[&project, files].concat())
}

fn read_settings(files: &[(&str, &str)]) -> (String, String) {
    let bundle = Alembic.read(&with_settings(files).path().join("db")).unwrap();
    (versions(&bundle).join(" "), unread(&bundle).join("; "))
}

#[test]
fn settings_in_toml_are_read_as_toml() {
    let locations = r#"version_locations = [ "%(here)s/db/versions", # ours
        '%(here)s/more', ]"#;
    let script = r#"script_location = "%(here)s/db" # beside the app"#;
    for toml in [
        format!("[tool.alembic] # database\n{script}\n{locations}\n"),
        format!("[tool]\nalembic.{script}\nalembic.{locations}\n"),
        "tool.alembic = { script_location = 'db', version_locations = ['db/versions', 'more'] }\n".to_owned(),
    ] {
        assert_eq!(read_settings(&[("pyproject.toml", &toml)]), ("a b".to_owned(), String::new()), "{toml}");
    }
    // what the ini file does not say
    for (ini, toml) in [
        ("script_location = db", locations),
        ("version_locations = db/versions more", script),
        ("sqlalchemy.url = x", &format!("{script}\n{locations}")),
    ] {
        let ini = format!("[loggers]\nkeys = root\n[alembic]\n{ini}\n");
        let toml = format!("[tool.alembic]\n{toml}\n");
        let read = read_settings(&[("alembic.ini", &ini), ("pyproject.toml", &toml)]);
        assert_eq!(read, ("a b".to_owned(), String::new()), "{ini}{toml}");
    }
    for (toml, why) in [
        (
            "[tool.alembic]\nscript_location = 'shop:db'\nversion_locations = ['more']\n",
            "pyproject.toml has version_locations, and no script_location that is found from here",
        ),
        (
            "[tool.alembic]\nscript_location = 'db'\nversion_locations = ['gone:more', 1]\n",
            "pyproject.toml has version_locations that are no list of texts",
        ),
        (
            "[tool.alembic]\nscript_location = 'db'\nsourceless = true\n",
            "pyproject.toml lets Alembic run compiled revisions (sourceless), and only .py files are read",
        ),
        ("[tool.other]\nname = 'x'\n", ""),
        // another tool's, whatever it is
        ("[tool.other\n", ""),
    ] {
        assert_eq!(read_settings(&[("pyproject.toml", toml)]), ("a".to_owned(), why.to_owned()), "{toml}");
    }
    let broken = read_settings(&[("pyproject.toml", "[tool.alembic\n")]).1;
    assert!(broken.starts_with("pyproject.toml is no TOML that can be read: "), "{broken}");
}

#[test]
fn settings_that_cannot_be_read_are_told() {
    let latin = b"[alembic]\n# caf\xe9\nscript_location = db\nversion_locations = db/versions more\n";
    let dir = with_settings(&[]);
    std::fs::write(dir.path().join("alembic.ini"), latin).unwrap();
    let bundle = Alembic.read(&dir.path().join("db")).unwrap();
    assert_eq!(unread(&bundle), ["alembic.ini is not UTF-8"]);
    // as root reads everything, a folder stands for a file that is closed to us
    for (name, gone) in [("alembic.ini", ""), ("pyproject.toml", ""), ("db/env.py", "db/env.py")] {
        let dir = with_settings(&[]);
        if !gone.is_empty() {
            std::fs::remove_file(dir.path().join(gone)).unwrap();
        }
        std::fs::create_dir(dir.path().join(name)).unwrap();
        let told = unread(&Alembic.read(&dir.path().join("db")).unwrap());
        let name = name.trim_start_matches("db/");
        assert!(told.len() == 1 && told[0].starts_with(&format!("{name} cannot be read: ")), "{told:?}");
    }
    let dir = with_settings(&[]);
    std::fs::write(dir.path().join("db/env.py"), b"# caf\xe9\nx(version_table='mine')").unwrap();
    assert_eq!(
        unread(&Alembic.read(&dir.path().join("db")).unwrap()),
        ["env.py sets a version_table of its own, and only alembic_version is read"]
    );
    for (env, is_told) in [
        ("context.configure(version_table_pk=False)", false),
        ("context.configure(version_table=\"alembic_version\", version_table_pk = False)", false),
        ("    version_table = 'alembic_version',  # as ever", false),
        ("options = {'version_table': 'alembic_version'}", false),
        ("# version_table='mine'", false),
        ("context.configure(version_table='alembic_version_shop')", true),
        ("context.configure(version_table='alembic_version' + SUFFIX)", true),
        ("context.configure(version_table_pk=False, version_table=NAME)", true),
        ("context.configure(version_table_schema='app')", true),
        ("configure(version_table=\"alembic_version\", version_table_schema=app)", true),
    ] {
        let dir = with_settings(&[("db/env.py", env)]);
        assert_eq!(!unread(&Alembic.read(&dir.path().join("db")).unwrap()).is_empty(), is_told, "{env}");
    }
}

#[test]
fn dotfiles_are_revisions_and_locks_of_editors_are_not() {
    let (a, h, d) = (file("a", "None"), file("h", "'a'"), file("d", "'h'"));
    let files = [("db/versions/a.py", a.as_str()), ("db/versions/.h.py", &h), ("db/versions/.deep/d.py", &d)];
    let dir = tree(&files);
    std::os::unix::fs::symlink("nobody@nowhere", dir.path().join("db/versions/.#a.py")).unwrap();
    let bundle = Alembic.read(&dir.path().join("db")).unwrap();
    assert_eq!(versions(&bundle), ["a", "h"]);
    assert!(unread(&bundle)[0].starts_with(".deep holds revisions"), "{:?}", unread(&bundle));
    let ini = "[alembic]\nscript_location = db\nrecursive_version_locations = ";
    for (recursive, found) in [("true", &["a", "h", "d"][..]), ("false", &["a", "h"])] {
        std::fs::write(dir.path().join("alembic.ini"), format!("{ini}{recursive}\n")).unwrap();
        let bundle = Alembic.read(&dir.path().join("db")).unwrap();
        assert_eq!((versions(&bundle), unread(&bundle)), (found.to_vec(), Vec::new()), "{recursive}");
    }
}

#[test]
fn it_is_recognised_by_its_files() {
    let detect = |files: &[(&str, &str)]| detected(&Alembic, tree(files).path());
    assert!(detect(&[("versions/a.py", &file("a", "None"))]).unwrap().contains("a.py"));
    assert!(detect(&[("a.py", &file("a", "None"))]).is_some());
    assert!(detect(&[("env.py", "from alembic import context"), ("versions/README", "")]).is_some());
    for broken in ["revision = (", "def upgrade():\n    pass\n", ""] {
        let env = ("env.py", "from shop import run\nrun()\n");
        assert!(detect(&[env, ("versions/a.py", broken)]).is_some());
        assert!(detect(&[env, ("script.py.mako", ""), ("a.py", broken)]).is_some());
        assert_eq!(detect(&[env, ("a.py", broken)]), None);
        let inner = tree(&[env, ("script.py.mako", ""), ("versions/a.py", broken)]);
        assert!(detected(&Alembic, &inner.path().join("versions")).is_some());
    }
    let latin = tree(&[("a.py", "")]);
    std::fs::write(latin.path().join("a.py"), b"# caf\xe9\nrevision = 'a'\ndown_revision = None\n").unwrap();
    assert!(detected(&Alembic, latin.path()).is_some());
    assert_eq!(detect(&[("0001_initial.py", "class Migration: pass")]), None);
    assert_eq!(detect(&[("1_a.sql", "")]), None);
}

#[test]
fn a_long_chain_takes_no_time() {
    let files: Vec<_> = (1..=1000)
        .map(|at| {
            (
                format!("versions/{at:04}.py"),
                file(&at.to_string(), &if at == 1 { "None".to_owned() } else { format!("'{}'", at - 1) }),
            )
        })
        .collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let bundle = of_files(&files);
    let began = Instant::now();
    assert_eq!(pending(&bundle, &["998"]), ["999", "1000"]);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}
