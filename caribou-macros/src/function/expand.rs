//! What `#[caribou::function]` adds to the function.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::Options;
use crate::signature::Signature;

/// The marker: a type of the function's name, in the type namespace, where the function itself is not.
pub(crate) fn marker(signature: &Signature) -> TokenStream {
    let Signature { name, visibility, conditions, .. } = signature;
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #name {}
    }
}

/// The marker and its implementation of `Function`.
pub(crate) fn implementation(signature: &Signature, options: &Options) -> TokenStream {
    let Signature { name, parameters, output, conditions, .. } = signature;
    let marker = marker(signature);
    let types: Vec<_> = parameters.iter().map(|parameter| &parameter.ty).collect();
    let arguments: Vec<_> = (1..=types.len()).map(|number| format_ident!("argument_{number}")).collect();
    let deployed = options.name.clone().unwrap_or_else(|| name.to_string());
    let spec = spec(&deployed, options);
    // what is wrong with a type is said at the type
    let input = match types.as_slice() {
        [] => quote!(()),
        [first, ..] => quote_spanned!(first.span()=> (#(#types,)*)),
    };
    let result = signature.held().map_or_else(
        || quote_spanned!(output.span()=> __caribou::Success<#output>),
        |held| quote_spanned!(held.span()=> #held),
    );
    let failure = quote_spanned!(output.span()=> __caribou::Failed<#output>);
    let returns = quote_spanned!(output.span()=> ::core::result::Result<Self::Output, __caribou::Error>);
    let returned = quote_spanned!(output.span()=> __caribou::FunctionResult::into_result(returned));
    let call = quote_spanned!(name.span()=> async fn call);
    quote! {
        #marker

        #(#conditions)*
        const _: () = {
            use ::caribou::__private as __caribou;

            #[automatically_derived]
            impl __caribou::Function for #name {
                const NAME: &'static str = #deployed;
                type Input = #input;
                type Output = #result;
                type Failure = #failure;

                fn spec() -> __caribou::FunctionSpec {
                    #spec
                }

                #call(
                    _: __caribou::Context,
                    (#(#arguments,)*): Self::Input,
                ) -> #returns {
                    let returned = #name(#(#arguments),*).await;
                    #returned
                }
            }
        };
    }
}

fn spec(deployed: &str, options: &Options) -> TokenStream {
    let Options { memory, timeout, retries, allow, deny, idempotent, .. } = options;
    let mut fields = Vec::new();
    for (field, number) in [("memory_mb", memory), ("timeout_s", timeout), ("retries", retries)] {
        if let Some(number) = number.map(Literal::u32_unsuffixed) {
            let field = format_ident!("{field}");
            fields.push(quote!(#field: #number));
        }
    }
    for (field, codes) in [("allow", allow), ("deny", deny)] {
        if !codes.is_empty() {
            let field = format_ident!("{field}");
            fields.push(quote!(#field: ::std::vec![#(__caribou::Region::aws(#codes)),*]));
        }
    }
    if *idempotent {
        fields.push(quote!(idempotent: true));
    }
    let plain = quote!(__caribou::FunctionSpec::new(#deployed));
    if fields.is_empty() {
        return plain;
    }
    quote! {
        __caribou::FunctionSpec {
            #(#fields,)*
            ..#plain
        }
    }
}
