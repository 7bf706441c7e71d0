//! `caribou graph`, and the pictures in this repository that it draws.

use std::fs;

use crate::caribou::{caribou, example, flows, folder, root};

const SPEECH: [&str; 3] = ["graph", "--workflow", "text2speech_censoring"];

#[test]
fn every_format_is_written_to_standard_output() {
    for (format, start, part) in [
        ("mermaid", "flowchart LR", "n1 -.->|\"document.needs_review\"| n3"),
        ("dot", "digraph", "n4 [label=\"censor\\nwaits for 2\""),
        ("svg", "<svg", ">document.needs_review</text>"),
        ("json", "{", "\"when\": \"document.needs_review\""),
    ] {
        let said = caribou(&flows(), &[&SPEECH[..], &["--format", format]].concat()).succeeded();
        assert!(said.stdout.starts_with(start) && said.stdout.contains(part), "{said}");
    }
}

#[test]
fn a_graph_is_written_to_a_file() {
    let folder = folder(&[]);
    let file = folder.path().join("press.svg");
    let (path, file) = (example(), file.to_str().unwrap());
    let arguments = ["graph", path.to_str().unwrap(), "--format", "svg", "--output", file];
    let said = caribou(folder.path(), &arguments).succeeded();
    assert!(said.stdout.contains("the graph of image_press is in"), "{said}");
    assert!(fs::read_to_string(file).unwrap().starts_with("<svg"));
}

#[test]
fn with_json_the_text_is_in_the_document() {
    let document = caribou(&flows(), &[&["--json"], &SPEECH[..]].concat()).succeeded().json();
    assert_eq!(document["graph"]["workflow"], "text2speech_censoring");
    assert!(document["text"].as_str().unwrap().starts_with("flowchart LR"));
}

/// A comment `<!-- caribou graph .. -->` in a document names the command that the picture below it comes from: a block
/// of code, or the file that `--output` names. With `CARIBOU_PICTURES=write` the pictures are drawn anew.
#[test]
fn the_pictures_in_the_documents_are_what_the_command_draws() {
    let write = std::env::var("CARIBOU_PICTURES").is_ok_and(|value| value == "write");
    let mut pictures = 0;
    for document in ["README.md", "examples/image-press/README.md"] {
        let path = root().join(document);
        let mut text = fs::read_to_string(&path).unwrap();
        let mut from = 0;
        while let Some(found) = text[from..].find("<!-- caribou graph ") {
            let start = from + found + "<!-- ".len();
            let end = start + text[start..].find(" -->").unwrap();
            let command = text[start..end].to_owned();
            let mut arguments: Vec<&str> = command.split(' ').skip(1).collect();
            let output = arguments.iter().position(|argument| *argument == "--output");
            let file = output.map(|at| root().join(arguments.drain(at..at + 2).nth(1).unwrap()));
            let drawn = caribou(&root(), &arguments).succeeded().stdout;
            let (before, known) = if let Some(file) = &file {
                (end, fs::read_to_string(file).unwrap_or_default())
            } else {
                let open = end + text[end..].find("```").unwrap();
                let open = open + text[open..].find('\n').unwrap() + 1;
                (open, text[open..open + text[open..].find("```").unwrap()].to_owned())
            };
            if write {
                match &file {
                    Some(file) => fs::write(file, &drawn).unwrap(),
                    None => text.replace_range(before..before + known.len(), &drawn),
                }
            } else {
                let remedy =
                    "draw it anew with `CARIBOU_PICTURES=write cargo test -p caribou-cli --test cli`";
                assert!(known == drawn, "{document}: `{command}` draws another picture; {remedy}:\n{drawn}");
            }
            pictures += 1;
            from = before;
        }
        if write {
            fs::write(&path, &text).unwrap();
        }
    }
    assert!(pictures >= 2, "the documents have lost their pictures");
}
