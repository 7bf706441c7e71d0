//! The parameter that a caller does not pass.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{ItemFn, PatType, Stmt};

use super::{Options, expand};
use crate::signature::ContextParameter;

/// Takes the parameter away, and binds it in the body instead: behind the items that the body begins with. `name` is
/// that under which the function is deployed.
pub(crate) fn bind(function: &mut ItemFn, parameter: &ContextParameter, name: &str, options: &Options) {
    let PatType { attrs, pat, ty, .. } = &parameter.written;
    // the author's type is where a `Context` of another crate is seen
    let caribou: TokenStream = expand::caribou(options.caribou.as_ref())
        .into_iter()
        .map(|mut token| {
            token.set_span(ty.span());
            token
        })
        .collect();
    let timeout = options.timeout.map(Literal::u32_unsuffixed).map_or_else(
        || quote!(#caribou::__private::FunctionSpec::DEFAULT_TIMEOUT_S),
        |seconds| quote!(#seconds),
    );
    let context = quote_spanned!(ty.span()=> &#caribou::__private::current_context(#name, #timeout));
    let binding = quote_spanned!(pat.span()=> #(#attrs)* let #pat: #ty = #context;);
    let Ok(binding) = syn::parse2::<Stmt>(binding) else { return };
    let statements = &mut function.block.stmts;
    let items = statements.iter().take_while(|statement| matches!(statement, Stmt::Item(_))).count();
    statements.insert(items, binding);
    let inputs = std::mem::take(&mut function.sig.inputs);
    let kept = inputs.into_iter().enumerate().filter(|(position, _)| *position != parameter.position);
    function.sig.inputs = kept.map(|(_, input)| input).collect();
}
