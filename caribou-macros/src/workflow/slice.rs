//! Slices: the part of the body that each node runs once it has its value.
//!
//! A slice is the author's body again, in the author's order, with what happens elsewhere left out.

use super::body::{
    Block, BlockId, Body, BranchId, Code, End, GlueId, Item, StageId, Use, UseKind, VarId, VariableKind,
};
use super::place::{ArgumentPlace, GluePlace, NodeForm, Places};
use super::point::{NodeIndex, Point, Points};

/// One step of a slice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// An item that happened, or will happen, elsewhere: the place where a value that arrived gets its name.
    Elsewhere(Item),
    /// Glue.
    Glue(GlueId),
    /// The stage's output gets its name.
    Output(StageId),
    /// A slot is filled.
    Send { node: NodeIndex, slot: usize },
    /// What the pattern of an arm binds gets its names: at the start of the arm where the branch is decided.
    Head { branch: BranchId, arm: usize },
    /// A branch, all arms; whether it yields its value here, or may.
    Branch { branch: BranchId, arms: Vec<Arm>, yields: bool },
    /// A branch whose arm is known, because the slice's own node is in it.
    Inside { branch: BranchId, arm: usize, body: Arm, yields: bool },
    /// What follows a branch if it has its value here, and what follows if it has not.
    Resolved { branch: BranchId, rest: Arm, otherwise: Arm },
    /// The branch has its value in this arm, and what follows is done here.
    Bind { branch: BranchId, arm: usize },
}

/// Steps, and whether they reach the end of their block.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Arm {
    pub(crate) acts: Vec<Act>,
    pub(crate) end: Reach,
}

/// Whether the end of a block is reached in a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It is reached elsewhere.
    #[default]
    Never,
    /// It is reached where an inner branch has its value here.
    Sometimes,
    Always,
}

impl Arm {
    fn idle(&self) -> bool {
        self.end == Reach::Never && self.acts.iter().all(|act| matches!(act, Act::Elsewhere(_)))
    }
}

/// The slice of a node.
pub(crate) fn after(body: &Body, places: &Places, node: NodeIndex) -> Vec<Act> {
    Walk { body, places }.block(&body.root, Whose::Body, 0, Points::from([Point::Node(node)])).acts
}

/// What a sync node does with what has arrived, before it goes on: glue that only it reads.
pub(crate) fn join(places: &Places, node: NodeIndex) -> Vec<GlueId> {
    let here = |place: &GluePlace| *place == GluePlace::Join(node);
    (0..places.glue.len()).map(GlueId).filter(|glue| here(&places.glue[glue.0])).collect()
}

/// Lets the branch that is the last step yield its value.
fn yields(acts: &mut [Act]) {
    if let Some(Act::Branch { yields, .. } | Act::Inside { yields, .. }) = acts.last_mut() {
        *yields = true;
    }
}

/// How a block ends that is left here on some ways only.
fn part_of(end: Reach) -> Reach {
    if end == Reach::Never { Reach::Never } else { Reach::Sometimes }
}

/// How the end is reached on all of several ways.
fn together(ends: impl IntoIterator<Item = Reach>) -> Reach {
    let ways = ends.into_iter().reduce(|all, end| if all == end { all } else { Reach::Sometimes });
    ways.unwrap_or_default()
}

/// Whose block is walked.
#[derive(Clone, Copy)]
enum Whose {
    Body,
    Arm(BranchId, usize),
}

struct Walk<'b> {
    body: &'b Body,
    places: &'b Places,
}

impl Walk<'_> {
    /// The steps of a block that happen at `points`, from an item on.
    fn block(&self, block: &Block, whose: Whose, from: usize, mut points: Points) -> Arm {
        let mut acts = Vec::new();
        for (index, item) in block.items.iter().enumerate().skip(from) {
            match *item {
                Item::Glue(id) => acts.push(self.glue(id, &points)),
                Item::Head(branch, arm) => {
                    let own = points.contains(&self.places.decided[branch.0]);
                    acts.push(if own { Act::Head { branch, arm } } else { Act::Elsewhere(*item) });
                }
                Item::Stage(id) => {
                    for node in self.places.nodes_of(id) {
                        self.fill(node, &points, &mut acts);
                    }
                    let own = points.contains(&Point::Node(self.places.output(id)));
                    acts.push(if own { Act::Output(id) } else { Act::Elsewhere(*item) });
                }
                Item::Branch(id) => {
                    let Some((act, reach)) = self.branch(id, &points, &mut acts) else {
                        acts.push(Act::Elsewhere(*item));
                        continue;
                    };
                    acts.push(act);
                    match reach {
                        Reach::Never => {}
                        Reach::Always => {
                            yields(&mut acts);
                            points.insert(Point::Met(id));
                            self.overdue(block, index, id, &mut acts);
                        }
                        Reach::Sometimes => {
                            if let Some(end) = self.fork(block, whose, index, &points, id, &mut acts) {
                                return Arm { acts, end };
                            }
                        }
                    }
                }
            }
        }
        let end = self.end(whose, &points, &mut acts);
        Arm { acts, end }
    }

    /// A branch and whether its end is reached; nothing if none of it happens here.
    fn branch(&self, id: BranchId, points: &Points, acts: &mut Vec<Act>) -> Option<(Act, Reach)> {
        let walk = |arm: usize| self.block(self.arm(id, arm), Whose::Arm(id, arm), 0, points.clone());
        let mut paths = points.iter().flat_map(|point| self.places.path(*point));
        if let Some((_, arm)) = paths.find(|(branch, _)| *branch == id) {
            let body = walk(*arm);
            let end = body.end;
            return Some((Act::Inside { branch: id, arm: *arm, body, yields: false }, end));
        }
        let decided = self.places.decided[id.0];
        if !points.iter().any(|point| self.places.order.within(decided, *point)) {
            self.fill_within(id, points, acts);
            return None;
        }
        let arms: Vec<Arm> = (0..self.body.branches[id.0].arms.len()).map(walk).collect();
        if arms.iter().all(Arm::idle) {
            return None;
        }
        let reach = together(arms.iter().map(|arm| arm.end));
        Some((Act::Branch { branch: id, arms, yields: false }, reach))
    }

    /// What follows a branch, the last of `acts`, that has its value here on some ways only. Returns how the block ends,
    /// unless nothing depends on the value here.
    fn fork(
        &self,
        block: &Block,
        whose: Whose,
        index: usize,
        points: &Points,
        branch: BranchId,
        acts: &mut Vec<Act>,
    ) -> Option<Reach> {
        let rest = self.rest(block, whose, index, branch, Points::from([Point::Met(branch)]));
        if rest.idle() {
            if let Some(Act::Branch { arms, .. }) = acts.last()
                && arms.iter().flat_map(|arm| &arm.acts).all(|act| matches!(act, Act::Elsewhere(_)))
            {
                acts.pop();
                acts.push(Act::Elsewhere(Item::Branch(branch)));
            }
            return None;
        }
        let otherwise = self.block(block, whose, index + 1, points.clone());
        if otherwise.idle() {
            if self.inline(branch, &rest, acts) {
                return Some(Reach::Never);
            }
            yields(acts);
            let end = part_of(rest.end);
            acts.push(Act::Resolved { branch, rest, otherwise: Arm::default() });
            return Some(end);
        }
        yields(acts);
        if self.interfere(&rest, &otherwise) {
            // in the author's order, once for each case
            let mut all = points.clone();
            all.insert(Point::Met(branch));
            let rest = self.rest(block, whose, index, branch, all);
            let end = together([rest.end, otherwise.end]);
            acts.push(Act::Resolved { branch, rest, otherwise });
            return Some(end);
        }
        let end = part_of(rest.end);
        acts.extend(otherwise.acts);
        acts.push(Act::Resolved { branch, rest, otherwise: Arm::default() });
        Some(end)
    }

    /// Glue that stands before a branch, and is done once the branch has its value.
    fn overdue(&self, block: &Block, index: usize, branch: BranchId, acts: &mut Vec<Act>) {
        let late = GluePlace::At(Point::Met(branch));
        acts.extend(block.items[..index].iter().filter_map(|item| match item {
            Item::Glue(id) if self.places.glue[id.0] == late => Some(Act::Glue(*id)),
            _ => None,
        }));
    }

    /// What follows a branch once it has its value.
    fn rest(&self, block: &Block, whose: Whose, index: usize, branch: BranchId, points: Points) -> Arm {
        let mut acts = Vec::new();
        self.overdue(block, index, branch, &mut acts);
        let rest = self.block(block, whose, index + 1, points);
        acts.extend(rest.acts);
        Arm { acts, end: rest.end }
    }

    /// Whether what follows a branch because of its value cannot simply be done after what follows it anyway.
    fn interfere(&self, rest: &Arm, otherwise: &Arm) -> bool {
        if otherwise.end != Reach::Never
            || otherwise.acts.iter().any(|act| matches!(act, Act::Resolved { .. }))
        {
            return true;
        }
        let mut branches = [Vec::new(), Vec::new()];
        let mut uses = [Vec::new(), Vec::new()];
        let mut declared = Vec::new();
        for (index, arm) in [rest, otherwise].into_iter().enumerate() {
            visit(&arm.acts, &mut |act| {
                if let Act::Branch { branch, .. } = act {
                    branches[index].push(*branch);
                }
                uses[index].extend(native_uses(self.body, self.places, act));
                let borrowed = |touch: &Use| Use { kind: UseKind::Borrow, ..touch.clone() };
                uses[index].extend(handed_over(self.body, self.places, act).into_iter().map(borrowed));
                if index == 1 {
                    declared.extend_from_slice(native_binds(self.body, act));
                }
            });
        }
        let [late, early] = &uses;
        let name = |id: VarId| &self.body.variable(id).name;
        let renamed = |touch: &Use| {
            declared.iter().any(|id| *id != touch.variable && name(*id) == name(touch.variable))
        };
        let moved = |touch: &Use| {
            early.iter().any(|other| other.variable == touch.variable && other.kind != UseKind::Borrow)
        };
        branches[0].iter().any(|branch| branches[1].contains(branch))
            || late.iter().any(|touch| renamed(touch) || moved(touch))
    }

    fn arm(&self, branch: BranchId, arm: usize) -> &Block {
        &self.body.branches[branch.0].arms[arm].block
    }

    fn glue(&self, id: GlueId, points: &Points) -> Act {
        let gate = self.places.nodes.iter().position(|node| node.form == NodeForm::Gate(id));
        if let Some(node) = gate.map(NodeIndex) {
            let mut sends = Vec::new();
            self.fill(node, points, &mut sends);
            if let Some(send) = sends.pop() {
                return send;
            }
        }
        match self.places.glue[id.0] {
            GluePlace::At(point) if points.contains(&point) => Act::Glue(id),
            _ => Act::Elsewhere(Item::Glue(id)),
        }
    }

    /// Fills the slots of a node that these points fill.
    fn fill(&self, node: NodeIndex, points: &Points, acts: &mut Vec<Act>) {
        let slots = self.places.nodes[node.0].slots.iter().enumerate();
        acts.extend(
            slots.filter(|(_, filler)| points.contains(filler)).map(|(slot, _)| Act::Send { node, slot }),
        );
    }

    /// Fills slots of the nodes in the arms of a branch of which it is not known here how it was decided.
    fn fill_within(&self, branch: BranchId, points: &Points, acts: &mut Vec<Act>) {
        for (index, node) in self.places.nodes.iter().enumerate() {
            if node.path.iter().any(|(around, _)| *around == branch) {
                self.fill(NodeIndex(index), points, acts);
            }
        }
    }

    /// The end of a block: the result of the body, the value of an arm.
    fn end(&self, whose: Whose, points: &Points, acts: &mut Vec<Act>) -> Reach {
        match whose {
            Whose::Body => {
                self.fill(self.places.result(), points, acts);
                Reach::Never
            }
            Whose::Arm(branch, arm) => {
                let end = self.places.ends[&(branch, arm)];
                if let Some(gate) = end.gate {
                    self.fill(gate, points, acts);
                }
                if points.contains(&end.point) { Reach::Always } else { Reach::Never }
            }
        }
    }

    /// Moves what follows a branch, the last of `acts`, into the only arm that has its value here.
    fn inline(&self, branch: BranchId, rest: &Arm, acts: &mut [Act]) -> bool {
        let Some(Act::Branch { arms, .. }) = acts.last_mut() else { return false };
        let reached: Vec<usize> = (0..arms.len()).filter(|arm| arms[*arm].end != Reach::Never).collect();
        let [arm] = *reached.as_slice() else { return false };
        if arms[arm].end != Reach::Always {
            return false;
        }
        let inner = self.arm(branch, arm);
        if rest.end != Reach::Never || self.declares_a_name_of(inner.id, &rest.acts) {
            return false;
        }
        arms[arm].acts.push(Act::Bind { branch, arm });
        arms[arm].acts.extend_from_slice(&rest.acts);
        arms[arm].end = Reach::Never;
        true
    }

    /// Whether a block declares a name that some variable read by these steps has.
    fn declares_a_name_of(&self, block: BlockId, acts: &[Act]) -> bool {
        let mut uses = Vec::new();
        visit(acts, &mut |act| {
            uses.extend(native_uses(self.body, self.places, act));
            uses.extend(handed_over(self.body, self.places, act).into_iter().cloned());
        });
        let declared =
            self.body.variables.iter().filter(|variable| variable.block == block && variable.is_authored());
        let names: Vec<String> = declared.map(|variable| variable.name.to_string()).collect();
        uses.iter().any(|touch| names.contains(&touch.ident.to_string()))
    }
}

/// Visits every step, in order.
pub(crate) fn visit(acts: &[Act], see: &mut impl FnMut(&Act)) {
    for act in acts {
        see(act);
        match act {
            Act::Branch { arms, .. } => arms.iter().for_each(|arm| visit(&arm.acts, see)),
            Act::Inside { body, .. } => visit(&body.acts, see),
            Act::Resolved { rest, otherwise, .. } => {
                visit(&rest.acts, see);
                visit(&otherwise.acts, see);
            }
            _ => {}
        }
    }
}

/// What a step itself touches, apart from the steps within it and the values that it hands over as they are.
pub(crate) fn native_uses(body: &Body, places: &Places, act: &Act) -> Vec<Use> {
    let end = |branch: BranchId, arm: usize| body.branches[branch.0].arms[arm].block.end.uses();
    match act {
        Act::Glue(id) => body.glue[id.0].code.uses.clone(),
        Act::Send { node, slot } => {
            let built = built_at(body, places, *node, ArgumentPlace::Slot(*slot));
            let taken = |index| takes_apart(body, places, *node, index);
            let made = built.into_iter().filter(|(index, code)| taken(*index) || bare(body, code).is_none());
            let moves = |index| index == 0 && takes_apart(body, places, *node, index);
            made.flat_map(|(index, code)| if moves(index) { code.uses.clone() } else { code.encoded_uses() })
                .collect()
        }
        Act::Branch { branch, arms, yields } => {
            let variable = body.branches[branch.0].chosen;
            let ident = body.variable(variable).name.clone();
            let condition = Use { variable, kind: UseKind::Borrow, ident };
            let ends = (0..arms.len()).filter(|arm| *yields && arms[*arm].end != Reach::Never);
            ends.flat_map(|arm| end(*branch, arm)).cloned().chain([condition]).collect()
        }
        Act::Inside { branch, arm, body: inner, yields } if *yields && inner.end != Reach::Never => {
            end(*branch, *arm).to_vec()
        }
        Act::Bind { branch, arm } => end(*branch, *arm).to_vec(),
        _ => Vec::new(),
    }
}

/// The values that a step hands over as they are: arguments that are variables and nothing more.
pub(crate) fn handed_over<'b>(body: &'b Body, places: &Places, act: &Act) -> Vec<&'b Use> {
    match act {
        Act::Send { node, slot } => {
            let built = built_at(body, places, *node, ArgumentPlace::Slot(*slot));
            let whole = built.into_iter().filter(|(index, _)| !takes_apart(body, places, *node, *index));
            whole.filter_map(|(_, code)| bare(body, code)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether an argument is looked into where it is sent: a map's items, and what is made for every item.
fn takes_apart(body: &Body, places: &Places, node: NodeIndex, index: usize) -> bool {
    let NodeForm::Stage(stage) = places.nodes[node.0].form else { return false };
    let map = body.stages[stage.0].map.as_ref();
    map.is_some_and(|map| index.checked_sub(1).is_none_or(|argument| map.is_each(argument)))
}

/// The variable that code is, if it is nothing more than one that can travel as it is.
pub(crate) fn bare<'b>(body: &Body, code: &'b Code) -> Option<&'b Use> {
    if matches!(&body.root.end, End::Fallible(end) if std::ptr::eq(end, code)) {
        // the `Result` is looked into
        return None;
    }
    match (&code.expr, code.uses.as_slice()) {
        (syn::Expr::Path(_), [only]) if body.variable(only.variable).kind != VariableKind::Borrowing => {
            Some(only)
        }
        _ => None,
    }
}

/// What a step itself binds, apart from the steps within it.
pub(crate) fn native_binds<'b>(body: &'b Body, act: &Act) -> &'b [VarId] {
    match act {
        Act::Glue(id) => &body.glue[id.0].binds,
        Act::Output(id) => &body.stages[id.0].binds,
        Act::Head { branch, arm } => &body.branches[branch.0].arms[*arm].binds,
        Act::Inside { branch, yields: true, body: inner, .. } if inner.end == Reach::Always => {
            &body.branches[branch.0].binds
        }
        Act::Branch { branch, yields: true, arms } if arms.iter().all(|arm| arm.end == Reach::Always) => {
            &body.branches[branch.0].binds
        }
        Act::Resolved { branch, .. } | Act::Bind { branch, .. } => &body.branches[branch.0].binds,
        _ => &[],
    }
}

/// The arguments of a node that are built in a place, with their positions.
pub(crate) fn built_at<'b>(
    body: &'b Body,
    places: &Places,
    node: NodeIndex,
    place: ArgumentPlace,
) -> Vec<(usize, &'b Code)> {
    let node = &places.nodes[node.0];
    let codes: Vec<&Code> = match node.form {
        NodeForm::Stage(stage) => body.stages[stage.0].arguments.iter().collect(),
        NodeForm::Result => body.root.end.code().into_iter().collect(),
        _ => Vec::new(),
    };
    codes.into_iter().enumerate().filter(|(index, _)| node.arguments[*index] == place).collect()
}
