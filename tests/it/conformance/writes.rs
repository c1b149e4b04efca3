//! The ledger's transactions on real servers: all of one is written, or nothing.

use async_trait::async_trait;
use bellwether::ledger::Ledger;
use bellwether::ledger::look::{Look, LookError};
use bellwether::ledger::record::{Mine, Recorder};
use bellwether::lock::claim::{Claim, SecondLook, claim};
use bellwether::lock::observer::Observer;
use bellwether::model::run::RunStatus;

use super::*;
use crate::ledger::{progress, run, scope, verdict};

/// Goes on with the claim, after another session has tried one of its own.
struct Meanwhile<'a> {
    ledger: &'a Ledger,
    other: Option<&'a mut dyn Database>,
    other_got_it: bool,
}

#[async_trait]
impl SecondLook<()> for Meanwhile<'_> {
    async fn judge(
        &mut self,
        _: &mut dyn Database,
        _: &Look,
        _: Option<i64>,
    ) -> Result<Option<()>, LookError> {
        if let Some(other) = self.other.take() {
            self.other_got_it = claims(self.ledger, other, "r3", None).await.0;
        }
        Ok(None)
    }
}

/// Whether a run of this name has the lock now, and whether the other one has.
async fn claims<'a>(
    ledger: &'a Ledger,
    work: &mut dyn Database,
    name: &str,
    other: Option<&'a mut dyn Database>,
) -> (bool, bool) {
    let mut meanwhile = Meanwhile { ledger, other, other_got_it: false };
    let (mut observer, run) = (Observer::default(), run(name, 0, RunStatus::Running));
    let claimed = Box::pin(claim(ledger, work, &scope(), &key(1), &mut observer, run, &mut meanwhile)).await;
    (matches!(claimed, Ok(Claim::Mine(_))), meanwhile.other_got_it)
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlite Sqlite, sqlserver SqlServer]
    fn of_two_claims_at_the_same_moment_one_stands(db) {
        now(async {
            let (mut a, mut b) = (open(db, Purpose::Work).await, open(db, Purpose::Work).await);
            let ledger = Ledger::new(a.dialect(), None);
            ledger.install(&mut *a, "default", &[]).await.unwrap();
            // a run under the lock that both say they have, whose session is gone
            assert_eq!(claims(&ledger, &mut *a, "r1", None).await, (true, false));
            let (first, second) = claims(&ledger, &mut *a, "r2", Some(&mut *b)).await;
            assert!(first != second, "{first} {second}");
            let (first, _) = claims(&ledger, &mut *a, "r4", None).await;
            assert!(first, "nothing is left open");
        });
        assert_eq!(db.column("select status from bellwether_runs order by fence"), ["abandoned", "abandoned", "running"]);
        assert_eq!(db.column("select fence from bellwether_runs order by fence"), ["1", "2", "3"]);
        assert_eq!(db.value("select run_id from bellwether_lock"), "r4");
    }

    fn of_a_run_that_is_not_ours_no_step_is_written(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let ledger = Ledger::new(session.dialect(), None);
            ledger.install(&mut *session, "default", &[]).await.unwrap();
            assert!(claims(&ledger, &mut *session, "r1", None).await.0);
            for (mine, ours) in [(Mine { run: "r1".into(), fence: 7 }, false), (Mine { run: "r1".into(), fence: 1 }, true)] {
                let mut recorder = Recorder::new(ledger.clone(), mine);
                assert_eq!(recorder.beat(&mut *session, &progress(2)).await.unwrap(), ours);
                assert_eq!(recorder.finish(&mut *session, &progress(3), &verdict()).await.unwrap(), ours);
                let steps = value(&mut *session, "SELECT COUNT(*) FROM bellwether_steps").await;
                assert_eq!(steps, if ours { "3" } else { "0" });
            }
        });
        assert_eq!(db.column("select status from bellwether_runs"), ["succeeded"]);
        assert_eq!(db.column("select position from bellwether_steps order by position"), ["1", "2", "3"]);
    }
}
