//! `#[caribou::function]`.

mod expand;
mod options;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::errors::Errors;
use crate::signature::Signature;

use options::Options;
pub(crate) use options::name;

/// Expands the attribute. The author's function is kept whatever is wrong.
pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        let error = syn::Error::new_spanned(item, "`#[caribou::function]` stands on an `async fn`")
            .to_compile_error();
        return quote!(#item #error);
    };
    let mut errors = Errors::default();
    let signature = Signature::read(&function, "function", &mut errors);
    let sound = errors.is_empty();
    let options = Options::parse(options, &mut errors);
    let method = function.sig.receiver().is_some();
    let expansion = match (sound, method) {
        (true, _) => expand::implementation(&signature, &options),
        (false, false) => expand::marker(&signature),
        (false, true) => TokenStream::new(),
    };
    let errors = errors.to_tokens();
    quote! {
        #[allow(clippy::unused_async)]
        #function
        #expansion
        #errors
    }
}

#[cfg(test)]
mod tests;
