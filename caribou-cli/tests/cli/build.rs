//! `caribou build`: what Lambda runs.

use caribou_model::{Edge, FunctionSpec, Graph, Node, NodeId, NodeKind};
use serde_json::json;

use crate::caribou::{caribou, folder};

const CARGO_TOML: &str = "[package]\nname = 'press'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n";

/// A program that describes itself as the bootstrap of one workflow, and needs no dependency to be built.
fn bootstrap() -> String {
    let node = |name: &str, kind, slots| Node { name: name.into(), kind, slots, output: "u32".into() };
    let edge =
        |from, to| Edge { from: NodeId(from), to: NodeId(to), slot: 0, when: None, carries: Vec::new() };
    let graph = Graph {
        workflow: "press".into(),
        version: "0.1.0".into(),
        functions: vec![FunctionSpec::new("develop"), FunctionSpec::new("print")],
        nodes: vec![
            node("input", NodeKind::Entry, 0),
            node("develop", NodeKind::stage(0), 1),
            node("print", NodeKind::stage(1), 1),
            node("result", NodeKind::Result, 1),
        ],
        edges: vec![edge(0, 1), edge(1, 2), edge(2, 3)],
    };
    let description = json!({ "caribou": 1, "workflows": [{ "graph": graph, "parameters": ["photo"] }] });
    format!("fn main() {{ println!(\"{{}}\", r#\"{description}\"#) }}")
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_bootstrap_is_built_checked_and_packed_where_nothing_says_how() {
    let manifest = "home = 'aws:us-east-1'\n[aws.functions.print]\nfiles = ['fonts']\n";
    let files = [
        ("Cargo.toml", CARGO_TOML),
        ("src/main.rs", &bootstrap()),
        ("caribou.toml", manifest),
        ("fonts/serif", "glyphs"),
    ];
    let folder = folder(&files);
    let document = caribou(folder.path(), &["build", "--json", "--output", "out"]).succeeded().json();
    let archives = document["workflows"][0]["archives"].as_array().expect("archives");
    let told: Vec<_> =
        archives.iter().map(|one| (&one["path"], &one["functions"], &one["stripped"])).collect();
    assert_eq!(
        told,
        [
            (&json!("out/press-0.1.0-x86_64.zip"), &json!(["develop"]), &json!(true)),
            (&json!("out/press-0.1.0-x86_64-print.zip"), &json!(["print"]), &json!(true)),
        ]
    );
    let unpacked = |at: usize| archives[at]["unpacked_bytes"].as_u64().expect("bytes");
    assert_eq!(unpacked(1), unpacked(0) + "glyphs".len() as u64);
    let packed =
        std::fs::metadata(folder.path().join("out/press-0.1.0-x86_64.zip")).expect("the archive").len();
    assert_eq!(archives[0]["zip_bytes"], packed);
    // and as people read it
    let said = caribou(folder.path(), &["build"]).succeeded().stdout;
    let hash = archives[0]["sha256"].as_str().expect("a hash");
    assert!(said.contains("press 0.1.0 for x86_64: 1 function") && said.contains(hash), "{said}");
    assert!(said.contains("provided.al2023 has 2.34"), "{said}");
}

#[test]
fn a_program_that_is_no_bootstrap_is_told() {
    let folder = folder(&[("Cargo.toml", CARGO_TOML), ("src/main.rs", "fn main() { println!(\"hello\") }")]);
    let said = caribou(folder.path(), &["build"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("is not a caribou bootstrap"), "{said}");
}

#[test]
fn a_file_that_the_manifest_names_and_that_is_not_there_is_told() {
    let manifest = "home = 'aws:us-east-1'\n[aws.functions.print]\nfiles = ['fonts']\n";
    let folder =
        folder(&[("Cargo.toml", CARGO_TOML), ("src/main.rs", &bootstrap()), ("caribou.toml", manifest)]);
    let said = caribou(folder.path(), &["build"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("fonts cannot be read"), "{said}");
}
