//! The analysis over token streams, without a compiler.

mod edges;
mod language;
mod refusals;
mod slices;

use syn::ItemFn;

use super::compiled::Compiled;
use super::emit;
use super::place::NodeForm;
use super::point::NodeIndex;
use crate::errors::Errors;
use crate::signature::Signature;

/// Compiles a workflow; panics with its mistakes.
fn compile(source: &str) -> Compiled {
    let function: ItemFn = syn::parse_str(source).unwrap();
    let mut errors = Errors::default();
    let signature = Signature::read(&function, "workflow", &mut errors);
    let compiled = super::compile(&function, &signature, &mut errors);
    assert!(errors.is_empty(), "{:?}", errors.messages());
    compiled.unwrap()
}

/// The mistakes of a workflow.
fn mistakes(source: &str) -> Vec<String> {
    let function: ItemFn = syn::parse_str(source).unwrap();
    let mut errors = Errors::default();
    let signature = Signature::read(&function, "workflow", &mut errors);
    let compiled = super::compile(&function, &signature, &mut errors);
    if let Some(compiled) = compiled.filter(|_| errors.is_empty()) {
        super::expand::workflow(&compiled, &signature, &super::options::Options::default(), &mut errors);
    }
    errors.messages()
}

/// The name of a node as the graph has it, but for further call sites: they have the constant's number.
fn name(compiled: &Compiled, node: NodeIndex) -> String {
    compiled.constant(node).to_string().to_lowercase()
}

/// The edges, one a line: `from -> to.slot [values] if condition`.
fn edges(source: &str) -> Vec<String> {
    let compiled = compile(source);
    let edges = super::edge::edges(&compiled.body, &compiled.places, &compiled.messages);
    let slots = |node: usize| compiled.places.nodes[node].slots.len();
    edges
        .into_iter()
        .map(|edge| {
            let (from, to) = (name(&compiled, NodeIndex(edge.from)), name(&compiled, NodeIndex(edge.to)));
            let slot = if slots(edge.to) > 1 { format!(".{}", edge.slot) } else { String::new() };
            let when = edge.when.map(|when| format!(" if {when}")).unwrap_or_default();
            format!("{from} -> {to}{slot} [{}]{when}", edge.carries.join(", "))
        })
        .collect()
}

/// The slices as code, one after the other.
fn slices(source: &str) -> String {
    let compiled = compile(source);
    let mut errors = Errors::default();
    let mut text = String::new();
    for node in compiled.nodes() {
        let place = &compiled.places.nodes[node.0];
        let gate = place.form.is_gate();
        if place.slots.len() > 1 && !gate {
            let code = emit::join(&compiled, node, &mut errors).code;
            text += &pretty(&format!("join_{}", name(&compiled, node)), &code);
        }
        if place.form != NodeForm::Result {
            let step = if gate { "join" } else { "after" };
            let code = emit::after(&compiled, node, &mut errors).code;
            text += &pretty(&format!("{step}_{}", name(&compiled, node)), &code);
        }
    }
    assert!(errors.is_empty(), "{:?}", errors.messages());
    text
}

/// A slice as a function, so that it can be printed.
fn pretty(name: &str, code: &proc_macro2::TokenStream) -> String {
    let name = quote::format_ident!("{name}");
    let file = syn::parse2(quote::quote!(fn #name() { #code })).unwrap_or_else(|e| panic!("{e}: {code}"));
    prettyplease::unparse(&file)
}

#[test]
fn the_expansion_of_the_readmes_example_can_be_read() {
    let options = "version = \"0.1.0\"".parse().unwrap();
    let item = TEXT2SPEECH.parse().unwrap();
    let file = syn::parse2(super::expand(options, &item)).unwrap();
    insta::assert_snapshot!(prettyplease::unparse(&file));
}

/// The length of an expansion.
fn size(body: &str) -> usize {
    let item = format!("async fn w(x: u64, b: u64) -> Result<u64> {{ {body} }}").parse().unwrap();
    super::expand(proc_macro2::TokenStream::new(), &item).to_string().len()
}

#[test]
fn an_expansion_grows_gently_with_the_branches_in_a_row() {
    let values = |count: usize| {
        let each = |n| format!("let x_{n} = if x > {n} {{ f(x).await? }} else {{ x }};");
        let reads = (0..count).map(|n| format!("x_{n}")).collect::<Vec<_>>().join(", ");
        size(&format!("{} g(vec![{reads}]).await", (0..count).map(each).collect::<String>()))
    };
    let exits = |count: usize| {
        let each = |n| format!("if x > {n} {{ if b > {n} {{ return Ok(x); }} f(x).await?; }}");
        size(&format!("{} g(x).await", (0..count).map(each).collect::<String>()))
    };
    let statements = |count: usize| {
        let each = |n| format!("if x > {n} {{ f(x).await?; }}");
        size(&format!("{} g(x).await", (0..count).map(each).collect::<String>()))
    };
    for (what, size) in
        [("values", &values as &dyn Fn(usize) -> usize), ("exits", &exits), ("statements", &statements)]
    {
        let (four, eight) = (size(4), size(8));
        assert!(eight < 16 * four, "{what}: {four} characters for 4, {eight} for 8");
    }
}

const TEXT2SPEECH: &str = "
    async fn text2speech_censoring(upload: Upload) -> Result<Published> {
        let document = validate(upload).await?;
        let speech = synthesize(document.text.clone()).await?;
        let spans = if document.needs_review { Some(find_profanity(document.text).await?) } else { None };
        censor(speech, spans).await
    }
";
