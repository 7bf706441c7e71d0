//! The mistakes found so far.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Collects mistakes, so that all of them are reported together.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// Notes a mistake and where it is.
    pub(crate) fn at(&mut self, culprit: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(culprit, message));
    }

    /// Notes a mistake that the parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// Whether all is well.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The mistakes as `compile_error!` calls.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }

    /// Takes out the first mistake, as an expression: of a type that has it in it, the compiler asks nothing more.
    pub(crate) fn take_first(&mut self) -> Option<TokenStream> {
        (!self.0.is_empty()).then(|| self.0.remove(0).to_compile_error())
    }

    /// The mistakes as text, for tests.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}
