//! The ways from one state to another that exploring takes, and those that the diagrams of `docs/protocol.md` show.

use std::collections::BTreeSet;

use super::world::{Phase, World};

type Ways = BTreeSet<(String, String)>;

/// Mermaid's word for where it begins and ends.
const OUTSIDE: &str = "[*]";

/// Every way that was taken.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    pub runs: Ways,
    pub participants: Ways,
}

impl Edges {
    pub fn taken(&mut self, before: &World, after: &World) {
        for (at, row) in after.stored.runs.iter().enumerate() {
            let status = row.status.as_str();
            let from = before.stored.runs.get(at).map_or(OUTSIDE, |row| row.status.as_str());
            add(&mut self.runs, from, status);
            if status != "running" {
                add(&mut self.runs, status, OUTSIDE);
            }
        }
        for (before, after) in before.people.iter().zip(&after.people) {
            let (Some(from), Some(to)) = (name(&before.phase), name(&after.phase)) else { continue };
            if before.phase == Phase::Away && after.phase != Phase::Away {
                // the first look may decide by itself
                add(&mut self.participants, OUTSIDE, "looking");
                add(&mut self.participants, "looking", to);
            } else {
                add(&mut self.participants, from, to);
            }
        }
    }
}

fn add(ways: &mut Ways, from: &str, to: &str) {
    if from != to {
        ways.insert((from.to_owned(), to.to_owned()));
    }
}

/// The diagram's word; none for the dead, whom a diagram could reach from everywhere.
fn name(phase: &Phase) -> Option<&'static str> {
    Some(match phase {
        Phase::Away | Phase::Ended { .. } => OUTSIDE,
        Phase::Idle | Phase::Looked { .. } => "looking",
        Phase::Trying => "trying",
        Phase::Claiming => "claiming",
        Phase::Between => "working",
        Phase::InTransaction | Phase::Sent | Phase::Commanding => "migrating",
        Phase::Finishing { .. } => "finishing",
        Phase::Crashed => return None,
    })
}

/// The diagrams of the page, in order.
pub fn drawn(page: &str) -> Vec<Ways> {
    let diagrams = page.split("```mermaid").skip(1).filter_map(|rest| rest.split("```").next());
    let ways = |diagram: &str| {
        let arrows = diagram.lines().filter_map(|line| line.split_once(" --> "));
        let to = |to: &str| to.split(':').next().unwrap_or_default().trim().to_owned();
        arrows.map(|(from, rest)| (from.trim().to_owned(), to(rest))).collect()
    };
    diagrams.map(ways).collect()
}
