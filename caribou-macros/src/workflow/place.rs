//! Where each item of the body happens, and which nodes that makes.
//!
//! An item happens at the last of the points that it needs: those where what it reads is resolved, and those that
//! control it. If several are last, a stage waits for all of them (it is a sync node), and glue is done where it is
//! read, if one node alone reads it, or else at a gate.

use std::collections::BTreeMap;

use super::body::{
    Block, BlockId, Body, BranchArm, BranchId, Code, GlueForm, GlueId, Item, StageId, Use, VarId,
};
use super::point::{NodeIndex, Order, Point, Points};

/// Where glue happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GluePlace {
    /// In the slice of this point.
    At(Point),
    /// When all that this node waits for has arrived.
    Join(NodeIndex),
    /// Wherever it is read.
    Everywhere,
}

/// Where an argument of a node is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArgumentPlace {
    /// By whoever fills this slot.
    Slot(usize),
    /// When all slots are filled.
    Join,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeForm {
    Entry,
    Stage(StageId),
    /// Does glue that several producers feed.
    Gate(GlueId),
    /// Ends an arm whose end several producers feed.
    EndGate(BranchId, usize),
    /// Dispatches a map that several producers feed.
    SpreadGate(StageId),
    /// Has the outputs of all items of a map.
    Collect(StageId),
    Result,
}

impl NodeForm {
    /// Whether it is a sync node without a function.
    pub(crate) fn is_gate(self) -> bool {
        matches!(self, Self::Gate(_) | Self::EndGate(..) | Self::SpreadGate(_) | Self::Collect(_))
    }
}

/// Arms around a place, outermost first.
pub(crate) type ArmPath = Vec<(BranchId, usize)>;

/// A node of the graph.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) form: NodeForm,
    /// The point that fills each slot.
    pub(crate) slots: Vec<Point>,
    /// Where its arguments are built: a stage's, or the result's one.
    pub(crate) arguments: Vec<ArgumentPlace>,
    /// The arms around it.
    pub(crate) path: ArmPath,
}

/// The end of an arm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArmEnd {
    pub(crate) point: Point,
    /// The gate at that end, if it needs one.
    pub(crate) gate: Option<NodeIndex>,
}

/// Where everything happens.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) nodes: Vec<Node>,
    pub(crate) order: Order,
    pub(crate) glue: Vec<GluePlace>,
    pub(crate) stages: Vec<NodeIndex>,
    /// Where each branch is decided.
    pub(crate) decided: Vec<Point>,
    pub(crate) ends: BTreeMap<(BranchId, usize), ArmEnd>,
    /// The points at which each variable is resolved: several only for what a join binds.
    pub(crate) variables: Vec<Points>,
    /// The arms around each branch.
    pub(crate) branch_paths: Vec<ArmPath>,
}

impl Places {
    /// The arms around a point.
    pub(crate) fn path(&self, point: Point) -> &ArmPath {
        match point {
            Point::Node(node) => &self.nodes[node.0].path,
            Point::Met(branch) => &self.branch_paths[branch.0],
        }
    }

    /// The nodes that wait for something to start a stage: its own, and for a map those around it.
    pub(crate) fn nodes_of(&self, stage: StageId) -> Vec<NodeIndex> {
        let own = self.stages[stage.0];
        let around = |node: &NodeIndex| matches!(self.nodes[node.0].form, NodeForm::SpreadGate(id) | NodeForm::Collect(id) if id == stage);
        let all = (0..self.nodes.len()).map(NodeIndex);
        all.filter(|node| *node == own || around(node)).collect()
    }

    /// The node at which a stage's output is there.
    pub(crate) fn output(&self, stage: StageId) -> NodeIndex {
        let collect = |node: &NodeIndex| self.nodes[node.0].form == NodeForm::Collect(stage);
        (0..self.nodes.len()).map(NodeIndex).find(collect).unwrap_or(self.stages[stage.0])
    }

    /// The node of the result.
    pub(crate) fn result(&self) -> NodeIndex {
        NodeIndex(self.nodes.len() - 1)
    }

    /// Whether a value that is resolved at `variable` is there at `point`.
    pub(crate) fn known_at(&self, variable: VarId, point: Point) -> bool {
        self.variables[variable.0].iter().all(|resolved| self.order.within(*resolved, point))
    }
}

/// Places a body.
pub(crate) fn place(body: &Body) -> Places {
    let entry = Node { form: NodeForm::Entry, slots: Vec::new(), arguments: Vec::new(), path: Vec::new() };
    let mut order = Order::default();
    order.insert(Point::ENTRY, &Points::new());
    let mut placing = Placing {
        body,
        consumers: consumers(body),
        pending: BTreeMap::new(),
        places: Places {
            nodes: vec![entry],
            order,
            glue: vec![GluePlace::Everywhere; body.glue.len()],
            stages: vec![NodeIndex::ENTRY; body.stages.len()],
            decided: vec![Point::ENTRY; body.branches.len()],
            ends: BTreeMap::new(),
            variables: vec![Points::new(); body.variables.len()],
            branch_paths: vec![Vec::new(); body.branches.len()],
        },
    };
    for parameter in &body.parameters {
        placing.resolve(&[*parameter], Point::ENTRY);
    }
    let control = Points::from([Point::ENTRY]);
    let flow = placing.block(&body.root, control, &Vec::new());
    let value: Vec<&Code> = body.root.end.code().into_iter().collect();
    placing.node(NodeForm::Result, Consumer::Result, &value, flow.all(), &flow.control, Vec::new());
    placing.places
}

/// The one node that reads a glue binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Consumer {
    Stage(StageId),
    Result,
}

/// For every glue binding that only the arguments of one node in the same block read (perhaps through other such
/// glue): that node.
fn consumers(body: &Body) -> Vec<Option<Consumer>> {
    /// Who reads a variable.
    #[derive(Clone, Copy, PartialEq)]
    enum Reader {
        Node(Consumer, BlockId),
        Glue(GlueId),
        Other,
    }
    let mut readers: Vec<Vec<Reader>> = vec![Vec::new(); body.variables.len()];
    let mut note = |uses: &[Use], reader: Reader| {
        for touch in uses {
            readers[touch.variable.0].push(reader);
        }
    };
    for (index, stage) in body.stages.iter().enumerate() {
        let reader = match stage.map {
            None => Reader::Node(Consumer::Stage(StageId(index)), stage.block),
            Some(_) => Reader::Other,
        };
        stage.arguments.iter().for_each(|argument| note(&argument.uses, reader));
    }
    for (index, glue) in body.glue.iter().enumerate() {
        let reader = match glue.form {
            GlueForm::Let(_) => Reader::Glue(GlueId(index)),
            _ => Reader::Other,
        };
        note(&glue.code.uses, reader);
    }
    for branch in &body.branches {
        branch.arms.iter().for_each(|arm| note(arm.block.end.uses(), Reader::Other));
    }
    note(body.root.end.uses(), Reader::Node(Consumer::Result, body.root.id));
    for branch in &body.branches {
        readers[branch.chosen.0].push(Reader::Other);
    }

    let mut consumers: Vec<Option<Consumer>> = vec![None; body.glue.len()];
    for (index, glue) in body.glue.iter().enumerate().rev() {
        let writes = glue.binds.iter().any(|id| body.variable(*id).first != *id);
        if writes || glue.orders || !matches!(glue.form, GlueForm::Let(_)) {
            continue;
        }
        let mut found = glue.binds.iter().flat_map(|id| &readers[id.0]).map(|reader| match *reader {
            Reader::Node(consumer, block) if block == glue.block => Some(consumer),
            Reader::Glue(GlueId(reader)) if body.glue[reader].block == glue.block => consumers[reader],
            _ => None,
        });
        let first = found.next().flatten();
        if found.all(|consumer| consumer == first) {
            consumers[index] = first;
        }
    }
    consumers
}

/// What a block does to what follows it.
struct Flow {
    /// What orders the statements after the last one.
    control: Points,
    /// Every point that the block itself makes.
    points: Points,
}

impl Flow {
    /// Everything that must be over when the block is.
    fn all(&self) -> Points {
        self.control.union(&self.points).copied().collect()
    }
}

struct Placing<'b> {
    body: &'b Body,
    consumers: Vec<Option<Consumer>>,
    /// Glue that waits for its consumer to be placed, with what orders it.
    pending: BTreeMap<Consumer, Vec<(GlueId, Points)>>,
    places: Places,
}

impl Placing<'_> {
    fn resolve(&mut self, variables: &[VarId], point: Point) {
        for variable in variables {
            self.places.variables[variable.0] = Points::from([point]);
        }
    }

    fn needs(&self, uses: &[Use]) -> Points {
        uses.iter().flat_map(|touch| &self.places.variables[touch.variable.0]).copied().collect()
    }

    fn block(&mut self, block: &Block, mut control: Points, path: &ArmPath) -> Flow {
        let mut points = Points::new();
        for item in &block.items {
            match *item {
                Item::Glue(id) => {
                    if let Some(point) = self.glue(id, &control, path) {
                        if self.body.glue[id.0].orders {
                            control.insert(point);
                        }
                        points.insert(point);
                    }
                }
                Item::Head(branch, arm) => {
                    let decided = self.places.decided[branch.0];
                    let body = self.body;
                    self.resolve(&body.branches[branch.0].arms[arm].binds, decided);
                }
                Item::Stage(id) => {
                    let stage = &self.body.stages[id.0];
                    let point = self.stage(id, &control, path);
                    self.resolve(&stage.binds, point);
                    points.insert(point);
                    if stage.pattern.is_none() {
                        control.insert(point);
                    }
                }
                Item::Branch(id) => {
                    let point = self.branch(id, &control, path);
                    points.insert(point);
                    if self.body.branches[id.0].pattern.is_none() || self.body.branches[id.0].leaves {
                        control.insert(point);
                    }
                }
            }
        }
        Flow { control, points }
    }

    /// Places a stage; the point where its output is there.
    fn stage(&mut self, id: StageId, control: &Points, path: &ArmPath) -> Point {
        let stage = &self.body.stages[id.0];
        let arguments: Vec<&Code> = stage.arguments.iter().collect();
        if stage.map.is_none() {
            let (form, consumer) = (NodeForm::Stage(id), Consumer::Stage(id));
            let node = self.node(form, consumer, &arguments, control.clone(), control, path.clone());
            self.places.stages[id.0] = node;
            return Point::Node(node);
        }
        let reads = arguments.iter().flat_map(|argument| self.needs(&argument.uses));
        let mut needs: Points = reads.chain(control.iter().copied()).collect();
        let last = self.places.order.last_of(&needs);
        let dispatched = match last.as_slice() {
            [only] => *only,
            _ => Point::Node(self.gate(NodeForm::SpreadGate(id), &needs, path.clone())),
        };
        needs.insert(dispatched);
        let node = self.push(NodeForm::Stage(id), vec![dispatched], &needs, path.clone());
        self.places.nodes[node.0].arguments = vec![ArgumentPlace::Slot(0); arguments.len()];
        self.places.stages[id.0] = node;
        needs.insert(Point::Node(node));
        let slots = vec![dispatched, Point::Node(node)];
        Point::Node(self.push(NodeForm::Collect(id), slots, &needs, path.clone()))
    }

    fn push(&mut self, form: NodeForm, slots: Vec<Point>, needs: &Points, path: ArmPath) -> NodeIndex {
        let node = NodeIndex(self.places.nodes.len());
        self.places.nodes.push(Node { form, slots, arguments: Vec::new(), path });
        self.places.order.insert(Point::Node(node), needs);
        node
    }

    /// Places glue; its point, unless it is to be done at a join or anywhere.
    fn glue(&mut self, id: GlueId, control: &Points, path: &ArmPath) -> Option<Point> {
        let glue = &self.body.glue[id.0];
        let reads = self.needs(&glue.code.uses);
        if matches!(glue.form, GlueForm::Alias(_)) {
            for bind in &glue.binds {
                self.places.variables[bind.0].clone_from(&reads);
            }
            return None;
        }
        let needs: Points = reads.union(control).copied().collect();
        let last = self.places.order.last_of(&needs);
        let point = match (last.as_slice(), self.consumers[id.0]) {
            ([only], _) if !self.reads_waiting(&glue.code.uses) => *only,
            (_, Some(consumer)) => {
                self.pending.entry(consumer).or_default().push((id, control.clone()));
                for bind in &glue.binds {
                    self.places.variables[bind.0].clone_from(&needs);
                }
                return None;
            }
            _ => Point::Node(self.gate(NodeForm::Gate(id), &needs, path.clone())),
        };
        self.places.glue[id.0] = GluePlace::At(point);
        self.resolve(&glue.binds, point);
        Some(point)
    }

    /// Whether some of what code reads waits for its consumer to be placed.
    fn reads_waiting(&self, uses: &[Use]) -> bool {
        let mut waiting = self.pending.values().flatten();
        waiting.any(|(id, _)| {
            let binds = &self.body.glue[id.0].binds;
            uses.iter().any(|touch| binds.contains(&touch.variable))
        })
    }

    fn gate(&mut self, form: NodeForm, needs: &Points, path: ArmPath) -> NodeIndex {
        let slots = self.places.order.last_of(needs);
        self.push(form, slots, needs, path)
    }

    /// Adds a node with arguments: a stage, or the result.
    fn node(
        &mut self,
        form: NodeForm,
        consumer: Consumer,
        arguments: &[&Code],
        mut needs: Points,
        control: &Points,
        path: ArmPath,
    ) -> NodeIndex {
        let waiting = self.pending.remove(&consumer).unwrap_or_default();
        for (glue, control) in &waiting {
            let glue = &self.body.glue[glue.0];
            let needs: Points = self.needs(&glue.code.uses).union(control).copied().collect();
            for bind in &glue.binds {
                self.places.variables[bind.0].clone_from(&needs);
            }
        }
        let reads: Vec<Points> = arguments.iter().map(|argument| self.needs(&argument.uses)).collect();
        needs.extend(reads.iter().flatten());
        // in the order in which the arguments ask for them
        let mut slots: Vec<Point> = Vec::new();
        let last = self.places.order.last_of(&needs);
        for read in reads.iter().flatten().chain(&last) {
            if last.contains(read) && !slots.contains(read) {
                slots.push(*read);
            }
        }
        let node = NodeIndex(self.places.nodes.len());
        let joined = |argument: &Code| {
            let binds = waiting.iter().flat_map(|(glue, _)| &self.body.glue[glue.0].binds);
            binds.into_iter().any(|bind| argument.uses.iter().any(|touch| touch.variable == *bind))
        };
        let place = |(argument, read): (&&Code, &Points)| {
            if slots.len() > 1 && joined(argument) {
                return ArgumentPlace::Join;
            }
            let needs: Points = read.union(control).copied().collect();
            let last = self.places.order.last_of(&needs);
            match (slots.as_slice(), last.as_slice()) {
                ([_], _) => ArgumentPlace::Slot(0),
                (_, [only]) => slots
                    .iter()
                    .position(|slot| slot == only)
                    .map_or(ArgumentPlace::Join, ArgumentPlace::Slot),
                _ => ArgumentPlace::Join,
            }
        };
        let arguments = arguments.iter().zip(&reads).map(place).collect();
        for (glue, _) in waiting {
            let binds = &self.body.glue[glue.0].binds;
            if let [only] = slots.as_slice() {
                self.places.glue[glue.0] = GluePlace::At(*only);
                self.resolve(binds, *only);
            } else {
                self.places.glue[glue.0] = GluePlace::Join(node);
            }
        }
        self.places.nodes.push(Node { form, slots, arguments, path });
        self.places.order.insert(Point::Node(node), &needs);
        node
    }

    fn branch(&mut self, id: BranchId, control: &Points, path: &ArmPath) -> Point {
        let branch = &self.body.branches[id.0];
        let decided = &self.places.variables[branch.chosen.0];
        self.places.branch_paths[id.0].clone_from(path);
        let decided = decided.first().copied().unwrap_or(Point::ENTRY);
        self.places.decided[id.0] = decided;
        let mut control = control.clone();
        control.insert(decided);
        let mut ends = Vec::new();
        for (arm, BranchArm { block, .. }) in branch.arms.iter().enumerate() {
            let mut path = path.clone();
            path.push((id, arm));
            let flow = self.block(block, control.clone(), &path);
            let mut needs = flow.all();
            needs.extend(self.needs(block.end.uses()));
            let last = self.places.order.last_of(&needs);
            let end = if let [only] = last.as_slice() {
                ArmEnd { point: *only, gate: None }
            } else {
                let gate = self.gate(NodeForm::EndGate(id, arm), &needs, path);
                ArmEnd { point: Point::Node(gate), gate: Some(gate) }
            };
            self.places.ends.insert((id, arm), end);
            ends.push(end.point);
        }
        self.places.order.insert_met(id, &ends);
        let point = Point::Met(id);
        self.resolve(&branch.binds, point);
        point
    }
}
