//! Instances and what follows on what, as a graph of this project.
//!
//! An instance with one predecessor is an ordinary stage, one with several a sync node with a slot for each. A
//! predecessor of a sync node that runs always fills its slot, with a payload or with the news that there is none. The
//! slot of one that does not run is filled by whoever decided that. The result waits for the instances that nothing
//! follows.

use std::collections::BTreeSet;

use caribou_model::{Edge, FunctionSpec, Graph, Node, NodeId, NodeKind};

use super::OriginalError;
use super::table::config::{Config, Instance};
use super::table::instance::Learned;

/// The graph, and what its parts are in the original.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) graph: Graph,
    /// Instances by stage index.
    pub(super) order: Vec<usize>,
    /// By index into the graph's edges.
    pub(super) roles: Vec<Role>,
}

/// What an edge of the graph is, in instances of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// From the client to the first instance.
    Start,
    /// From an instance to one that follows.
    Follows { from: usize, to: usize },
    /// From an instance to a sync node, in place of an instance that does not run.
    Skips { from: usize, instead_of: usize, to: usize },
    /// From an instance that nothing follows to the result.
    Ends { from: usize },
    /// From an instance to the result, in place of one that nothing follows and that does not run.
    SkipsEnd { from: usize, instead_of: usize },
}

impl Layout {
    pub(super) fn new(config: &Config, learned: &Learned) -> Result<Self, OriginalError> {
        let order = order(config)?;
        let before = predecessors(config);
        let (functions, function_of) = functions(config, &order);
        let conditional = |from, to| learned.transfers.get(&(from, to)).is_none_or(|t| t.probability < 1.0);
        let deciders = deciders(&order, &before, conditional);
        let node_of = |instance: usize| {
            NodeId(1 + order.iter().position(|&other| other == instance).unwrap_or(0) as u16)
        };
        let result = NodeId(order.len() as u16 + 1);
        let ends: Vec<usize> =
            order.iter().copied().filter(|&instance| config.instances[instance].next.is_empty()).collect();
        let name = |instance: usize| config.instances[instance].name.as_str();
        let mut edges = Vec::new();
        let mut add = |from: NodeId, to: NodeId, slot: usize, when: Option<String>, role| {
            edges.push((Edge { from, to, slot: slot as u8, when, carries: Vec::new() }, role));
        };
        add(NodeId(0), NodeId(1), 0, None, Role::Start);
        for &to in &order {
            for (slot, &from) in before[to].iter().enumerate() {
                let is_sync = before[to].len() > 1;
                let when = (!is_sync && conditional(from, to)).then(|| format!("{} is invoked", name(to)));
                add(node_of(from), node_of(to), slot, when, Role::Follows { from, to });
                if is_sync {
                    for &decider in deciders[from].iter().filter(|&&decider| decider != from) {
                        let when = Some(format!("{} is not invoked", name(from)));
                        let role = Role::Skips { from: decider, instead_of: from, to };
                        add(node_of(decider), node_of(to), slot, when, role);
                    }
                }
            }
        }
        for (slot, &from) in ends.iter().enumerate() {
            add(node_of(from), result, slot, None, Role::Ends { from });
            for &decider in &deciders[from] {
                let when = Some(format!("{} is not invoked", name(from)));
                add(node_of(decider), result, slot, when, Role::SkipsEnd { from: decider, instead_of: from });
            }
        }
        edges.sort_by_key(|(edge, _)| (edge.from, edge.to, edge.slot));
        let (edges, roles) = edges.into_iter().unzip();
        let mut nodes = vec![node("input".into(), NodeKind::Entry, 0)];
        for &instance in &order {
            let function = function_of[instance];
            let called = &functions[function].name;
            let earlier = |node: &&Node| matches!(node.kind, NodeKind::Stage { function: f, .. } if usize::from(f) == function);
            let count = nodes.iter().filter(earlier).count();
            let name = if count == 0 { called.clone() } else { format!("{called}#{}", count + 1) };
            nodes.push(node(name, NodeKind::stage(function as u16), before[instance].len().max(1)));
        }
        nodes.push(node("result".into(), NodeKind::Result, ends.len()));
        let (workflow, version) = (config.workflow.clone(), config.version.clone());
        let graph = Graph { workflow, version, functions, nodes, edges };
        graph.validate().map_err(caribou_solver::ProblemError::from)?;
        Ok(Self { graph, order, roles })
    }

    /// The stage index of an instance.
    pub(super) fn stage_of(&self, instance: usize) -> usize {
        self.order.iter().position(|&other| other == instance).unwrap_or(0)
    }
}

fn node(name: String, kind: NodeKind, slots: usize) -> Node {
    Node { name, kind, slots: slots as u8, output: "Payload".into() }
}

/// Instances by their predecessors' indexes.
pub(super) fn predecessors(config: &Config) -> Vec<Vec<usize>> {
    let instances = config.instances.iter().enumerate();
    let mut before = vec![Vec::new(); config.instances.len()];
    for (from, instance) in instances {
        for &to in &instance.next {
            before[to].push(from);
        }
    }
    before
}

/// A topological order: of the instances that may come next always the first in the file.
fn order(config: &Config) -> Result<Vec<usize>, OriginalError> {
    let mut waiting: Vec<usize> = predecessors(config).iter().map(Vec::len).collect();
    let names = |of: &dyn Fn(usize) -> bool| {
        let instances = config.instances.iter().enumerate();
        instances
            .filter(|(index, _)| of(*index))
            .map(|(_, instance)| instance.name.clone())
            .collect::<Vec<_>>()
    };
    let starts = names(&|index| waiting[index] == 0);
    let mut ready: BTreeSet<usize> = (0..waiting.len()).filter(|&index| waiting[index] == 0).collect();
    let mut order = Vec::new();
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for &after in &config.instances[next].next {
            waiting[after] -= 1;
            if waiting[after] == 0 {
                ready.insert(after);
            }
        }
    }
    if order.len() < config.instances.len() {
        return Err(OriginalError::Cycle { instances: names(&|index| !order.contains(&index)) });
    }
    if starts.len() != 1 {
        return Err(OriginalError::Starts { starts });
    }
    Ok(order)
}

/// By instance: who may decide that it does not run.
fn deciders(
    order: &[usize],
    before: &[Vec<usize>],
    conditional: impl Fn(usize, usize) -> bool,
) -> Vec<BTreeSet<usize>> {
    let mut deciders = vec![BTreeSet::new(); before.len()];
    for &to in order {
        let may_miss = |&from: &usize| conditional(from, to) || !deciders[from].is_empty();
        if before[to].is_empty() || !before[to].iter().all(may_miss) {
            continue;
        }
        let mut of_all = BTreeSet::new();
        for &from in &before[to] {
            if conditional(from, to) {
                of_all.insert(from);
            }
            of_all.extend(deciders[from].iter().copied());
        }
        deciders[to] = of_all;
    }
    deciders
}

/// The functions that instances call, and by instance which; one for all instances that are configured alike.
fn functions(config: &Config, order: &[usize]) -> (Vec<FunctionSpec>, Vec<usize>) {
    let mut functions: Vec<FunctionSpec> = Vec::new();
    let mut function_of = vec![0; order.len()];
    for &index in order {
        let instance = &config.instances[index];
        let plain = spec(instance, function_name(config, &instance.name));
        let known = functions.iter().position(|known| {
            FunctionSpec { name: plain.name.clone(), ..known.clone() } == plain
                && known.name.split('~').next() == Some(&plain.name)
        });
        function_of[index] = known.unwrap_or_else(|| {
            let same =
                functions.iter().filter(|known| known.name.split('~').next() == Some(&plain.name)).count();
            let name = if same == 0 { plain.name.clone() } else { format!("{}~{}", plain.name, same + 1) };
            functions.push(FunctionSpec { name, ..plain });
            functions.len() - 1
        });
    }
    (functions, function_of)
}

/// `resize` of instance `photos-0_0_1-resize:entry_point:0` in workflow `photos` 0.0.1.
fn function_name<'a>(config: &Config, instance: &'a str) -> &'a str {
    let function = instance.split(':').next().unwrap_or(instance);
    let prefix = format!("{}-{}-", config.workflow, config.version.replace('.', "_"));
    function.strip_prefix(prefix.as_str()).filter(|name| !name.is_empty()).unwrap_or(function)
}

fn spec(instance: &Instance, name: &str) -> FunctionSpec {
    let mut spec = FunctionSpec::new(name);
    spec.memory_mb = instance.memory_mb;
    spec.timeout_s = instance.timeout_s;
    spec.architecture = instance.architecture;
    spec.allow.clone_from(&instance.rules.allow);
    spec.deny.clone_from(&instance.rules.deny);
    spec
}
