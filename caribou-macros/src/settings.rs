//! The options between the parentheses of an attribute.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, Lit, Token};

use crate::errors::Errors;

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
    Group(Vec<Setting>),
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            SettingValue::Value(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let group;
            syn::parenthesized!(group in input);
            SettingValue::Group(
                Punctuated::<Self, Token![,]>::parse_terminated(&group)?.into_iter().collect(),
            )
        } else {
            SettingValue::Flag
        };
        Ok(Self { name, value })
    }
}

/// Parses options, and reports those that are unknown or stand twice. `of` says whose they are.
pub(crate) fn parse(tokens: TokenStream, of: &str, supported: &[&str], errors: &mut Errors) -> Vec<Setting> {
    match Punctuated::<Setting, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(settings) => check(settings.into_iter().collect(), of, supported, errors),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    }
}

/// Keeps the options that are known and stand once.
pub(crate) fn check(
    settings: Vec<Setting>,
    of: &str,
    supported: &[&str],
    errors: &mut Errors,
) -> Vec<Setting> {
    let mut kept: Vec<Setting> = Vec::new();
    for setting in settings {
        if !supported.iter().any(|name| setting.name == name) {
            let names = supported.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let name = &setting.name;
            errors.at(name, format!("{of} has no option `{name}`; the supported options are: {names}"));
        } else if kept.iter().any(|other| other.name == setting.name) {
            errors.at(&setting.name, format!("the option `{}` stands twice; keep one of them", setting.name));
        } else {
            kept.push(setting);
        }
    }
    kept
}

impl Setting {
    /// The value as a literal.
    fn literal(&self) -> Option<&Lit> {
        match &self.value {
            SettingValue::Value(Expr::Lit(ExprLit { lit, .. })) => Some(lit),
            _ => None,
        }
    }

    /// The option's tokens after its name, or the name if there are none: where to point at.
    fn culprit(&self) -> TokenStream {
        match &self.value {
            SettingValue::Value(value) => value.to_token_stream(),
            _ => self.name.to_token_stream(),
        }
    }

    /// The value as text; reports what else it is.
    pub(crate) fn text(&self, example: &str, errors: &mut Errors) -> Option<syn::LitStr> {
        if let Some(Lit::Str(text)) = self.literal() {
            return Some(text.clone());
        }
        let name = &self.name;
        errors.at(self.culprit(), format!("`{name}` takes a text, as in `{name} = \"{example}\"`"));
        None
    }

    /// The value as a whole number within a range; reports what else it is.
    pub(crate) fn number(
        &self,
        range: std::ops::RangeInclusive<u32>,
        unit: &str,
        errors: &mut Errors,
    ) -> Option<u32> {
        let number = match self.literal() {
            Some(Lit::Int(number)) => number.base10_parse().ok(),
            _ => None,
        };
        let found = number.filter(|number| range.contains(number));
        if found.is_none() {
            let (name, low, high) = (&self.name, range.start(), range.end());
            errors.at(self.culprit(), format!("`{name}` takes a whole number from {low} to {high}{unit}"));
        }
        found
    }

    /// The option as a flag; reports a value.
    pub(crate) fn flag(&self, errors: &mut Errors) -> bool {
        if !matches!(self.value, SettingValue::Flag) {
            errors.at(self.culprit(), format!("`{}` is a flag: it takes no value", self.name));
        }
        true
    }

    /// The option's own options; reports anything else.
    pub(crate) fn group(self, example: &str, errors: &mut Errors) -> Vec<Self> {
        if let SettingValue::Group(settings) = self.value {
            return settings;
        }
        let name = &self.name;
        errors.at(name, format!("`{name}` takes options of its own, as in `{name}({example})`"));
        Vec::new()
    }

    /// The value as a list of texts; reports anything else.
    pub(crate) fn texts(&self, example: &str, errors: &mut Errors) -> Vec<syn::LitStr> {
        let SettingValue::Value(Expr::Array(list)) = &self.value else {
            let name = &self.name;
            errors.at(self.culprit(), format!("`{name}` takes a list, as in `{name} = [\"{example}\"]`"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for element in &list.elems {
            match element {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => texts.push(text.clone()),
                other => errors.at(other, format!("expected a text, as in `\"{example}\"`")),
            }
        }
        texts
    }
}
