//! Cycles in a graph of indices.

/// The nodes that lie on a cycle, or on a way from one cycle to another; `edges[n]` are the nodes that `n` leads to.
///
/// What leads to no cycle is taken away from the ends, then what no cycle leads to from the beginnings. Linear in the
/// number of edges, and without recursion.
pub(crate) fn loops(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut back = vec![Vec::new(); edges.len()];
    for (from, targets) in edges.iter().enumerate() {
        for to in targets {
            if let Some(sources) = back.get_mut(*to) {
                sources.push(from);
            }
        }
    }
    let mut alive = vec![true; edges.len()];
    for (out, into) in [(edges, back.as_slice()), (back.as_slice(), edges)] {
        take_ends(out, into, &mut alive);
    }
    alive
        .into_iter()
        .enumerate()
        .filter_map(|(node, alive)| alive.then_some(node))
        .collect()
}

/// Takes away nodes that lead nowhere until there are none.
fn take_ends(out: &[Vec<usize>], into: &[Vec<usize>], alive: &mut [bool]) {
    let is_alive = |alive: &[bool], node: usize| alive.get(node).copied().unwrap_or(false);
    let mut left: Vec<usize> = out
        .iter()
        .map(|targets| targets.iter().filter(|to| is_alive(alive, **to)).count())
        .collect();
    let mut ends: Vec<usize> = (0..out.len())
        .filter(|node| is_alive(alive, *node) && left.get(*node) == Some(&0))
        .collect();
    while let Some(end) = ends.pop() {
        if let Some(flag) = alive.get_mut(end) {
            *flag = false;
        }
        for before in into.get(end).into_iter().flatten() {
            let Some(count) = left.get_mut(*before) else {
                continue;
            };
            *count = count.saturating_sub(1);
            if *count == 0 && is_alive(alive, *before) {
                ends.push(*before);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::loops;

    #[test]
    fn only_cycles_are_left() {
        // 0 -> 1 -> 2 -> 1, 2 -> 3; 4 -> 4; 5
        assert_eq!(
            loops(&[vec![1], vec![2], vec![1, 3], vec![], vec![4], vec![]]),
            [1, 2, 4]
        );
        assert_eq!(loops(&[vec![1, 1], vec![]]), [0_usize; 0]);
    }
}
