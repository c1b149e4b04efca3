//! SQL Server as a whole: scripts in batches, one leader of many, a leader that dies.

use std::time::Duration;

use crate::support::{Bellwether, Hold, Migrations, on_servers};

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(120);

on_servers! { [sqlserver SqlServer]
    fn a_script_of_batches_is_applied_and_recorded(db) {
        let migrations = Migrations::new()
            .file("0001_pay.sql", "create table paid (amount int)\nGO\ncreate procedure pay as insert paid values (1)\nGO\nexec pay\nGO 3\n")
            .file("0002_words.sql", "insert paid values (2) -- '\ngo\n/*\nGO\n*/ insert paid values (3)\n");
        let done = Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(done.applied(), ["1", "2"]);
        assert_eq!(db.column("select amount from paid order by amount"), ["1", "1", "1", "2", "3"]);
        assert_eq!(db.history(), ["1", "2"]);
        assert_eq!(db.runs(), [["shop-web", "succeeded"]]);
        assert_eq!(db.column("select status from bellwether_steps order by position"), ["succeeded", "succeeded"]);
        let again = Bellwether::follow(db, &migrations).run().expect(0);
        assert_eq!(again.outcome()["role"], "follow");
    }

    fn a_batch_that_fails_leaves_nothing_of_its_script_and_names_its_line(db) {
        let script = "create table a (i int)\nGO\n\ninsert a values (1)\ninsert a values ('no number')\nGO\n";
        let migrations = Migrations::counted(1).file("0002_fails.sql", script);
        let failed = Bellwether::lead(db, &migrations).run().expect(10);
        failed.explains(&["0002_fails.sql"]);
        assert!(!db.has_table("a"));
        assert_eq!(db.history(), ["1"]);
        assert_eq!(db.runs(), [["shop-web", "failed"]]);
    }

    fn what_a_script_sets_ends_with_it(db) {
        let migrations = Migrations::new()
            .file("0001_sets.sql", "set ansi_nulls off\nset rowcount 1\nset xact_abort off\nGO\nuse master\n")
            .file("0002_rows.sql", "create table here (i int)\nGO\ninsert here values (1), (2)\ndelete from here\n");
        Bellwether::lead(db, &migrations).run().expect(0);
        assert!(db.has_table("here"));
        assert_eq!(db.value("select count(*) from here"), "0");
    }

    fn a_table_takes_no_identities_after_the_script_that_wanted_it(db) {
        let migrations = Migrations::new()
            .file("0001_seed.sql", "create table colour (id int identity primary key, name varchar(20))\nset identity_insert colour on\ninsert colour (id, name) values (1, 'red')\n")
            .file("0002_more.sql", "insert colour (name) values ('blue')\n");
        Bellwether::lead(db, &migrations).run().expect(0);
        assert_eq!(db.column("select name from colour order by id"), ["red", "blue"]);
    }

    fn of_a_batch_of_several_statements_what_stays_is_said_and_kept(db) {
        db.sql("create table t (i int)");
        let migrations = Migrations::new()
            .file("0001_half.sql", "-- no-transaction\nalter table t add a int\nalter table nothere add b int\n");
        let failed = Bellwether::lead(db, &migrations).run().expect(10);
        failed.explains(&["half applied", "bellwether resolve 1"]);
        assert!(db.column("select a from t").is_empty(), "the column is there");
        Bellwether::new("lead").on(db).migrations(&migrations).release("r2").run().expect(13);
    }

    fn a_script_with_a_transaction_of_its_own_is_refused_unless_it_says_so(db) {
        let script = "begin transaction\ncreate table a (i int)\ncommit\n";
        let migrations = Migrations::new().file("0001_own.sql", script);
        Bellwether::lead(db, &migrations).run().expect(10);
        assert!(!db.has_table("a"));
        let migrations = Migrations::new().file("0001_own.sql", format!("-- no-transaction\n{script}"));
        Bellwether::new("lead").on(db).migrations(&migrations).release("r2").run().expect(0);
        assert!(db.has_table("a"));
        assert_eq!(db.history(), ["1"]);
    }

    fn a_script_whose_transaction_a_procedure_ends_is_not_taken_for_applied(db) {
        let script = "create table a (i int)\nGO\ncreate procedure undo as rollback\nGO\n\
                      begin try exec undo end try begin catch print 'caught' end catch\nGO\ncreate table b (i int)\n";
        let migrations = Migrations::new().file("0001_undone.sql", script);
        Bellwether::lead(db, &migrations).run().expect(10);
        assert!(!db.has_table("b"), "it would stay by itself");
        assert!(db.history().is_empty());
        // nobody begins it anew before somebody has looked
        Bellwether::new("lead").on(db).migrations(&migrations).release("r2").run().expect(13);
    }

    fn five_nodes_that_start_at_once_run_their_command_once(db) {
        let node = |n: u32| {
            Bellwether::new("deploy").on(db).release(db.name()).participant(&format!("node-{n}"))
                .args(["--", "sh", "-c", "echo $BELLWETHER_RUN >> $0/updated; sleep 0.5"]).arg(db.folder()).spawn()
        };
        let nodes: Vec<_> = (1..=5).map(node).collect();
        for node in nodes {
            node.wait(LONG).expect(0);
        }
        let updated = std::fs::read_to_string(db.folder().join("updated")).unwrap();
        assert_eq!(updated.lines().count(), 1, "{updated}");
        assert_eq!(db.column("select status from bellwether_runs"), ["succeeded"]);
    }

    /// Without READ_COMMITTED_SNAPSHOT readers wait for writers: a look does not, and looks again.
    fn a_look_waits_for_nobody_and_looks_again(db) {
        let migrations = Migrations::counted(1);
        Bellwether::lead(db, &migrations).run().expect(0);
        migrations.write("0002_step.sql", "insert into applied values ('0002')");
        let follower = Bellwether::at("follow", db, &migrations).spawn();
        follower.wait_for_event("waiting", SOON);
        let held = db.hold("bellwether_runs", Hold::Everyone);
        let (said, _) = follower.wait_for_event("retrying", SOON);
        assert!(said["reason"].as_str().is_some_and(|reason| reason.contains("lock")), "{said}");
        drop(held);
        Bellwether::new("lead").on(db).migrations(&migrations).release("r1").run().expect(0);
        follower.wait(LONG).expect(0);
    }

    fn participants_elect_one_leader_and_every_migration_is_applied_once(db) {
        let migrations = Migrations::counted(4).file("0005_slow.sql", db.sleep_sql(0.5));
        let start = |n: u32| Bellwether::at("deploy", db, &migrations).participant(&format!("pod-{n}")).spawn();
        let running: Vec<_> = (1..=5).map(start).collect();
        for one in running {
            one.wait(LONG).expect(0);
        }
        assert_eq!(db.applied(), ["0001", "0002", "0003", "0004"]);
        assert_eq!(db.history(), ["1", "2", "3", "4", "5"]);
        assert_eq!(db.column("select status from bellwether_runs"), ["succeeded"]);
    }

    fn a_killed_leader_is_replaced_and_nothing_is_applied_twice(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let first = Bellwether::at("deploy", db, &migrations).participant("pod-1").spawn();
        first.wait_for("second step", SOON, |event| event["event"] == "step_started" && event["step"]["position"] == 2);
        let second = Bellwether::at("deploy", db, &migrations).participant("pod-2").spawn();
        second.wait_for_event("watching", SOON);
        first.kill9();
        gate.open();
        second.wait(LONG).expect(0);
        assert_eq!(db.applied(), ["0001"]);
        assert_eq!(db.runs(), [["pod-1", "abandoned"], ["pod-2", "succeeded"]]);
    }
}
