//! When a value is there: points and the order between them.

use std::collections::{BTreeMap, BTreeSet};

use super::body::BranchId;

/// Index of a node in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeIndex(pub(crate) usize);

impl NodeIndex {
    /// The entry.
    pub(crate) const ENTRY: Self = Self(0);
}

/// Where something is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Point {
    /// When the entry has the request, a stage has its output, or a gate has all it waits for.
    Node(NodeIndex),
    /// When a branch has its value, in whichever arm ran.
    Met(BranchId),
}

impl Point {
    /// The entry.
    pub(crate) const ENTRY: Self = Self::Node(NodeIndex::ENTRY);
}

/// A set of points.
pub(crate) type Points = BTreeSet<Point>;

/// Which points are always resolved before which others, if these are resolved at all.
#[derive(Debug, Default)]
pub(crate) struct Order {
    before: BTreeMap<Point, Points>,
}

impl Order {
    /// Adds a point that is resolved after all of `needs`.
    pub(crate) fn insert(&mut self, point: Point, needs: &Points) {
        let before = self.closure(needs);
        self.before.insert(point, before);
    }

    /// Adds the point where a branch's arms meet: what precedes it is what precedes the end of every arm.
    pub(crate) fn insert_met(&mut self, branch: BranchId, ends: &[Point]) {
        let closures = ends.iter().map(|end| self.closure(&Points::from([*end])));
        let before = closures.reduce(|all, end| all.intersection(&end).copied().collect());
        self.before.insert(Point::Met(branch), before.unwrap_or_default());
    }

    /// The points and all that precede them.
    fn closure(&self, points: &Points) -> Points {
        let earlier = points.iter().filter_map(|point| self.before.get(point)).flatten();
        points.iter().chain(earlier).copied().collect()
    }

    /// Whether `earlier` is always resolved before `later`.
    pub(crate) fn precedes(&self, earlier: Point, later: Point) -> bool {
        self.before.get(&later).is_some_and(|before| before.contains(&earlier))
    }

    /// Whether `earlier` is `later` or always resolved before it.
    pub(crate) fn within(&self, earlier: Point, later: Point) -> bool {
        earlier == later || self.precedes(earlier, later)
    }

    /// The points that none of the others follows.
    pub(crate) fn last_of(&self, points: &Points) -> Vec<Point> {
        let followed = |point: Point| points.iter().any(|other| self.precedes(point, *other));
        points.iter().copied().filter(|point| !followed(*point)).collect()
    }
}
