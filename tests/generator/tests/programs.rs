//! What the generator promises of every program, read off its source.

use std::collections::BTreeMap;
use std::str::FromStr;

use caribou_test_generator::{Feature, Features, Function, Program};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

const SEEDS: std::ops::Range<u64> = 0..600;

fn programs(features: &Features) -> impl Iterator<Item = Program> {
    SEEDS.map(|seed| Program::new("program", seed, features))
}

/// How often each caribou function is called in a source.
fn calls(tokens: TokenStream, functions: &[Function], found: &mut BTreeMap<&'static str, usize>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        match (token, tokens.get(index + 1)) {
            (TokenTree::Group(group), _) => calls(group.stream(), functions, found),
            (TokenTree::Ident(name), Some(TokenTree::Group(group)))
                if group.delimiter() == Delimiter::Parenthesis && !is_method(&tokens[..index]) =>
            {
                if let Some(function) = functions.iter().find(|function| name == function.name) {
                    *found.entry(function.name).or_default() += 1;
                }
            }
            _ => {}
        }
    }
}

fn is_method(before: &[TokenTree]) -> bool {
    let is_point = |token: &TokenTree| matches!(token, TokenTree::Punct(point) if point.as_char() == '.');
    let points = before.iter().rev().take_while(|token| is_point(token)).count();
    points == 1
}

#[test]
fn every_program_is_rust() {
    for program in programs(&Features::all()) {
        let source = program.to_string();
        syn::parse_file(&source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    }
}

#[test]
fn every_call_in_the_source_is_counted() {
    let functions = Function::all();
    for program in programs(&Features::all()) {
        let source = program.to_string();
        let mut found = BTreeMap::new();
        calls(TokenStream::from_str(&source).unwrap(), &functions, &mut found);
        assert_eq!(found, program.calls(), "{source}");
    }
}

#[test]
fn every_program_has_three_to_fourteen_stages() {
    for program in programs(&Features::all()) {
        assert!((3..=14).contains(&program.stages()), "{program}");
    }
}

#[test]
fn every_feature_that_is_on_is_used() {
    let mut used: BTreeMap<Feature, usize> = BTreeMap::new();
    for seed in 0..2000 {
        let program = Program::new("program", seed, &Features::all());
        program.features.iter().for_each(|feature| *used.entry(feature).or_default() += 1);
    }
    let is_rare = |feature: &Feature| used.get(feature).is_none_or(|programs| *programs < 3);
    let rare: Vec<Feature> = Features::all().iter().filter(is_rare).collect();
    assert!(rare.is_empty(), "{rare:?} are rare: {used:?}");
}

#[test]
fn a_feature_that_is_off_is_not_used() {
    for off in Feature::ALL.iter().copied() {
        let features: Features = Feature::ALL.iter().copied().filter(|feature| *feature != off).collect();
        for seed in 0..40 {
            let program = Program::new("program", seed, &features);
            assert!(!program.features.has(off), "{off} is used\n{program}");
        }
    }
}

#[test]
fn without_any_feature_a_program_is_lets_and_calls() {
    for program in programs(&Features::from_iter([])) {
        let source = program.to_string();
        for word in ["= if ", "let mut", "return", " else ", "tokio::", "caribou::map", "let (", ".await;\n"]
        {
            assert!(!source.contains(word), "`{word}` in\n{source}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_program_and_another_another() {
    let program = |seed| Program::new("program", seed, &Features::all()).to_string();
    assert_eq!(program(7), program(7));
    assert_ne!(program(7), program(8));
}

#[test]
fn inputs_fit_the_parameters() {
    for program in programs(&Features::all()) {
        for input in program.inputs(5) {
            match program.parameters.len() {
                0 => assert!(input.is_null()),
                1 => {}
                several => assert_eq!(input.as_object().map(serde_json::Map::len), Some(several)),
            }
        }
    }
}
