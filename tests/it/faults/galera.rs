//! MariaDB with Galera: its session locks are each node's own, so they are no lock.

use crate::support::server::galera_url;
use crate::support::{Bellwether, Migrations, Server, TestDatabase};

#[test]
fn a_leader_on_a_galera_node_trusts_no_session_lock() {
    let Some(root) = galera_url() else { return };
    let db = TestDatabase::create_at(Server::MariaDb, &root);
    let migrations = Migrations::witnessed(&db, 2);
    Bellwether::lead(&db, &migrations).run().expect(2).explains(&["Galera"]);
    assert!(db.testimony().is_empty());
}
