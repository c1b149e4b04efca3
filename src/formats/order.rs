//! The order of migrations that stand on one another.

use std::collections::BTreeSet;

/// Nodes in an order in which each comes after those that it stands on, the lower number first where that is free; and
/// those for which there is no place, since they stand in a circle or behind one. `after[n]` stand on `n`.
pub(super) fn in_order(after: &[BTreeSet<usize>]) -> (Vec<usize>, BTreeSet<usize>) {
    let mut missing = vec![0_usize; after.len()];
    after.iter().flatten().for_each(|node| missing[*node] += 1);
    let mut ready: BTreeSet<usize> = (0..after.len()).filter(|node| missing[*node] == 0).collect();
    let mut order = Vec::with_capacity(after.len());
    while let Some(node) = ready.pop_first() {
        order.push(node);
        for next in &after[node] {
            missing[*next] -= 1;
            if missing[*next] == 0 {
                ready.insert(*next);
            }
        }
    }
    (order, (0..after.len()).filter(|node| missing[*node] > 0).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_circle_and_what_is_behind_it_have_no_place() {
        let after = [vec![2], vec![0], vec![], vec![4], vec![3, 5], vec![]];
        let after = after.map(BTreeSet::from_iter);
        assert_eq!(in_order(&after), (vec![1, 0, 2], BTreeSet::from([3, 4, 5])));
        assert_eq!(in_order(&[]), (vec![], BTreeSet::new()));
    }

    proptest! {
        #[test]
        fn each_comes_after_what_it_stands_on(edges in prop::collection::vec((0usize..20, 0usize..20), 0..60)) {
            let mut after = vec![BTreeSet::new(); 20];
            for (one, other) in edges {
                after[one].insert(other);
            }
            let (order, left) = in_order(&after);
            prop_assert_eq!(order.len() + left.len(), after.len());
            let place = |node: &usize| order.iter().position(|it| it == node);
            for (node, next) in after.iter().enumerate().flat_map(|(node, next)| next.iter().map(move |it| (node, it))) {
                if let Some(at) = place(next) {
                    prop_assert!(place(&node).is_some_and(|before| before < at));
                }
            }
            // each that is left stands on another that is left
            prop_assert!(left.iter().all(|node| left.iter().any(|other| after[*other].contains(node))));
        }
    }
}
