//! The options between the parentheses of an attribute.

use std::ops::RangeInclusive;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path, Token};

use crate::errors::Errors;
use crate::{typo, unit};

/// One option.
pub(crate) struct Setting {
    pub(crate) name: Ident,
    pub(crate) value: SettingValue,
}

/// What an option says.
pub(crate) enum SettingValue {
    /// `idempotent`
    Flag,
    /// `memory = 1024`
    Value(Expr),
    /// `regions(deny = [..])`
    Group(TokenStream),
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error("expected the name of an option"));
        }
        // `crate` is a keyword
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            if input.is_empty() || input.peek(Token![,]) {
                return Err(syn::Error::new(name.span(), format!("`{name}` has no value after its `=`")));
            }
            SettingValue::Value(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let group;
            syn::parenthesized!(group in input);
            SettingValue::Group(group.parse()?)
        } else if input.is_empty() || input.peek(Token![,]) {
            SettingValue::Flag
        } else {
            return Err(input.error(format!("a value stands behind an `=`, as in `{name} = ..`")));
        };
        Ok(Self { name, value })
    }
}

/// Parses what stands between commas up to the first mistake, and reports that.
pub(crate) fn list<T>(
    tokens: TokenStream,
    item: fn(ParseStream<'_>) -> syn::Result<T>,
    errors: &mut Errors,
) -> Vec<T> {
    let mut items = Vec::new();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            items.push(item(input)?);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        errors.push(error);
    }
    items
}

/// Parses options, and keeps those that are known and stand once. `of` says whose they are.
pub(crate) fn parse(tokens: TokenStream, of: &str, supported: &[&str], errors: &mut Errors) -> Vec<Setting> {
    let mut kept: Vec<Setting> = Vec::new();
    for setting in list(tokens, Setting::parse, errors) {
        let name = &setting.name;
        if !supported.iter().any(|supported| name == supported) {
            errors.at(name, unknown(name, of, supported));
        } else if kept.iter().any(|other| other.name == *name) {
            errors.at(name, format!("the option `{name}` stands twice; keep one of them"));
        } else {
            kept.push(setting);
        }
    }
    kept
}

fn unknown(name: &Ident, of: &str, supported: &[&str]) -> String {
    if let Some(meant) = typo::nearest(&name.to_string(), supported) {
        return format!("{of} has no option `{name}`; did you mean `{meant}`?");
    }
    let names: Vec<_> = supported.iter().map(|name| format!("`{name}`")).collect();
    format!("{of} has no option `{name}`; the supported options are: {}", names.join(", "))
}

/// An expression without the invisible brackets that a macro puts around what was passed to it.
fn bare(mut expression: &Expr) -> &Expr {
    while let Expr::Group(group) = expression {
        expression = &group.expr;
    }
    expression
}

impl Setting {
    /// The value as a literal.
    fn literal(&self) -> Option<&Lit> {
        match &self.value {
            SettingValue::Value(value) => match bare(value) {
                Expr::Lit(ExprLit { lit, .. }) => Some(lit),
                _ => None,
            },
            _ => None,
        }
    }

    /// Where to point at: the value, or the name if there is none.
    pub(crate) fn culprit(&self) -> TokenStream {
        match &self.value {
            SettingValue::Value(value) => value.to_token_stream(),
            _ => self.name.to_token_stream(),
        }
    }

    /// The value as text; reports what else it is.
    pub(crate) fn text(&self, example: &str, errors: &mut Errors) -> Option<LitStr> {
        if let Some(Lit::Str(text)) = self.literal() {
            return Some(text.clone());
        }
        let name = &self.name;
        errors.at(self.culprit(), format!("`{name}` takes a text, as in `{name} = \"{example}\"`"));
        None
    }

    /// The value as a whole number, if it is one.
    fn integer(&self) -> Option<u32> {
        match self.literal() {
            Some(Lit::Int(number)) => number.base10_parse().ok(),
            _ => None,
        }
    }

    /// The value as a whole number within a range; reports what else it is.
    pub(crate) fn number(&self, range: RangeInclusive<u32>, errors: &mut Errors) -> Option<u32> {
        let found = self.integer().filter(|number| range.contains(number));
        if found.is_none() {
            let (name, low, high) = (&self.name, range.start(), range.end());
            errors.at(self.culprit(), format!("`{name}` takes a whole number from {low} to {high}"));
        }
        found
    }

    /// The value as a number of MB, plain or as a text with its unit; reports what else it is.
    pub(crate) fn megabytes(&self, range: RangeInclusive<u32>, errors: &mut Errors) -> Option<u32> {
        let name = &self.name;
        let found = match self.literal() {
            Some(Lit::Str(text)) => unit::megabytes(&text.value()),
            _ => self.integer(),
        };
        match found {
            None => errors.at(
                self.culprit(),
                format!("`{name}` takes a whole number of MB, or a text with a unit, as in `{name} = 1024` or `{name} = \"1 GB\"`"),
            ),
            Some(found) if !range.contains(&found) => {
                let [found, low, high] = [found, *range.start(), *range.end()].map(unit::grouped);
                errors.at(self.culprit(), format!("`{name}` is {low} to {high} MB on Lambda, not {found} MB"));
            }
            found => return found,
        }
        None
    }

    /// The value as a duration with its unit, in seconds; reports what else it is.
    pub(crate) fn seconds(&self, range: RangeInclusive<u32>, errors: &mut Errors) -> Option<u32> {
        let name = &self.name;
        if let Some(number) = self.integer() {
            errors.at(self.culprit(), format!("`{name}` needs a unit: write `{name} = \"{number}s\"`"));
            return None;
        }
        let text = self.text("30s", errors)?;
        match unit::seconds(&text.value()) {
            Some(seconds) if range.contains(&seconds) => Some(seconds),
            Some(_) => {
                let (low, high) = (range.start(), range.end() / 60);
                errors.at(
                    text,
                    format!("`{name}` is {low} s to {high} min on Lambda, which ends what takes longer"),
                );
                None
            }
            None => {
                errors
                    .at(text, format!("`{name}` takes a whole number and a unit, as in \"30s\" or \"5min\""));
                None
            }
        }
    }

    /// The value as a path; reports what else it is.
    pub(crate) fn path(&self, example: &str, errors: &mut Errors) -> Option<Path> {
        if let SettingValue::Value(value) = &self.value
            && let Expr::Path(path) = bare(value)
            && path.qself.is_none()
        {
            return Some(path.path.clone());
        }
        let name = &self.name;
        errors.at(self.culprit(), format!("`{name}` takes a path, as in `{name} = {example}`"));
        None
    }

    /// The option as a flag; reports a value.
    pub(crate) fn flag(&self, errors: &mut Errors) -> bool {
        if !matches!(self.value, SettingValue::Flag) {
            let name = &self.name;
            errors
                .at(self.culprit(), format!("`{name}` is a flag: write it without a value, or leave it out"));
        }
        true
    }

    /// What stands in the option's own parentheses; reports anything else.
    pub(crate) fn group(self, example: &str, errors: &mut Errors) -> TokenStream {
        let culprit = self.culprit();
        if let SettingValue::Group(tokens) = self.value {
            return tokens;
        }
        let name = &self.name;
        errors.at(culprit, format!("`{name}` takes its values in parentheses, as in `{name}({example})`"));
        TokenStream::new()
    }

    /// The value as a list of texts; reports anything else.
    pub(crate) fn texts(&self, example: &str, errors: &mut Errors) -> Option<Vec<LitStr>> {
        let list = match &self.value {
            SettingValue::Value(value) => match bare(value) {
                Expr::Array(list) => Some(list),
                _ => None,
            },
            _ => None,
        };
        let Some(list) = list else {
            let name = &self.name;
            errors.at(self.culprit(), format!("`{name}` takes a list, as in `{name} = [\"{example}\"]`"));
            return None;
        };
        let mut texts = Vec::new();
        for element in &list.elems {
            match bare(element) {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => texts.push(text.clone()),
                other => errors.at(other, format!("expected a text, as in `\"{example}\"`")),
            }
        }
        Some(texts)
    }
}
