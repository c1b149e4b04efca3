//! The protocol: one participant migrates, everyone else waits for its verdict.
//!
//! ```text
//!              claim                      finish
//!   (no run) ────────▶ running ─┬──────────────────────▶ succeeded
//!                         │     ├─ error, refusal, budget ▶ failed
//!                         │     └─ signal, lost lock ─────▶ interrupted
//!                         │
//!                         └─ silent, and a successor has the lock ▶ abandoned (or by hand: `crate::operate::unlock`)
//! ```
//!
//! # Leader
//!
//! 1. Opens its work session and its beat session; both before the lock, since a leader that has the lock and then
//!    finds no free connection starves everyone. (A command's beats run on the work session: it has no other.) Asks what server this is; behind a pooler a session lock would stay
//!    with a server connection that is not ours ([`crate::database::pooler`]).
//! 2. Fast path, reads only: the latest run that is ours succeeded and nothing is pending → done. Never for a command:
//!    its first look is the claim's, or if the lock is not free, the one before it waits.
//! 3. Tries the session lock, never blocking: a blocked lock call is a snapshot that stops `CREATE INDEX
//!    CONCURRENTLY`. Between tries it says who holds it, since when and at which step. Where the server has no safe one
//!    there is only the lease: the claim below, to be had when the run that the lock's row names is over ([`judge`]).
//! 4. Claims ([`claim`]): one READ COMMITTED transaction whose first statement locks the lock's row. Under that lock it
//!    looks again ([`judge`]): a run that failed since our first look is not tried anew by us, who were there; a run
//!    that succeeded has done our work. Then the fence grows, and our run stands in the ledger. Where nobody ends a
//!    transaction whose client is frozen (SQL Server), it looks in none, and writes in one message that compares the
//!    lock's row and the dead run with what was seen.
//! 5. Works. Each migration's transaction begins by comparing fence, run and session with the lock's row, read in
//!    share mode; it holds the script, its history row and this check, nothing else.
//! 6. Beats every 2 s on the beat session ([`beats`]): counter + 1, progress, finished steps. A beat that finds the run
//!    not ours, or the session lock gone from the work session, means that the lock is lost. Missed beats alone end
//!    nothing while SQL work has a live session lock; a lease, or a command, is trusted for 10 s ([`trust`]). Nobody
//!    else writes runs and steps (SQLite: the one connection, between migrations).
//! 7. Finishes: the verdict is written before the lock is freed.
//!
//! # Everyone else
//!
//! Look, decide ([`crate::follow::decide`]), sleep. A look reads in autocommit and waits on no lock. An [`observer`]
//! remembers what changed between looks: a run is *alive* while its beat counter changes within 15 s of the observer's
//! own clock (SQLite: while somebody holds the lock file); a run that had ended by the first look is *old*.
//!
//! The rules are sound only together; `docs/protocol.md` names the interleaving that each one closes.

pub mod beats;
pub mod choose;
pub mod claim;
pub mod hold;
pub mod judge;
pub mod line;
pub mod observer;
pub mod trust;
