//! What every format says of the same few graphs.

use caribou_model::{Edge, FunctionSpec, Graph, Node, NodeId, NodeKind};

use super::{dot, mermaid, svg, tree};

/// A graph from its nodes (name, slots, type) and edges (from, to, slot, condition, values). Names with `gate` are gates in
/// the node after them.
fn graph(workflow: &str, nodes: &[(&str, u8, &str)], edges: &[(u16, u16, u8, &str, &str)]) -> Graph {
    let mut functions: Vec<FunctionSpec> = Vec::new();
    let kinds = nodes.iter().enumerate().map(|(index, (name, slots, output))| {
        let kind = match *name {
            "input" => NodeKind::Entry,
            "result" => NodeKind::Result,
            gate if gate.starts_with("gate") => NodeKind::Gate { host: NodeId(index as u16 + 1) },
            stage => {
                let function = stage.split('#').next().unwrap();
                let known = functions.iter().position(|spec| spec.name == function);
                let function = known.unwrap_or_else(|| {
                    functions.push(FunctionSpec::new(function));
                    functions.len() - 1
                });
                NodeKind::stage(u16::try_from(function).unwrap())
            }
        };
        Node { name: (*name).into(), kind, slots: *slots, output: (*output).into() }
    });
    let nodes = kinds.collect();
    let edges = edges.iter().map(|&(from, to, slot, when, carries)| Edge {
        from: NodeId(from),
        to: NodeId(to),
        slot,
        when: (!when.is_empty()).then(|| when.to_owned()),
        carries: carries.split_terminator(", ").map(str::to_owned).collect(),
    });
    let edges = edges.collect();
    let graph = Graph { workflow: workflow.into(), version: "0.1.0".into(), functions, nodes, edges };
    graph.validate().unwrap();
    graph
}

/// The paper's workflow.
fn speech() -> Graph {
    graph(
        "text2speech_censoring",
        &[
            ("input", 0, "Upload"),
            ("validate", 1, "Document"),
            ("synthesize", 1, "Speech"),
            ("find_profanity", 1, "Vec<(usize, usize)>"),
            ("censor", 2, "Published"),
            ("result", 1, "Published"),
        ],
        &[
            (0, 1, 0, "", "upload"),
            (1, 2, 0, "", "document.text"),
            (1, 3, 0, "document.needs_review", "document.text"),
            (1, 4, 1, "!(document.needs_review)", "spans"),
            (2, 4, 0, "", "speech"),
            (3, 4, 1, "", "spans"),
            (4, 5, 0, "", "censor_output"),
        ],
    )
}

/// Two gates, and a result that waits for three.
fn gates() -> Graph {
    graph(
        "gates",
        &[
            ("input", 0, "(u64, Option<(u8, u8)>)"),
            ("first", 1, "u64"),
            ("second", 1, "u64"),
            ("gate#1", 2, "()"),
            ("smaller", 1, "u64"),
            ("gate#2", 2, "()"),
            ("add", 1, "u64"),
            ("add#2", 1, "u64"),
            ("result", 3, "(u64, u64, Option<u64>)"),
        ],
        &[
            (0, 1, 0, "", "seed"),
            (0, 2, 0, "", "seed"),
            (1, 3, 0, "", "a"),
            (1, 5, 0, "", "a"),
            (2, 3, 1, "", "b"),
            (2, 5, 1, "", "b"),
            (3, 4, 0, "a < b", "a"),
            (3, 8, 2, "!(a < b)", "least"),
            (4, 8, 2, "", "least"),
            (5, 6, 0, "", "sum"),
            (5, 7, 0, "", "sum, sum"),
            (6, 8, 0, "", "added"),
            (7, 8, 1, "", "doubled"),
        ],
    )
}

/// Ten stages, long conditions.
fn claim() -> Graph {
    let long =
        "triage.severity >= Severity::High && triage.claimant.country != policy.country && !triage.duplicate";
    graph(
        "insurance_claim",
        &[
            ("input", 0, "Claim"),
            ("read_documents", 1, "Documents"),
            ("look_up_policy", 1, "Policy"),
            ("triage", 2, "Triage"),
            ("estimate_damage", 1, "Estimate"),
            ("detect_fraud", 1, "Vec<Suspicion>"),
            ("ask_expert", 1, "BTreeMap<PolicyNumber, Vec<ExpertOpinion>>"),
            ("decide", 3, "Decision"),
            ("pay", 1, "Receipt"),
            ("write_letter", 1, "Letter"),
            ("archive", 2, "()"),
            ("result", 1, "Outcome"),
        ],
        &[
            (0, 1, 0, "", "claim.files"),
            (0, 2, 0, "", "claim.policy"),
            (1, 3, 0, "", "documents"),
            (2, 3, 1, "", "policy"),
            (3, 4, 0, "", "triage.photos"),
            (3, 5, 0, "triage.amount > 10_000", "triage"),
            (3, 6, 0, long, "triage, policy, documents, the_first_page_of_the_expert_report, claimant"),
            (3, 7, 1, "!(triage.amount > 10_000)", "suspicions"),
            (3, 7, 2, &format!("!({long})"), "opinion"),
            (4, 7, 0, "", "estimate"),
            (5, 7, 1, "", "suspicions"),
            (6, 7, 2, "", "opinion"),
            (7, 8, 0, "decision.granted", "decision.amount"),
            (7, 9, 0, "", "decision"),
            (7, 10, 0, "!(decision.granted)", "receipt"),
            (8, 10, 0, "", "receipt"),
            (9, 10, 1, "", "letter"),
            (10, 11, 0, "", ""),
        ],
    )
}

/// A condition with every character that some format gives a meaning.
fn hostile() -> Graph {
    let condition = r#"text["a|b"] == "<b>&amp;#35;" || x`y` % {2} \n; ]] --> end"#;
    graph(
        "end",
        &[("input", 0, "String"), ("end", 1, "Vec<&'static str>"), ("graph", 1, "()"), ("result", 1, "()")],
        &[
            (0, 1, 0, "", "text"),
            (1, 2, 0, condition, "text"),
            (1, 3, 0, &format!("!({condition})"), "()"),
            (2, 3, 0, "", "()"),
        ],
    )
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn graphs_as_a_tree() {
    insta::assert_snapshot!("tree_speech", tree(&speech(), &names(&["upload"])));
    insta::assert_snapshot!("tree_gates", tree(&gates(), &names(&["seed", "limits"])));
    insta::assert_snapshot!("tree_claim", tree(&claim(), &names(&["claim"])));
}

#[test]
fn a_tree_fits_a_hundred_columns() {
    for graph in [speech(), gates(), claim()] {
        for line in tree(&graph, &[]).lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

#[test]
fn graphs_as_mermaid() {
    insta::assert_snapshot!("mermaid_speech", mermaid(&speech()));
    insta::assert_snapshot!("mermaid_gates", mermaid(&gates()));
}

#[test]
fn graphs_as_dot() {
    insta::assert_snapshot!("dot_speech", dot(&speech()));
    insta::assert_snapshot!("dot_gates", dot(&gates()));
}

#[test]
fn graphs_as_svg() {
    insta::assert_snapshot!("svg_speech", svg(&speech()));
}

#[test]
fn what_an_author_writes_stays_text_in_every_format() {
    let graph = hostile();
    insta::assert_snapshot!("mermaid_hostile", mermaid(&graph));
    insta::assert_snapshot!("dot_hostile", dot(&graph));
    let svg = svg(&graph);
    assert!(!svg.contains("<b>") && svg.contains("&lt;b&gt;&amp;amp;#35;"), "{svg}");
    for line in mermaid(&graph).lines().filter(|line| line.contains("-.->|")) {
        let label = line.split('"').nth(1).unwrap();
        assert!(!label.contains(['<', '>', '|', '[', ']', '{', '}', '`', '\\']), "{label}");
    }
}

#[test]
fn an_svg_stands_alone_and_its_tags_close() {
    for graph in [speech(), gates(), claim(), hostile()] {
        let svg = svg(&graph);
        assert!(!svg.replace("http://www.w3.org/2000/svg", "").contains("http"));
        for tag in ["svg", "g", "text", "title", "style", "defs", "marker"] {
            let opened = svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}

#[test]
fn edges_of_one_condition_are_one_arrow() {
    let mut graph = speech();
    graph.edges.remove(3);
    graph.edges.insert(3, Edge { when: None, ..graph.edges[4].clone() });
    let arrows = mermaid(&graph).matches("n2 --> n4").count();
    assert_eq!(arrows, 1);
}
