//! The graph of revisions: what follows what, and in which order they are applied.

use std::collections::{BTreeSet, HashMap};

use crate::formats::alembic::Revision;
use crate::formats::order::in_order;
use crate::model::ids::Version;
use crate::model::migration::{Migration, Unread};

/// Revisions with what they stand on.
pub(super) struct Graph {
    nodes: Vec<(Revision, Migration)>,
    /// By revision, and by branch label.
    places: HashMap<String, usize>,
    /// Revisions that a file has which is not the first.
    doubles: Vec<(usize, Migration)>,
}

impl Graph {
    /// Of files in the order of their names.
    pub fn new(found: Vec<(Revision, Migration)>) -> Self {
        let mut graph = Self { nodes: Vec::new(), places: HashMap::new(), doubles: Vec::new() };
        for (revision, migration) in found {
            match graph.places.get(&revision.id) {
                Some(first) => graph.doubles.push((*first, migration)),
                None => {
                    graph.places.insert(revision.id.clone(), graph.nodes.len());
                    graph.nodes.push((revision, migration));
                }
            }
        }
        for (at, (revision, _)) in graph.nodes.iter().enumerate() {
            for label in &revision.labels {
                graph.places.entry(label.clone()).or_insert(at);
            }
        }
        graph
    }

    /// What a revision stands on, as it names it.
    fn named(&self, at: usize) -> impl Iterator<Item = (&str, &'static str)> {
        let revision = &self.nodes[at].0;
        let down = revision.down.iter().map(|name| (name.as_str(), "follows"));
        down.chain(revision.depends_on.iter().map(|name| (name.as_str(), "depends on")))
    }

    fn parents(&self, at: usize) -> impl Iterator<Item = usize> {
        self.named(at).filter_map(|(name, _)| self.places.get(name).copied())
    }

    /// Base first. Says what is wrong with the graph.
    pub fn in_order(self, unread: &mut Vec<Unread>) -> Vec<Migration> {
        for (first, double) in &self.doubles {
            let (revision, before) = &self.nodes[*first];
            let why = format!("has the revision {}, which is {}'s as well", revision.id, before.name);
            unread.push(said(double, why));
        }
        let mut children: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); self.nodes.len()];
        for at in 0..self.nodes.len() {
            for parent in self.parents(at) {
                children[parent].insert(at);
            }
            for (name, how) in self.named(at).filter(|(name, _)| !self.places.contains_key(*name)) {
                unread.push(said(
                    &self.nodes[at].1,
                    format!("{how} the revision {name}, which is in no file here"),
                ));
            }
        }
        let (mut order, left) = in_order(&children);
        if let Some(first) = left.first() {
            let circle = self.circle(*first, &left);
            let names: Vec<&str> = circle.iter().map(|at| self.nodes[*at].1.name.as_str()).collect();
            unread.push(said(
                &self.nodes[circle[0]].1,
                format!("stands on itself: {}", names.join(" follows ")),
            ));
        }
        order.extend(left);
        let follows: Vec<Vec<Version>> = (0..self.nodes.len())
            .map(|at| self.parents(at).map(|parent| self.nodes[parent].1.version.clone()).collect())
            .collect();
        let migrations = self.nodes.into_iter().zip(follows);
        let mut migrations: Vec<_> =
            migrations.map(|((_, migration), follows)| Some(Migration { follows, ..migration })).collect();
        order.into_iter().filter_map(|at| migrations[at].take()).collect()
    }

    /// From one that has no place in the order back to where it closes; the first is also the last.
    fn circle(&self, from: usize, left: &BTreeSet<usize>) -> Vec<usize> {
        let mut path = vec![from];
        loop {
            let last = path[path.len() - 1];
            let Some(next) = self.parents(last).find(|parent| left.contains(parent)) else { return path };
            if let Some(start) = path.iter().position(|at| *at == next) {
                path.push(next);
                return path.split_off(start);
            }
            path.push(next);
        }
    }
}

fn said(migration: &Migration, why: String) -> Unread {
    Unread { name: migration.name.clone(), checksum: migration.checksum.clone(), why }
}
