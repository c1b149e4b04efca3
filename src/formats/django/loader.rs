//! What Django's loader makes of migrations and a history: their order, and what stands for what. Its rules as in
//! `db/migrations/loader.py` of Django 5.2 and 6.0.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::fmt;

use crate::formats::django::Graph;
use crate::formats::order::in_order;
use crate::model::migration::{Migration, Unread};

/// A migration's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    /// The app's label.
    pub app: String,
    /// The file's name without `.py`.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.app, self.name)
    }
}

/// A migration with what it says of others.
pub(super) struct Node<'a> {
    pub key: Key,
    pub graph: Graph,
    pub migration: Cow<'a, Migration>,
}

/// The migrations of all apps.
pub(super) struct Loader<'a> {
    /// By their keys.
    nodes: Vec<Node<'a>>,
    /// Two files for one name: two folders have one app's label.
    doubles: Vec<Cow<'a, Migration>>,
}

impl<'a> Loader<'a> {
    /// Of files in any order.
    pub fn new(mut found: Vec<Node<'a>>) -> Self {
        found.sort_by(|one, other| one.key.cmp(&other.key));
        let mut loader = Self { nodes: Vec::with_capacity(found.len()), doubles: Vec::new() };
        for node in found {
            if loader.nodes.last().is_some_and(|last| last.key == node.key) {
                loader.doubles.push(node.migration);
            } else {
                loader.nodes.push(node);
            }
        }
        loader
    }

    fn at(&self, key: &Key) -> Option<usize> {
        self.nodes.binary_search_by(|node| node.key.cmp(key)).ok()
    }

    /// What this key means to a migration of `app`; none = nothing that is ours, or nothing at all.
    fn place(&self, key: &Key, app: &str) -> Option<usize> {
        if !key.name.starts_with("__") {
            return self.at(key);
        }
        let of_app = || self.nodes.iter().position(|node| node.key.app == key.app);
        match key.name.as_str() {
            _ if key.app == app => None,
            "__first__" => of_app(),
            "__latest__" => self.nodes.iter().rposition(|node| node.key.app == key.app),
            _ => None,
        }
    }

    /// What is applied first comes first; what has no order among itself is in that of the names. Says what is wrong.
    pub fn in_order(self, unread: &mut Vec<Unread>) -> Vec<Migration> {
        for double in &self.doubles {
            let why = format!("is {} as well: two folders are one app", double.version);
            unread.push(Unread {
                name: double.path.display().to_string(),
                checksum: double.checksum.clone(),
                why,
            });
        }
        let apps: HashSet<&str> = self.nodes.iter().map(|node| node.key.app.as_str()).collect();
        let replaced: HashSet<&Key> = self.nodes.iter().flat_map(|node| &node.graph.replaces).collect();
        let mut children: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            for key in &node.graph.dependencies {
                if let Some(parent) = self.place(key, &node.key.app) {
                    children[parent].insert(at);
                } else if apps.contains(key.app.as_str())
                    && !key.name.starts_with("__")
                    && !replaced.contains(key)
                {
                    let (name, checksum) = (node.key.to_string(), node.migration.checksum.clone());
                    unread.push(Unread {
                        name,
                        checksum,
                        why: format!("depends on {key}, which has no file here"),
                    });
                }
            }
            for child in node.graph.run_before.iter().filter_map(|key| self.place(key, &node.key.app)) {
                children[at].insert(child);
            }
        }
        let (mut order, left) = in_order(&children);
        // Django refuses circles (CircularDependencyError), unless a squashed migration takes them out
        if let Some(first) = left.first().filter(|_| replaced.is_empty()) {
            let node = &self.nodes[*first];
            let (name, checksum) = (node.key.to_string(), node.migration.checksum.clone());
            let why = "is in a circle of dependencies, or behind one".to_owned();
            unread.push(Unread { name, checksum, why });
        }
        order.extend(left);
        let mut migrations: Vec<_> =
            self.nodes.into_iter().map(|node| Some(node.migration.into_owned())).collect();
        order.into_iter().filter_map(|at| migrations[at].take()).collect()
    }

    /// What is applied of the apps that are here, from what is recorded. A squashed migration is if all that it replaces
    /// is, whether it is recorded itself or not; what it replaces and has no file any more is not told.
    ///
    /// # Errors
    /// A squashed migration is applied in part, and what else it replaces has no file; or it replaces itself.
    pub fn applied(&self, mut recorded: HashSet<Key>) -> Result<BTreeSet<Key>, String> {
        let mut done = HashSet::new();
        for node in self.squashed() {
            let (mut replaced, mut seen) = (BTreeSet::new(), HashSet::new());
            self.resolve(node, &mut replaced, &mut seen);
            if seen.contains(&node.key) {
                return Err(format!("{} replaces itself", node.key));
            }
            let gone = |key: &&&Key| !recorded.contains(**key) && self.at(key).is_none();
            match (Standing::of(&replaced, &recorded), replaced.iter().find(gone)) {
                (Standing::Whole, _) => drop(done.insert(node.key.clone())),
                (Standing::Part, Some(gone)) => {
                    return Err(format!(
                        "{} is applied in part: {gone}, which it replaces, is not recorded and has no file here",
                        node.key
                    ));
                }
                _ => {}
            }
        }
        let replaced: HashSet<&Key> = self.squashed().flat_map(|node| &node.graph.replaces).collect();
        let apps: HashSet<&str> = self.nodes.iter().map(|node| node.key.app.as_str()).collect();
        recorded.retain(|key| match self.at(key) {
            Some(at) => self.nodes[at].graph.replaces.is_empty(),
            None => apps.contains(key.app.as_str()) && !replaced.contains(key),
        });
        Ok(recorded.into_iter().chain(done).collect())
    }

    /// What Django takes out of its graph: what is replaced while nothing of it is applied, a squashed migration while a
    /// part of it is.
    pub fn left_out(&self, recorded: &HashSet<Key>) -> BTreeSet<&Key> {
        let mut left_out = BTreeSet::new();
        for node in self.squashed() {
            let mut replaced = BTreeSet::new();
            self.resolve(node, &mut replaced, &mut HashSet::new());
            match Standing::of(&replaced, recorded) {
                Standing::Whole => {}
                Standing::Part => drop(left_out.insert(&node.key)),
                Standing::Nothing => left_out.extend(&node.graph.replaces),
            }
        }
        left_out
    }

    fn squashed(&self) -> impl Iterator<Item = &Node<'a>> {
        self.nodes.iter().filter(|node| !node.graph.replaces.is_empty())
    }

    /// What a squashed migration replaces in the end, if it replaces squashed ones.
    fn resolve<'b>(&'b self, node: &'b Node<'a>, into: &mut BTreeSet<&'b Key>, seen: &mut HashSet<&'b Key>) {
        for key in &node.graph.replaces {
            match self.at(key).map(|at| &self.nodes[at]) {
                Some(inner) if !inner.graph.replaces.is_empty() => {
                    if seen.insert(key) {
                        self.resolve(inner, into, seen);
                    }
                }
                _ => {
                    into.insert(key);
                }
            }
        }
    }
}

/// How much of what a squashed migration replaces is recorded.
enum Standing {
    Nothing,
    Part,
    Whole,
}

impl Standing {
    fn of(replaced: &BTreeSet<&Key>, recorded: &HashSet<Key>) -> Self {
        match replaced.iter().filter(|key| recorded.contains(**key)).count() {
            all if all == replaced.len() => Self::Whole,
            0 => Self::Nothing,
            _ => Self::Part,
        }
    }
}
