//! Participants that are killed, or stopped and gone on with.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::{
    LONG, SOON, elect, keeps_the_rows_of_the_frozen, takes_over, takes_over_somewhere, wait_at_gate,
    wait_for_witnessed, watching, work_session,
};
use crate::support::{
    Bellwether, Hold, Migrations, Server, TestDatabase, on_every_lock, on_every_lock_and_way,
    on_every_server, on_servers,
};

/// No session of the test's own, and none of a participant that lives: whoever is gone has left nothing there.
fn wait_for_sessions(db: &TestDatabase, count: usize) {
    if db.is_pooled() {
        return; // they are the pooler's
    }
    let sql = match db.server() {
        Server::Postgres => format!(
            "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
             having count(*) = {count}"
        ),
        Server::MariaDb => format!(
            "select 1 from information_schema.processlist where db = database() and id <> connection_id() \
             having count(*) = {count}"
        ),
        Server::SqlServer => format!(
            "select 1 from sys.dm_exec_sessions where database_id = db_id() and session_id <> @@spid \
             having count(*) = {count}"
        ),
        Server::Sqlite => return,
    };
    db.wait_for_row(&sql, SOON);
}

on_every_server! {
    fn killed_followers_change_nothing(db) {
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 1, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &leader, 1);
        let followers: Vec<_> = (0..3).map(|_| watching(Bellwether::follow(db, &migrations))).collect();
        let elect = watching(elect(db, &migrations));
        for follower in &followers {
            follower.kill9();
        }
        gate.open();
        leader.wait(SOON).expect(0);
        elect.wait(SOON).expect(0);
        db.assert_witnessed(2);
        wait_for_sessions(db, 0);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlite Sqlite, sqlserver SqlServer quick, sqlserver_lease SqlServer lease, postgres_lease Postgres lease, mariadb_lease MariaDb lease, postgres_pooled Postgres pooled, mariadb_galera MariaDb galera]
    fn a_leader_killed_amid_many_migrations_leaves_none_of_them_twice(db) {
        let count = 250;
        let migrations = Migrations::witnessed(db, count);
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_for_witnessed(db, 20);
        leader.kill9();
        takes_over_somewhere(db, elect(db, &migrations).spawn(), count);
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer quick]
    fn a_leader_killed_while_it_pauses_between_two_tries_frees_the_lock(db) {
        let migrations = Migrations::witnessed(db, 3);
        db.sql("create table busy (id int)");
        // T-SQL has no word for a column there
        let column = if db.server() == Server::SqlServer { "" } else { "column " };
        migrations.write("0002_step.sql", format!("alter table busy add {column}more int;\n"));
        let application = db.hold("busy", Hold::Alterers);
        let leader = Bellwether::lead(db, &migrations).spawn();
        leader.wait_for_event("step_retried", SOON);
        let elect = watching(elect(db, &migrations));
        leader.kill9();
        drop(application);
        let elect = elect.wait(LONG);
        if db.server() == Server::MariaDb {
            elect.expect(13).explains(&["0002_step"]);
            return;
        }
        assert_eq!(elect.expect(0).applied(), ["2", "3"]);
        assert_eq!(db.column("select step from witness order by at"), ["1", "3"]);
    }
}

on_every_lock! {
    fn a_leader_killed_between_a_script_and_its_history_row_has_not_done_it_or_left_it_dirty(db) {
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 3, 2, &gate.sql());
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &leader, 2);
        let elect = watching(elect(db, &migrations));
        let session = work_session(db);
        let blocker = db.hold("_sqlx_migrations", Hold::Writers);
        gate.open();
        db.wait_until_blocked(&session, SOON);
        leader.kill9();
        if db.server() != Server::Postgres {
            // the server would do what was sent to it: here it is kept from it
            db.end_session(&session);
        }
        db.wait_until_ended(&session, SOON);
        drop(blocker);
        takes_over(db, elect, 2, 3);
    }

    fn a_designated_leader_that_comes_anew_waits_out_its_dead_predecessor(db) {
        let gate = db.gate();
        let migrations = Migrations::witnessed_with(db, 2, 1, &gate.sql());
        let first = Bellwether::lead(db, &migrations).spawn();
        wait_at_gate(db, &first, 1);
        first.kill9();
        // as a container that is started anew: nobody else is there
        let second = Bellwether::lead(db, &migrations).spawn();
        if !db.is_leased() {
            second.wait_for("its turn", Duration::from_secs(40), |event| {
                event["event"] == "run_started" || event["event"] == "outcome"
            });
        }
        gate.open();
        takes_over(db, second, 1, 2);
    }
}

/// A statement of ten minutes that does not notice that its client is gone, unless the server looks for that one.
fn deaf(db: &TestDatabase, holder: &mut crate::support::database::Session) -> &'static str {
    match db.server() {
        Server::Postgres => return "-- no-transaction\nselect pg_sleep(600), 'deaf';\n",
        Server::SqlServer => return "-- no-transaction\nwaitfor delay '00:10:00' /* deaf */;\n",
        Server::MariaDb | Server::Sqlite => {}
    }
    holder.run("create table deaf (id int) engine InnoDB");
    holder.run("insert into deaf values (1)");
    holder.run("begin");
    holder.run("select * from deaf for update");
    "set innodb_lock_wait_timeout = 600;\nupdate deaf set id = 2;\n"
}

on_every_lock_and_way! {
    fn a_statement_of_ten_minutes_of_a_killed_leader_holds_nobody_up_for_long(db) {
        if db.stand_in_lacks("view of whose statements run, by which a successor knows a dead leader's") {
            return;
        }
        let mut holder = db.session();
        let migrations = Migrations::witnessed(db, 1).file("0002_deaf.sql", deaf(db, &mut holder));
        let leader = Bellwether::lead(db, &migrations).spawn();
        let at_work = db.at_work_sql(if db.server() == Server::MariaDb { "update deaf" } else { "deaf" });
        db.wait_for_row(&at_work, SOON);
        let elect = watching(elect(db, &migrations));
        leader.kill9();
        // 12 s on PostgreSQL and 20 s elsewhere, on a quiet machine
        elect.wait(LONG).expect(13).explains(&["0002_deaf"]);
        assert!(db.rows(&at_work).is_empty(), "the statement outlived its run");
        db.assert_witnessed(1);
    }

    fn a_leader_stopped_for_long_is_replaced_and_does_nothing_when_it_goes_on(db) {
        if keeps_the_rows_of_the_frozen(db) {
            return;
        }
        let migrations = Migrations::witnessed(db, 250);
        let leader = Bellwether::lead(db, &migrations).spawn();
        wait_for_witnessed(db, 20);
        leader.signal(Signal::SIGSTOP);
        takes_over_somewhere(db, elect(db, &migrations).spawn(), 250);
        let before = db.testimony();
        leader.signal(Signal::SIGCONT);
        leader.wait(SOON).expect(12);
        assert_eq!(db.testimony(), before, "a replaced leader went on");
        wait_for_sessions(db, 0);
    }
}
