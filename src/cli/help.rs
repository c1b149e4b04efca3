//! The examples under each `--help`, and what is made of lists that others keep.

use crate::model::choice::FORMATS;

/// What `--format` takes.
pub(super) fn format() -> String {
    format!("How the migrations are named and recorded: {}", FORMATS.join(", "))
}

pub(super) const TOP: &str = "\
Examples:
  bellwether plan                               what would happen here, and why
  bellwether deploy                             migrate or wait, as the role says
  bellwether deploy --role elect                whoever gets the lock first migrates
  bellwether status --check                     exit 0 once this release may go live
  bellwether doctor                             what a deploy would stop at

Every flag has a variable, BELLWETHER_ and its name: --lock-name is BELLWETHER_LOCK_NAME. An empty
one counts as unset.
Exit codes: 0 done, 2 usage or config, 10-15 our own work failed, 20-23 the leader failed, is late,
died or never started, 30-32 ledger, database or status source, 128+n ended by signal n.";

pub(super) const DEPLOY: &str = "\
Examples:
  RUN_MIGRATIONS=true bellwether deploy         this participant leads
  RUN_MIGRATIONS=false bellwether deploy        this one waits
  bellwether deploy --role elect --migrations db/migrations
  bellwether deploy -e production --release \"$GITHUB_SHA\"";

pub(super) const LEAD: &str = "\
Examples:
  bellwether lead --migrations db/migrations
  bellwether lead --lock-wait 10m --timeout 30m";

pub(super) const FOLLOW: &str = "\
Examples:
  bellwether follow --release \"$GITHUB_SHA\"     needs no migrations folder
  bellwether follow --timeout 20m --output json";

pub(super) const PLAN: &str = "\
Examples:
  bellwether plan -e staging
  bellwether plan --output json";

pub(super) const STATUS: &str = "\
Examples:
  bellwether status
  bellwether status --check && ./start-the-app";

pub(super) const HISTORY: &str = "\
Examples:
  bellwether history                            the newest runs of this lock name
  bellwether history 4f1c                       the run whose id begins so, with its steps
  bellwether history --output json | jq '.runs[0]?'";

pub(super) const UNLOCK: &str = "\
Examples:
  bellwether unlock                             shows who has the lock, watches it for 15 s, asks
  bellwether unlock --yes                       asks nobody; exit 4 if the holder is alive
  bellwether unlock --yes --force               even then: its work is stopped in the middle";

pub(super) const RESOLVE: &str = "\
Examples:
  bellwether resolve 20240301 --applied         the rest of it was run by hand
  bellwether resolve 20240301 --rolled-back     what it did was undone by hand
  bellwether resolve --up-to 20240301 --applied a database that was there before bellwether";

pub(super) const DOCTOR: &str = "\
Examples:
  bellwether doctor                             as the participant would run it, in its environment
  bellwether doctor --role follow               what a follower may not do is no more than a warning";

pub(super) const INSTALL: &str = "\
Examples:
  bellwether install /shared/bellwether         from an init container into an emptyDir";

pub(super) const COMPLETIONS: &str = "\
Examples:
  bellwether completions bash > /etc/bash_completion.d/bellwether";

pub(super) const INIT: &str = "\
Examples:
  bellwether init                               what is found here, and a config for it
  bellwether init --migrations db/changes       where it cannot know the folder
  bellwether init --platform kubernetes         also the init container of a Deployment";

pub(super) const NEW: &str = "\
Examples:
  bellwether new add_email_to_users             prints the path of what it wrote
  ${EDITOR:-vi} \"$(bellwether new 'add email to users')\"";
