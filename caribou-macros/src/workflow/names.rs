//! The names of a body's variables: each variable has one of its own, and each name stands for what the author wrote.

use std::collections::{HashMap, HashSet};

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};

/// Names that are taken, and what the author called those that are not the author's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<String>,
    originals: HashMap<String, String>,
}

impl Names {
    /// Takes every identifier among some tokens.
    pub(crate) fn take_all(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => drop(self.taken.insert(ident.to_string())),
                TokenTree::Group(group) => self.take_all(group.stream()),
                _ => {}
            }
        }
    }

    /// The names that are taken.
    pub(crate) fn into_taken(self) -> HashSet<String> {
        self.taken
    }

    /// A name that nothing else has.
    pub(crate) fn fresh(&mut self, base: &str) -> String {
        let mut name = base.to_owned();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        name
    }

    /// The same as an identifier that no author's code can mean.
    pub(crate) fn fresh_ident(&mut self, base: &str) -> Ident {
        Ident::new(&self.fresh(base), Span::mixed_site())
    }

    /// A further name for what the author called `original`.
    pub(crate) fn another(&mut self, original: &str) -> String {
        // never the bare word: behind `r#` it may be a keyword
        let base = original.trim_start_matches("r#");
        let mut number = 2;
        while !self.taken.insert(format!("{base}_{number}")) {
            number += 1;
        }
        let name = format!("{base}_{number}");
        self.originals.insert(name.clone(), original.to_owned());
        name
    }

    /// What the author called it.
    pub(crate) fn original<'n>(&'n self, name: &'n str) -> &'n str {
        self.originals.get(name).map_or(name, String::as_str)
    }

    /// Tokens as the author wrote them.
    pub(crate) fn restored(&self, tokens: TokenStream) -> TokenStream {
        if self.originals.is_empty() {
            return tokens;
        }
        let restore = |token| match token {
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                match self.originals.get(&name) {
                    Some(original) => {
                        syn::parse_str::<Ident>(original).map_or(TokenTree::Ident(ident), TokenTree::Ident)
                    }
                    None => TokenTree::Ident(ident),
                }
            }
            TokenTree::Group(group) => {
                TokenTree::Group(Group::new(group.delimiter(), self.restored(group.stream())))
            }
            other => other,
        };
        tokens.into_iter().map(restore).collect()
    }
}
