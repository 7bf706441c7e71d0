//! The arguments of the standard library's macros, which are code like any other.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Macro, Pat, Token};

/// Macros of the standard library that take their arguments by reference.
const BORROWING: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "unimplemented",
    "unreachable",
    "write",
    "writeln",
];

/// The arguments of a macro whose meaning is known.
pub(crate) enum Arguments {
    /// `a, b, c`
    List(Vec<Expr>),
    /// `value; count`
    Repeat(Box<Expr>, Box<Expr>),
    /// `value, pattern if guard`
    Matches(Box<Expr>, Box<Pat>, Option<Box<Expr>>),
}

/// The last word of a macro's path.
pub(crate) fn name(call: &Macro) -> String {
    call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// Looks at the values among the arguments of a macro of the standard library; tells whether it is one.
pub(crate) fn read(call: &Macro, see: impl FnMut(&mut Expr)) -> bool {
    let found = Arguments::of(call);
    let known = found.is_some();
    if let Some(mut arguments) = found {
        arguments.values_mut().into_iter().for_each(see);
    }
    known
}

/// Rewrites the values among the arguments of a macro of the standard library; tells whether it is one.
pub(crate) fn rewrite(call: &mut Macro, change: impl FnMut(&mut Expr)) -> bool {
    let found = Arguments::of(call);
    let known = found.is_some();
    if let Some(mut arguments) = found {
        arguments.values_mut().into_iter().for_each(change);
        call.tokens = arguments.to_tokens();
    }
    known
}

/// The position of the format string among the arguments.
pub(crate) fn format_position(call: &Macro) -> Option<usize> {
    match name(call).as_str() {
        "format" | "format_args" | "print" | "println" | "eprint" | "eprintln" | "panic" | "todo"
        | "unimplemented" | "unreachable" => Some(0),
        "write" | "writeln" | "assert" | "debug_assert" => Some(1),
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" => Some(2),
        _ => None,
    }
}

/// How many of the arguments are evaluated whatever happens.
pub(crate) fn eager(call: &Macro) -> usize {
    match name(call).as_str() {
        "debug_assert" | "debug_assert_eq" | "debug_assert_ne" => 0,
        "assert" | "matches" => 1,
        "assert_eq" | "assert_ne" => 2,
        _ => usize::MAX,
    }
}

/// Whether a macro takes its arguments by reference.
pub(crate) fn borrows(call: &Macro) -> bool {
    BORROWING.contains(&name(call).as_str())
}

impl Arguments {
    /// The arguments of a macro of the standard library; nothing for any other.
    pub(crate) fn of(call: &Macro) -> Option<Self> {
        let name = name(call);
        let tokens = call.tokens.clone();
        match name.as_str() {
            "matches" => {
                let Matches(value, pattern, guard) = Matches::parse.parse2(tokens).ok()?;
                Some(Self::Matches(Box::new(value), Box::new(pattern), guard.map(Box::new)))
            }
            "vec" | "dbg" => {
                if let Ok(Repeat(value, count)) = Repeat::parse.parse2(tokens.clone()) {
                    return Some(Self::Repeat(Box::new(value), Box::new(count)));
                }
                list(tokens)
            }
            _ if BORROWING.contains(&name.as_str()) => list(tokens),
            _ => None,
        }
    }

    /// The values among them, first evaluated first.
    pub(crate) fn values_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::List(list) => list
                .iter_mut()
                .map(|argument| match argument {
                    // `format!("{x}", x = y)`
                    Expr::Assign(assign) => &mut *assign.right,
                    other => other,
                })
                .collect(),
            Self::Repeat(value, count) => vec![value, count],
            Self::Matches(value, ..) => vec![value],
        }
    }

    /// The names that arguments have in `format!("{x}", x = y)`.
    pub(crate) fn names(&self) -> Vec<String> {
        let Self::List(list) = self else { return Vec::new() };
        let named = list.iter().filter_map(|argument| match argument {
            Expr::Assign(assign) => match &*assign.left {
                Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
                _ => None,
            },
            _ => None,
        });
        named.collect()
    }

    /// As tokens.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        match self {
            Self::List(list) => quote!(#(#list),*),
            Self::Repeat(value, count) => quote!(#value; #count),
            Self::Matches(value, pattern, None) => quote!(#value, #pattern),
            Self::Matches(value, pattern, Some(guard)) => quote!(#value, #pattern if #guard),
        }
    }
}

fn list(tokens: TokenStream) -> Option<Arguments> {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens).ok()?;
    Some(Arguments::List(list.into_iter().collect()))
}

struct Matches(Expr, Pat, Option<Expr>);

impl Parse for Matches {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let expr = input.parse()?;
        input.parse::<Token![,]>()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let guard = if input.parse::<Option<Token![if]>>()?.is_some() { Some(input.parse()?) } else { None };
        input.parse::<Option<Token![,]>>()?;
        Ok(Self(expr, pattern, guard))
    }
}

struct Repeat(Expr, Expr);

impl Parse for Repeat {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let value = input.parse()?;
        input.parse::<Token![;]>()?;
        Ok(Self(value, input.parse()?))
    }
}
