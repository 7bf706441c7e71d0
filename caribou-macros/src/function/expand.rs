//! What `#[caribou::function]` adds to the function.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

use super::Options;
use super::options::Architecture;
use crate::errors::Errors;
use crate::signature::Signature;

/// The marker: a type of the function's name, in the type namespace, where the function itself is not.
pub(crate) fn marker(signature: &Signature) -> TokenStream {
    let Signature { name, visibility, conditions, .. } = signature;
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_copy_implementations, missing_debug_implementations)]
        #visibility struct #name {}
    }
}

/// Where the expansion finds Caribou: what the `crate` option says, or `::caribou`.
pub(crate) fn caribou(option: Option<&Path>) -> TokenStream {
    option.map_or_else(|| quote!(::caribou), ToTokens::to_token_stream)
}

/// The marker and its implementation of `Function`.
pub(crate) fn implementation(signature: &Signature, options: &Options, deployed: &str) -> TokenStream {
    let Signature { name, parameters, output, conditions, allowed, .. } = signature;
    let marker = marker(signature);
    let types: Vec<_> = parameters.iter().map(|parameter| &parameter.ty).collect();
    // what is wrong with a type is said at the type
    let taken: Vec<_> = (0..types.len())
        .map(|index| {
            let (ty, position) = (types[index], Literal::usize_unsuffixed(index));
            quote_spanned!(ty.span()=> __caribou::argument::<#ty>(values, #position)?)
        })
        .collect();
    let values = if taken.is_empty() { quote!(_) } else { quote!(values) };
    let arguments: Vec<_> = (1..=parameters.len()).map(|number| format_ident!("argument_{number}")).collect();
    let caribou = caribou(options.caribou.as_ref());
    let regions = regions(options);
    let spec = spec(deployed, options);
    let path = format!("::{name} (");
    let held = signature.held().map_or_else(
        || quote_spanned!(output.span()=> __caribou::Success<#output>),
        ToTokens::to_token_stream,
    );
    let failure = signature.failure().map_or_else(
        || quote_spanned!(output.span()=> __caribou::Failed<#output>),
        ToTokens::to_token_stream,
    );
    let future = quote_spanned!(name.span()=> #name(#(#arguments),*));
    let call = quote_spanned!(held.span()=> __caribou::call::<#held, _>(#future));
    quote! {
        #marker

        #(#conditions)*
        #allowed
        const _: () = {
            use #caribou::__private as __caribou;

            #[automatically_derived]
            impl __caribou::Function for #name {
                const NAME: &'static str = #deployed;
                #regions
                const SOURCE: &'static str = ::core::concat!(
                    ::core::module_path!(), #path, ::core::file!(), ":", ::core::line!(), ")"
                );
                type Input = (#(#types,)*);
                type Output = #held;
                type Failure = #failure;

                fn spec() -> __caribou::FunctionSpec {
                    #spec
                }

                fn take(
                    #values: &__caribou::Values,
                ) -> ::core::result::Result<Self::Input, __caribou::ValueError> {
                    ::core::result::Result::Ok((#(#taken,)*))
                }

                fn call(
                    _: __caribou::Context,
                    (#(#arguments,)*): Self::Input,
                ) -> impl ::core::future::Future<
                    Output = ::core::result::Result<Self::Output, __caribou::Error>,
                > + ::core::marker::Send {
                    #call
                }
            }
        };
    }
}

/// The marker of a function that cannot be deployed, and an implementation that keeps whoever calls the function from
/// being told of the same mistake: its types hold the mistake itself.
pub(crate) fn placeholder(signature: &Signature, options: &Options, errors: &mut Errors) -> TokenStream {
    let Signature { name, conditions, .. } = signature;
    let marker = marker(signature);
    let caribou = caribou(options.caribou.as_ref());
    let Some(mistake) = errors.take_first() else { return marker };
    quote! {
        #marker

        #(#conditions)*
        const _: () = {
            use #caribou::__private as __caribou;

            impl __caribou::Function for #name {
                const NAME: &'static str = "";
                type Input = [(); #mistake];
                type Output = Self::Input;
                type Failure = __caribou::Error;

                fn spec() -> __caribou::FunctionSpec {
                    ::core::unreachable!()
                }

                fn take(
                    _: &__caribou::Values,
                ) -> ::core::result::Result<Self::Input, __caribou::ValueError> {
                    ::core::unreachable!()
                }

                async fn call(
                    _: __caribou::Context,
                    _: Self::Input,
                ) -> ::core::result::Result<Self::Output, __caribou::Error> {
                    ::core::unreachable!()
                }
            }
        };
    }
}

/// The region rules, for checks at compile time.
fn regions(options: &Options) -> TokenStream {
    let mut constants = TokenStream::new();
    for (constant, codes) in [("ALLOW", &options.allow), ("DENY", &options.deny)] {
        if !codes.is_empty() {
            let constant = format_ident!("{constant}");
            constants.extend(quote!(const #constant: &'static [&'static str] = &[#(#codes),*];));
        }
    }
    constants
}

fn spec(deployed: &str, options: &Options) -> TokenStream {
    let Options { memory, timeout, ephemeral_storage, retries, .. } = options;
    let numbers = [
        ("memory_mb", memory),
        ("timeout_s", timeout),
        ("ephemeral_storage_mb", ephemeral_storage),
        ("retries", retries),
    ];
    let mut fields = Vec::new();
    for (field, number) in numbers {
        if let Some(number) = number.map(Literal::u32_unsuffixed) {
            let field = format_ident!("{field}");
            fields.push(quote!(#field: #number));
        }
    }
    match options.architecture {
        Some(Architecture::Arm64) => fields.push(quote!(architecture: __caribou::Architecture::Arm64)),
        Some(Architecture::X86_64) => fields.push(quote!(architecture: __caribou::Architecture::X86_64)),
        None => {}
    }
    for (field, codes, list) in [("allow", &options.allow, "ALLOW"), ("deny", &options.deny, "DENY")] {
        if !codes.is_empty() {
            let (field, list) = (format_ident!("{field}"), format_ident!("{list}"));
            fields.push(quote!(#field: __caribou::regions(Self::#list)));
        }
    }
    if options.idempotent {
        fields.push(quote!(idempotent: true));
    }
    if !options.environment.is_empty() {
        let variables = options.environment.iter().map(|(name, value)| quote!((#name, #value)));
        fields.push(quote!(environment: __caribou::environment(&[#(#variables),*])));
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
