//! Two apps on one database, as their release phases run: the environment of a dyno, signals that Heroku repeats, its end.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::commands::{alive, assert_nothing_is_left, wait_for_file};
use crate::support::database::Session;
use crate::support::own::OwnServer;
use crate::support::{Bellwether, Migrations, Running, Server, TestDatabase, on_servers};

const SOON: Duration = Duration::from_secs(60);
/// With a dead leader waited out, on a busy machine.
const LONG: Duration = Duration::from_secs(90);

/// An app's release phase, of commit `4f2c1d9`.
fn dyno(app: &str, db: &TestDatabase, migrations: &Migrations) -> Bellwether {
    let dyno = Bellwether::new("deploy").on(db).migrations(migrations).env("DYNO", "release.4711");
    let dyno = dyno.env("HEROKU_APP_NAME", app).env("HEROKU_BUILD_COMMIT", "4f2c1d9");
    dyno.config("leader: shop-web, follow: { grace: 2s }")
}

/// Both, while the leader is in its second migration and the follower looks on.
fn both_at_work(db: &TestDatabase, migrations: &Migrations) -> (Running, Running) {
    let leader = dyno("shop-web", db, migrations).spawn();
    leader.wait_for("its second step", SOON, |event| {
        event["event"] == "step_started" && event["step"]["position"] == 2
    });
    let follower = dyno("shop-worker", db, migrations).spawn();
    follower.wait_for_event("watching", SOON);
    (leader, follower)
}

on_servers! { [postgres Postgres, sqlite Sqlite]
    fn both_apps_go_live_and_another_release_of_the_same_commit_records_nothing(db) {
        let (older, migrations) = (Migrations::counted(1), Migrations::counted(2));
        let before = |app: &str| dyno(app, db, &older).env("HEROKU_BUILD_COMMIT", "3a1b0c2");
        before("shop-web").run().expect(0);
        let follower = dyno("shop-worker", db, &migrations).spawn();
        follower.wait_for_event("waiting", SOON);
        dyno("shop-web", db, &migrations).run().expect(0);
        follower.wait(SOON).expect(0);
        for app in ["shop-web", "shop-worker"] {
            // a config var has changed
            dyno(app, db, &migrations).run().expect(0);
            // a rollback, to a slug with fewer migrations
            before(app).run().expect(0);
        }
        assert_eq!(db.runs(), [["shop-web", "succeeded"], ["shop-web", "succeeded"]]);
    }

    fn a_failed_migration_fails_the_release_of_both_apps_with_its_reason(db) {
        let gate = db.gate();
        let broken = format!("{}INSERT INTO nowhere VALUES (1);", gate.sql());
        let migrations = Migrations::counted(1).file("0002_broken.sql", broken);
        let (leader, follower) = both_at_work(db, &migrations);
        gate.open();
        leader.wait(SOON).expect(10).explains(&["nowhere"]);
        follower.wait(SOON).expect(20).explains(&["nowhere"]);
    }

    fn signals_that_are_repeated_end_the_leader_once_and_the_follower_with_it(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let (leader, follower) = both_at_work(db, &migrations);
        for _ in 0..3 {
            leader.signal(Signal::SIGTERM);
        }
        leader.wait(SOON).expect(143);
        follower.wait(SOON).expect(20).explains(&["SIGTERM"]);
        assert_eq!(db.runs(), [["shop-web", "interrupted"]]);
        gate.open();
    }

    fn signals_to_every_process_of_a_dyno_end_a_command_that_ignores_them_within_its_grace(db) {
        let empty = Migrations::new();
        let script = "trap '' TERM; touch $0/started; while :; do sleep 0.1; done";
        let release_phase = |app: &str| {
            let dyno = dyno(app, db, &empty).env("HEROKU_BUILD_COMMIT", db.name());
            dyno.config("leader: shop-web, grace: 2s").args(["--", "sh", "-c", script]).arg(db.folder()).spawn()
        };
        let leader = release_phase("shop-web");
        leader.wait_for_event("run_started", SOON);
        let follower = release_phase("shop-worker");
        follower.wait_for_event("watching", SOON);
        wait_for_file(db, "started");
        for _ in 0..3 {
            leader.signal(Signal::SIGTERM);
            alive(db).iter().for_each(|process| process.signal(Signal::SIGTERM));
        }
        leader.wait(SOON).expect(143).explains(&["SIGTERM", "all that it started were ended"]);
        follower.wait(SOON).expect(20).explains(&["SIGTERM"]);
        assert_nothing_is_left(db, SOON);
        assert_eq!(db.runs(), [["shop-web", "interrupted"]]);
    }

    fn a_leader_that_is_killed_at_the_limit_fails_the_follower_and_the_next_deploy_goes_on(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        // what the server has been sent it may still do: this is left in any case
        let migrations = migrations.file("0003_rest.sql", "SELECT 1;");
        let (leader, follower) = both_at_work(db, &migrations);
        leader.kill9();
        follower.wait(LONG).expect(22).explains(&["shop-web"]);
        gate.open();
        let next = dyno("shop-web", db, &migrations).spawn().wait(LONG).expect(0);
        assert!(!next.applied().is_empty());
        dyno("shop-worker", db, &migrations).run().expect(0);
        assert_eq!(db.runs(), [["shop-web", "abandoned"], ["shop-web", "succeeded"]]);
    }

    fn without_the_labs_feature_a_named_leader_is_no_guess(db) {
        let migrations = Migrations::counted(1);
        let nameless = dyno("", db, &migrations).run().expect(2);
        nameless.explains(&["shop-web", "heroku labs:enable runtime-dyno-metadata"]);
        let undesignated = dyno("", db, &migrations).config("timeout: 1m").run().expect(2);
        undesignated.explains(&["RUN_MIGRATIONS", "leader"]);
        for (value, role) in [("true", "lead"), ("false", "follow")] {
            let said = dyno("", db, &migrations).config("timeout: 1m").env("RUN_MIGRATIONS", value).run().expect(0);
            assert_eq!(said.outcome()["role"], role);
        }
    }

    fn without_the_labs_features_the_migrations_are_the_release_and_a_command_has_none(db) {
        let migrations = Migrations::counted(2);
        let nameless = |verb: &str| Bellwether::new(verb).on(db).env("DYNO", "release.4711");
        let labs = ["heroku labs:enable runtime-dyno-metadata", "heroku labs:enable runtime-dyno-build-metadata"];
        let leads = [("true", "lead"), ("false", "follow")];
        for (value, role) in leads {
            let dyno = nameless("deploy").migrations(&migrations).env("RUN_MIGRATIONS", value).run().expect(0);
            assert_eq!(dyno.outcome()["role"], role);
            let notice = dyno.events_named("notice")[0]["message"].to_string();
            assert!(labs.iter().all(|line| notice.contains(line)), "{notice}");
        }
        assert_eq!(db.column("select digest from bellwether_runs"), db.column("select \"release\" from bellwether_runs"));
        for (value, _) in leads {
            nameless("deploy").env("RUN_MIGRATIONS", value).args(["--", "true"]).run().expect(2).explains(&labs);
        }
    }

    fn the_dyno_and_its_releases_version_are_recorded(db) {
        dyno("shop-web", db, &Migrations::counted(1)).env("HEROKU_RELEASE_VERSION", "v42").run().expect(0);
        assert_eq!(db.column("select host from bellwether_runs"), ["release.4711 of v42"]);
        assert_eq!(db.column("select platform from bellwether_runs"), ["heroku"]);
    }

    fn after_a_renaming_nobody_is_the_leader_and_each_release_says_whom_it_waited_for(db) {
        let migrations = Migrations::counted(1);
        let renamed = |app: &str| dyno(app, db, &migrations).config("leader: shop-web, follow: { start: 1s }").spawn();
        for app in ["shop-web-eu", "shop-worker"].map(renamed) {
            app.wait(SOON).expect(23).explains(&["shop-web as leader", "renamed"]);
        }
    }
}

/// What a release phase costs that has nothing to do: a config var has changed, a slug was promoted or rolled back to.
#[test]
fn a_release_phase_with_nothing_to_do_is_three_reads() {
    if !Server::Postgres.is_available() {
        return;
    }
    let own = OwnServer::start(Server::Postgres, 20);
    let db = own.database();
    let (older, migrations) = (Migrations::counted(1), Migrations::counted(2));
    let before = |app: &str| dyno(app, &db, &older).env("HEROKU_BUILD_COMMIT", "3a1b0c2");
    before("shop-web").run().expect(0);
    dyno("shop-web", &db, &migrations).run().expect(0);
    Session::open(Server::Postgres, own.url()).run("alter role all set log_statement = 'all'");
    for app in ["shop-web", "shop-worker"] {
        for (what, again) in [("the same", dyno(app, &db, &migrations)), ("a rollback", before(app))] {
            let seen = own.log().len();
            again.run().expect(0);
            let log = own.log();
            let asked: Vec<_> = log[seen..].split("LOG:  statement: ").skip(1).collect();
            assert!(!asked.is_empty() && asked.len() <= 3, "{app}, {what}: {asked:#?}");
            assert!(asked.iter().all(|it| it.starts_with("SELECT")), "{app}, {what}: {asked:#?}");
            assert!(!log[seen..].contains("LOG:  execute"), "{app}, {what}");
        }
    }
}
