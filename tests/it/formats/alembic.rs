//! Alembic's own command.

use crate::formats::checked::Checked;
use crate::support::{TestDatabase, on_every_server_of_sqlx, on_servers};

const ENV: &str = r#"
import os
from alembic import context
from sqlalchemy import create_engine

scheme, rest = os.environ["DATABASE_URL"].split("://", 1)
drivers = {"sqlite": "sqlite:///", "mysql": "mysql+pymysql://", "postgres": "postgresql+psycopg2://", "postgresql": "postgresql+psycopg2://"}
with create_engine(drivers[scheme] + rest).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"#;

const UPGRADE: &[&str] = &["alembic", "upgrade", "heads"];

/// As `alembic revision` writes them, with identifiers that can be told.
fn revise(project: &Checked<'_>, id: &str, more: &[&str]) {
    let message = format!("Add {id}");
    project.run(&[&["alembic", "revision", "-m", &message, "--rev-id", id], more].concat());
}

fn project(db: &TestDatabase) -> Option<Checked<'_>> {
    let project = Checked::new(db, ("alembic", "BELLWETHER_TEST_ALEMBIC"), "alembic", "alembic")?;
    project.run(&["alembic", "init", "alembic"]);
    project.write("alembic/env.py", ENV);
    revise(&project, "aa", &[]);
    Some(project)
}

on_every_server_of_sqlx! {
    fn what_alembic_applies_is_read(db) {
        let Some(project) = project(db) else { return };
        assert_eq!(project.pending(), "unknown", "no table yet");
        project.run(UPGRADE);
        assert_eq!(project.states(), ["aa applied"]);
        project.follow("r1").expect(0);
        revise(&project, "bb", &[]);
        assert_eq!(project.pending(), "bb");
        project.deploy("r2", UPGRADE).expect(0);
        assert_eq!(project.states(), ["aa applied", "bb applied"]);
        project.run(&["alembic", "downgrade", "base"]);
        assert_eq!(project.pending(), "aa bb");
    }

    /// Two branches, one of them with a label that the other depends on; then a merge.

    fn branches_have_a_head_each(db) {
        let Some(project) = project(db) else { return };
        revise(&project, "bb", &["--branch-label", "left"]);
        revise(&project, "cc", &["--head", "aa", "--splice"]);
        revise(&project, "dd", &["--head", "base", "--depends-on", "left"]);
        project.run(&["alembic", "upgrade", "cc"]);
        assert_eq!(project.states(), ["aa applied", "bb pending", "cc applied", "dd pending"]);
        project.run(&["alembic", "upgrade", "dd"]);
        // bb's row is gone: dd stands for it
        assert_eq!(db.column("select version_num from alembic_version order by 1"), ["cc", "dd"]);
        assert_eq!(project.pending(), "none");
        project.run(&["alembic", "merge", "--rev-id", "ee", "bb", "cc"]);
        assert_eq!(project.pending(), "ee");
        project.deploy("r1", UPGRADE).expect(0);
        assert_eq!(project.pending(), "none");
        project.follow("r2").expect(0);
    }
}

on_servers! { [sqlite Sqlite]
    fn a_revision_that_is_not_here_says_nothing_of_ours(db) {
        let Some(project) = project(db) else { return };
        revise(&project, "bb", &[]);
        project.run(UPGRADE);
        project.remove("alembic/versions/bb_add_bb.py");
        assert_eq!(project.pending(), "unknown");
        project.run(&["alembic", "stamp", "--purge", "base"]);
        assert_eq!(project.pending(), "aa");
    }

    /// The same settings and files as Alembic sees them.

    fn settings_in_toml_and_dotfiles_are_alembics_own(db) {
        let Some(project) = project(db) else { return };
        project.run(&["alembic", "upgrade", "aa"]);
        project.write("alembic/versions/.bb.py", "revision = 'bb'\ndown_revision = 'aa'\ndef upgrade(): pass\n");
        project.write("more/cc.py", "revision = 'cc'\ndown_revision = None\ndef upgrade(): pass\n");
        project.write("alembic.ini", "[alembic]\n");
        let locations = r#"version_locations = ["%(here)s/alembic/versions", "%(here)s/more"] # two"#;
        for toml in [
            format!("[tool.alembic] # database\nscript_location = \"%(here)s/alembic\" # ours\n{locations}\n"),
            format!("[tool]\nalembic.script_location = 'alembic'\nalembic.{locations}\n"),
        ] {
            project.write("pyproject.toml", &toml);
            let heads = project.run(&["alembic", "heads"]);
            assert!(heads.contains("bb (head)") && heads.contains("cc (head)"), "{heads}");
            assert_eq!(project.pending(), "bb cc", "{toml}");
        }
        project.write("pyproject.toml", "[tool.alembic\n");
        assert!(!project.try_run(&["alembic", "heads"]).0);
        assert_eq!(project.pending(), "unknown");
    }

    fn a_graph_that_alembic_refuses_is_unknown(db) {
        let Some(project) = project(db) else { return };
        project.run(UPGRADE);
        for (text, why) in [
            ("revision = 'bb'\ndown_revision = 'gone'\n", "gone"),
            ("revision = 'bb'\ndown_revision = 'cc'\n", "cc"),
            ("revision = 'bb'\n", "down_revision"),
        ] {
            project.write("alembic/versions/bb.py", text);
            let (succeeded, said) = project.try_run(UPGRADE);
            assert!(!succeeded && said.contains(why), "{said}");
            assert_eq!(project.pending(), "unknown");
        }
    }
}
