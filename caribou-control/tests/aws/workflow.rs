//! A small workflow: `resize`, then `publish`.

use std::path::Path;

use caribou_control::deploy::{Need, at_home};
use caribou_control::state::Deployed;
use caribou_model::{Edge, FunctionSpec, Graph, Manifest, Node, NodeId, NodeKind, Region, Timestamp};
use std::collections::BTreeSet;

pub(crate) const HOME: Region = Region::aws("us-east-1");

pub(crate) fn workflow(version: &str, package: &Path) -> Deployed {
    let node = |name: &str, kind, slots| Node { name: name.into(), kind, slots, output: "()".into() };
    let edge =
        |from, to| Edge { from: NodeId(from), to: NodeId(to), slot: 0, when: None, carries: Vec::new() };
    let mut resize = FunctionSpec::new("resize");
    resize.environment.insert("TOKEN".into(), "do-not-show-me".into());
    Deployed {
        graph: Graph {
            workflow: "press".into(),
            version: version.into(),
            functions: vec![resize, FunctionSpec::new("publish")],
            nodes: vec![
                node("input", NodeKind::Entry, 0),
                node("resize", NodeKind::stage(0), 1),
                node("publish", NodeKind::stage(1), 1),
                node("result", NodeKind::Result, 1),
            ],
            edges: vec![edge(0, 1), edge(1, 2), edge(2, 3)],
        },
        parameters: Vec::new(),
        package: package.to_path_buf(),
        bootstrap: package.join("bootstrap"),
        manifest: Manifest::at_home(HOME),
        at: Timestamp::from_millis(1),
    }
}

/// Every function in each of these regions.
pub(crate) fn everywhere(deployed: &Deployed, regions: &[Region]) -> BTreeSet<Need> {
    regions.iter().flat_map(|region| at_home(&deployed.graph, region)).collect()
}
