//! What `#[caribou::workflow]` adds to the function.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::body::Stage;
use super::compiled::{self, Compiled};
use super::emit::{self, Emitted};
use super::options::Options;
use super::place::NodeForm;
use super::point::{NodeIndex, Point};
use super::{edge, types};
use crate::errors::Errors;
use crate::function;
pub(crate) use crate::function::marker;
use crate::manifest::Manifest;
use crate::signature::Signature;
use crate::text;

/// The marker, its functions and its registration.
pub(crate) fn workflow(
    compiled: &Compiled,
    signature: &Signature,
    options: &Options,
    errors: &mut Errors,
) -> TokenStream {
    let Signature { name, conditions, parameters, .. } = signature;
    let deployed = signature.deployed_name(options.name.as_ref(), "workflow", errors);
    let version = options
        .version
        .as_ref()
        .map_or_else(|| quote!(::core::env!("CARGO_PKG_VERSION")), ToTokens::to_token_stream);
    let marker = marker(signature);
    let parameter_names = parameters.iter().map(|parameter| parameter.name.to_string());
    let nodes = compiled.nodes().map(|node| {
        let (constant, index) = (compiled.constant(node), Literal::usize_unsuffixed(node.0));
        quote!(const #constant: __caribou::NodeId = __caribou::NodeId(#index);)
    });
    let graph = graph(compiled, signature);
    let steps = steps(compiled, errors);
    let route = route(compiled, signature, &steps);
    let reads = reads(&steps);
    let call = call(compiled);
    let plain = plain(signature);
    let items = &compiled.body.items;
    let checks = checks(compiled, signature, Manifest::of_package(name, errors).as_ref());
    let caribou = function::caribou(options.caribou.as_ref());
    quote! {
        #marker

        #(#conditions)*
        #[allow(unused, clippy::all, clippy::pedantic)]
        const _: () = {
            use #caribou::__private as __caribou;
            #(#items)*

            #[doc(hidden)]
            impl #name {
                pub const WORKFLOW: __caribou::Workflow = __caribou::Workflow {
                    name: #deployed,
                    version: #version,
                    parameters: &[#(#parameter_names),*],
                    graph: Self::graph,
                    route: Self::route,
                    reads: Self::reads,
                    call: Self::call,
                    plain: Self::plain,
                };

                #(#nodes)*

                #graph
                #route
                #reads
                #call
                #plain
            }

            #checks
            __caribou::inventory::submit! { #name::WORKFLOW }
        };
    }
}

/// Checks the functions when the crate is compiled; what is wrong with one is said at its first call.
fn checks(compiled: &Compiled, signature: &Signature, manifest: Option<&Manifest>) -> TokenStream {
    let name = &signature.name;
    let mut functions: Vec<&syn::Path> = Vec::new();
    for stage in &compiled.body.stages {
        if !functions.iter().any(|known| text::of(*known) == text::of(&stage.function)) {
            functions.push(&stage.function);
        }
    }
    let count = Literal::usize_unsuffixed(functions.len());
    let checks = functions.iter().enumerate().map(|(index, function)| {
        let index = Literal::usize_unsuffixed(index);
        quote_spanned!(function.span()=> const _: () = FAULTS[#index].report();)
    });
    let caught = functions.iter().filter(|function| {
        let calls = |stage: &&Stage| text::of(&stage.function) == text::of(**function);
        compiled.body.stages.iter().filter(calls).any(|stage| stage.question.is_none())
    });
    let caught =
        caught.map(|function| quote_spanned!(function.span()=> __caribou::check_caught::<#function>();));
    let (home, rebuild) = manifest.map_or_else(
        || (quote!(::core::option::Option::None), TokenStream::new()),
        |manifest| (manifest.home(), Manifest::rebuild_when_changed()),
    );
    quote! {
        #rebuild
        const FAULTS: [__caribou::Fault; #count] =
            __caribou::faults!(#name::WORKFLOW, #home, #(#functions),*);
        #(#checks)*
        #(#caught)*
    }
}

fn graph(compiled: &Compiled, signature: &Signature) -> TokenStream {
    let places = &compiled.places;
    let nodes = places.nodes.iter().enumerate().map(|(index, node)| {
        let slots = Literal::usize_unsuffixed(node.slots.len());
        match node.form {
            NodeForm::Entry => {
                let types = signature.parameters.iter().map(|parameter| text::of(&parameter.ty));
                let types: Vec<String> = types.collect();
                let output = match types.as_slice() {
                    [only] => only.clone(),
                    several => format!("({})", several.join(", ")),
                };
                quote!(.entry(#output))
            }
            NodeForm::Stage(stage) => {
                let stage = &compiled.body.stages[stage.0];
                let function = &stage.function;
                let added = if stage.map.is_some() {
                    quote!(.map::<#function>(#slots))
                } else {
                    quote!(.stage::<#function>(#slots))
                };
                let caught = stage.question.is_none().then(|| quote!(.caught()));
                quote!(#added #caught)
            }
            NodeForm::Collect(stage) => {
                let host = compiled.constant(host(compiled, NodeIndex(index)));
                let of = compiled.constant(places.stages[stage.0]);
                quote!(.collect(Self::#of, Self::#host))
            }
            NodeForm::Gate(_) | NodeForm::EndGate(..) | NodeForm::SpreadGate(_) => {
                let host = compiled.constant(host(compiled, NodeIndex(index)));
                quote!(.gate(Self::#host, #slots))
            }
            NodeForm::Result => {
                let output = text::of(signature.held().unwrap_or(&signature.output));
                quote!(.result(#output, #slots))
            }
        }
    });
    let edges = edge::edges(&compiled.body, places, &compiled.messages).into_iter().map(|edge| {
        let (from, to) = (compiled.constant(NodeIndex(edge.from)), compiled.constant(NodeIndex(edge.to)));
        let slot = Literal::usize_unsuffixed(edge.slot);
        let carries = edge.carries;
        let when = edge.when.map(|when| quote!(.when(#when)));
        quote!(.edge(Self::#from, Self::#to, #slot, &[#(#carries),*]) #when)
    });
    quote! {
        fn graph() -> __caribou::Graph {
            __caribou::Draft::new(Self::WORKFLOW.name, Self::WORKFLOW.version)
                #(#nodes)*
                #(#edges)*
                .finish()
        }
    }
}

/// The first stage that a gate guards, or the first of all.
pub(crate) fn host(compiled: &Compiled, gate: NodeIndex) -> NodeIndex {
    let places = &compiled.places;
    let guarded =
        places.stages.iter().filter(|stage| places.order.precedes(Point::Node(gate), Point::Node(**stage)));
    guarded.min().or(places.stages.iter().min()).copied().unwrap_or(NodeIndex::ENTRY)
}

/// A step and its code.
struct StepCode {
    pattern: TokenStream,
    emitted: Emitted,
}

fn steps(compiled: &Compiled, errors: &mut Errors) -> Vec<StepCode> {
    let mut steps = Vec::new();
    for node in compiled.nodes() {
        let constant = compiled.constant(node);
        let place = &compiled.places.nodes[node.0];
        let join = || quote!(__caribou::Step::Join(Self::#constant));
        if place.form.is_gate() {
            steps.push(StepCode { pattern: join(), emitted: emit::after(compiled, node, errors) });
            continue;
        }
        if place.slots.len() > 1 {
            steps.push(StepCode { pattern: join(), emitted: emit::join(compiled, node, errors) });
        }
        if place.form != NodeForm::Result {
            let pattern = quote!(__caribou::Step::After(Self::#constant));
            steps.push(StepCode { pattern, emitted: emit::after(compiled, node, errors) });
        }
    }
    steps
}

fn route(compiled: &Compiled, signature: &Signature, steps: &[StepCode]) -> TokenStream {
    let (values, out) = (compiled::values(), compiled::out());
    let types = types::closure(compiled, signature);
    let arms = steps.iter().map(|StepCode { pattern, emitted }| {
        let code = &emitted.code;
        quote!(#pattern => { #code })
    });
    quote! {
        fn route(
            step: __caribou::Step,
            #values: &mut __caribou::Values,
            #out: &mut __caribou::Outbox,
        ) -> __caribou::Routed {
            #types
            match step {
                #(#arms)*
                step => return step.unknown(),
            }
            ::core::result::Result::Ok(())
        }
    }
}

fn reads(steps: &[StepCode]) -> TokenStream {
    let arms =
        steps.iter().filter(|step| !step.emitted.reads.is_empty()).map(|StepCode { pattern, emitted }| {
            let reads = emitted.reads.iter().map(|index| Literal::u16_unsuffixed(*index));
            quote!(#pattern => &[#(#reads),*],)
        });
    quote! {
        fn reads(step: __caribou::Step) -> &'static [u16] {
            match step {
                #(#arms)*
                _ => &[],
            }
        }
    }
}

fn call(compiled: &Compiled) -> TokenStream {
    let arms = compiled.places.stages.iter().zip(&compiled.body.stages).map(|(node, stage)| {
        let (constant, function) = (compiled.constant(*node), &stage.function);
        quote!(Self::#constant => __caribou::stage::<#function>(),)
    });
    quote! {
        fn call(node: __caribou::NodeId) -> ::core::option::Option<__caribou::Call> {
            match node {
                #(#arms)*
                _ => ::core::option::Option::None,
            }
        }
    }
}

fn plain(signature: &Signature) -> TokenStream {
    let Signature { name, parameters, .. } = signature;
    let takes = parameters.iter().enumerate().map(|(index, parameter)| {
        let (index, ty) = (Literal::usize_unsuffixed(index), &parameter.ty);
        quote!(input.take::<#ty>(#index)?)
    });
    quote! {
        fn plain(input: __caribou::Json) -> __caribou::PlainResult {
            __caribou::plain(async move {
                let input = __caribou::Input::new(input, Self::WORKFLOW.parameters)?;
                __caribou::plain_result(#name(#(#takes),*).await)
            })
        }
    }
}
