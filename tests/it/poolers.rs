//! Behind a pooler in transaction mode a session lock is no lock (T3): a leader refuses, a follower only reads.

use std::time::Duration;

use url::Url;

use crate::support::server::pgbouncer_url;
use crate::support::{Bellwether, Migrations, on_servers};

on_servers! { [postgres Postgres]
    fn a_leader_behind_a_pooler_refuses_and_a_follower_there_works(db) {
        let Some(pooler) = pgbouncer_url() else { return };
        let mut url = Url::parse(&pooler).unwrap();
        url.set_path(db.name());
        let migrations = Migrations::counted(1);
        let leader = Bellwether::lead(db, &migrations).url(url.as_str()).run();
        assert!(!matches!(leader.code, Some(0 | 1) | None), "{}", leader.said());
        assert!(leader.error().contains("pooler"), "{}", leader.said());
        assert!(!db.has_table("applied"));
        let follower = Bellwether::follow(db, &migrations).url(url.as_str()).spawn();
        follower.wait_for_event("waiting", Duration::from_secs(20));
        Bellwether::lead(db, &migrations).run().expect(0);
        follower.wait(Duration::from_secs(20)).expect(0);
        // nothing of ours stays on the server's side of the pooler
        let left = "select count(*) from pg_locks
            where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";
        assert_eq!(db.value(left), "0");
    }
}
