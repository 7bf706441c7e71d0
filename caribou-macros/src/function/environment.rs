//! The environment variables of a function.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Token};

use crate::errors::Errors;
use crate::settings;

/// What AWS Lambda allows for names and values together, in bytes.
const LAMBDA_LIMIT: usize = 4096;
/// What of it is left for Caribou's own variables.
const OWN: usize = 512;

/// `LOG = "info"`
struct Variable {
    name: LitStr,
    value: LitStr,
}

impl Variable {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = if input.peek(LitStr) {
            input.parse()?
        } else if input.peek(Ident::peek_any) {
            let name = input.call(Ident::parse_any)?;
            LitStr::new(&name.unraw().to_string(), name.span())
        } else {
            return Err(input.error("expected the name of a variable, as in `LOG = \"info\"`"));
        };
        let value = || -> syn::Result<LitStr> {
            input.parse::<Token![=]>()?;
            input.parse()
        };
        let value = value().map_err(|error| {
            let name = name.value();
            syn::Error::new(error.span(), format!("a variable takes a text, as in `{name} = \"..\"`"))
        })?;
        Ok(Self { name, value })
    }
}

/// Reads `LOG = "info", "MODEL" = "small"`; reports every mistake.
pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut size = 0;
    for Variable { name: written, value } in settings::list(tokens, Variable::parse, errors) {
        let (name, text) = (written.value(), value.value());
        let fitted = size <= LAMBDA_LIMIT - OWN;
        size += name.len() + text.len();
        if let Some(mistake) = mistake(&name) {
            errors.at(written, mistake);
        } else if variables.iter().any(|(other, _)| *other == name) {
            errors.at(written, format!("the variable `{name}` stands twice; keep one of them"));
        } else if text.contains('\0') {
            errors.at(value, "a variable cannot hold a zero byte");
        } else if fitted && size > LAMBDA_LIMIT - OWN {
            errors.at(
                value,
                "these variables need more than 3.5 KB: Lambda allows 4 KB, and Caribou needs the rest; put what is \
                 large into a file that the function reads",
            );
        } else {
            variables.push((name, text));
        }
    }
    variables
}

/// What is wrong with a name.
fn mistake(name: &str) -> Option<String> {
    if name == "_HANDLER" || name.starts_with("AWS_") || name.starts_with("LAMBDA_") {
        return Some(format!("`{name}` is reserved: Lambda sets it itself; choose another name"));
    }
    if name.starts_with("CARIBOU_") {
        return Some(format!("`{name}` is reserved: Caribou sets it itself; choose another name"));
    }
    let sound = name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (!sound).then(|| {
        format!(
            "`{name}` is no name of a variable on Lambda: two or more letters, digits or `_`, a letter first"
        )
    })
}
