//! Behind a pooler in transaction mode a session lock is no lock (T3): a leader takes a lease, a follower only reads.

use std::time::Duration;

use url::Url;

use crate::support::database::Session;
use crate::support::server::pgbouncer_url;
use crate::support::{Bellwether, Migrations, Proxy, TestDatabase, on_servers};

const SOON: Duration = Duration::from_secs(30);

/// The test's database as seen through the pooler, if there is one.
fn through_the_pooler(db: &TestDatabase) -> Option<String> {
    let mut url = Url::parse(&pgbouncer_url()?).unwrap();
    url.set_path(db.name());
    Some(url.to_string())
}

/// Nothing of ours stays on the server's side of the pooler.
fn expect_nothing_left(db: &TestDatabase) {
    let locks = "select count(*) from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())";
    assert_eq!(db.value(locks), "0");
}

on_servers! { [postgres Postgres]
    fn twelve_elects_behind_a_pooler_have_one_leader(db) {
        let Some(url) = through_the_pooler(db) else { return };
        let migrations = Migrations::counted(3);
        let elects: Vec<_> = (0..12)
            .map(|number| {
                let elect = Bellwether::at("deploy", db, &migrations).participant(&format!("app-{number}"));
                elect.url(&url).spawn()
            })
            .collect();
        let outcomes: Vec<_> = elects.into_iter().map(|elect| elect.wait(Duration::from_secs(90)).expect(0)).collect();
        let leaders = outcomes.iter().filter(|outcome| !outcome.events_named("run_finished").is_empty()).count();
        assert_eq!(leaders, 1);
        assert_eq!(db.value("select count(*) from applied"), "3");
        assert_eq!(db.value("select distinct lock_mode from bellwether_runs"), "lease");
        expect_nothing_left(db);
    }

    fn where_lock_mode_insists_on_the_session_lock_a_leader_behind_a_pooler_refuses(db) {
        let Some(url) = through_the_pooler(db) else { return };
        let migrations = Migrations::counted(1);
        let leader = Bellwether::lead(db, &migrations).args(["--lock-mode", "session"]).url(&url).run().expect(2);
        assert!(leader.error().contains("pooler"), "{}", leader.said());
        assert!(!db.has_table("applied"));
        expect_nothing_left(db);
    }

    fn plan_and_leader_agree_on_the_lock_whatever_names_the_pooler(db) {
        let Some(pooler) = through_the_pooler(db) else { return };
        let said = format!("{}?pgbouncer=true", db.url());
        for (at, (url, args, mode)) in [
            (said.as_str(), &[][..], "lease"),
            (pooler.as_str(), &[], "lease"),
            (db.url(), &["--lock-mode", "lease"], "lease"),
            (db.url(), &[], "session"),
        ]
        .into_iter()
        .enumerate()
        {
            let migrations = Migrations::counted(at + 1);
            let planned = Bellwether::at("plan", db, &migrations).args(args).url(url).run().expect(0);
            assert_eq!(planned.events_named("plan")[0]["lock_mode"], mode, "{}", planned.said());
            Bellwether::lead(db, &migrations).args(args).url(url).run().expect(0);
            assert_eq!(db.value("select lock_mode from bellwether_runs order by fence desc limit 1"), mode, "{url}");
        }
        let insists = ["--lock-mode", "session"];
        let planned = Bellwether::at("plan", db, &Migrations::counted(9)).args(insists).url(&said).run().expect(0);
        assert!(planned.events_named("plan")[0]["lock_mode"].is_null(), "{}", planned.said());
        Bellwether::lead(db, &Migrations::counted(9)).args(insists).url(&said).run().expect(2).explains(&["pooler"]);
    }

    fn a_slow_link_is_not_taken_for_a_pooler(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        let proxy = Proxy::before(db);
        // ten rounds take more than ten seconds
        proxy.delay(Duration::from_millis(150));
        let far = Bellwether::new("lead").on(db).url(proxy.url()).release("far").args(["--lock-mode", "session"]);
        far.args(["--", "true"]).run().expect(0).never_says("pooler");
        assert_eq!(db.value("select lock_mode from bellwether_runs where release = 'far'"), "session");
    }

    fn a_follower_behind_a_pooler_waits_for_a_leader_that_is_not(db) {
        let Some(url) = through_the_pooler(db) else { return };
        let migrations = Migrations::counted(1);
        let follower = Bellwether::follow(db, &migrations).url(&url).spawn();
        follower.wait_for_event("waiting", SOON);
        Bellwether::lead(db, &migrations).run().expect(0);
        follower.wait(SOON).expect(0);
        expect_nothing_left(db);
    }

    fn a_follower_behind_a_pooler_leaves_no_wish_to_be_notified_there(db) {
        let Some(url) = through_the_pooler(db) else { return };
        let gate = db.gate();
        let migrations = Migrations::new().file("0001_gated.sql", gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        let follower = Bellwether::follow(db, &migrations).url(&url).spawn();
        follower.wait_for_event("watching", SOON);
        // it sleeps, and would have listened, between one beat and the next but one
        let beats = db.value("select beats from bellwether_runs");
        db.wait_for_row(&format!("select 1 from bellwether_runs where beats > {beats} + 2"), SOON);
        // one of these for each of the pooler's connections, and none twice
        let mut sessions: Vec<_> = (0..6).map(|_| Session::through_pgbouncer(&url)).collect();
        for session in &mut sessions {
            session.run("begin");
            assert!(session.rows("select * from pg_listening_channels()").is_empty());
        }
        drop(sessions);
        gate.open();
        leader.wait(SOON).expect(0);
        follower.wait(SOON).expect(0);
    }

    fn what_a_script_sets_does_not_stay_on_the_poolers_connections(db) {
        let Some(url) = through_the_pooler(db) else { return };
        let migrations = Migrations::new().file("0001_sets.sql", "SET work_mem = '77MB'; CREATE TABLE applied (id int);");
        Bellwether::lead(db, &migrations).url(&url).run().expect(0);
        // whatever server connection the next one gets
        for release in 2..8 {
            let asks = "CREATE TABLE IF NOT EXISTS seen (setting text); INSERT INTO seen VALUES (current_setting('work_mem'));";
            migrations.write(&format!("000{release}_asks.sql"), asks);
            let release = format!("r{release}");
            Bellwether::new("lead").on(db).migrations(&migrations).release(&release).url(&url).run().expect(0);
        }
        assert_eq!(db.value("select count(*) from seen where setting = '77MB'"), "0");
    }

    fn a_roles_statement_timeout_does_not_end_a_migration_behind_a_pooler(db) {
        let Some(url) = through_the_pooler(db) else { return };
        db.sql(&format!("ALTER DATABASE \"{}\" SET statement_timeout = '400ms'", db.name()));
        let migrations = Migrations::new().file("0001_long.sql", "SELECT pg_sleep(1.2); CREATE TABLE applied (id int);");
        Bellwether::lead(db, &migrations).url(&url).run().expect(0);
    }

    fn a_signal_cancels_the_leaders_own_statement_and_no_other_one_of_the_pooler(db) {
        let Some(url) = through_the_pooler(db) else { return };
        let migrations = Migrations::new().file("0001_long.sql", "SELECT pg_sleep(60);");
        let leader = Bellwether::lead(db, &migrations).url(&url).spawn();
        leader.wait_for_event("step_started", SOON);
        let active = "select 1 from pg_stat_activity where datname = current_database() and state = 'active'
            and query like '/* bellwether%' and pid <> pg_backend_pid()";
        db.wait_for_row(active, SOON);
        leader.signal(nix::sys::signal::Signal::SIGTERM);
        leader.wait(SOON).expect(143);
        assert!(db.rows(active).is_empty());
        assert_eq!(db.value("select status from bellwether_runs"), "interrupted");
    }
}
