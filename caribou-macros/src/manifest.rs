//! What of `caribou.toml` can be checked when a workflow is compiled: its home region.

use std::path::PathBuf;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::errors::Errors;
use crate::region;

/// The part of a manifest that says where functions may run.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Manifest {
    /// The code of the home region, if the manifest names one.
    home: Option<String>,
    /// The functions that the manifest keeps from it, by name.
    closed_to: Vec<String>,
}

/// Something that is wrong with a manifest.
struct Mistake {
    /// Where, in bytes from the beginning.
    at: usize,
    message: String,
}

/// Allowed and denied regions, each a code or [`ANY`].
#[derive(Default)]
struct Rules {
    allow: Vec<String>,
    deny: Vec<String>,
    pin: Option<String>,
}

/// All regions of the provider.
const ANY: &str = "*";

impl Rules {
    fn permit(&self, region: &str) -> bool {
        let contains = |list: &[String]| list.iter().any(|code| code == region || code == ANY);
        (self.allow.is_empty() || contains(&self.allow))
            && !contains(&self.deny)
            && self.pin.as_ref().is_none_or(|pin| pin == region)
    }
}

impl Manifest {
    /// The manifest beside the `Cargo.toml` of the package that is compiled, if there is one. Reports at `culprit` what
    /// is wrong with it.
    pub(crate) fn of_package(culprit: impl ToTokens, errors: &mut Errors) -> Option<Self> {
        // not part of what is tracked: the expansion makes cargo watch the file
        let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
        let text = std::fs::read_to_string(package.join("caribou.toml")).ok()?;
        match Self::parse(&text) {
            Ok(manifest) => Some(manifest),
            Err(mistakes) => {
                for mistake in mistakes {
                    errors.at(&culprit, mistake);
                }
                None
            }
        }
    }

    /// Reads what is needed of a manifest; `caribou check` reads all of it.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let manifest = Self::read(text, &mut mistakes);
        if mistakes.is_empty() {
            return Ok(manifest);
        }
        let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let told = |mistake: Mistake| format!("caribou.toml, line {}: {}", line(mistake.at), mistake.message);
        Err(mistakes.into_iter().map(told).collect())
    }

    fn read(text: &str, mistakes: &mut Vec<Mistake>) -> Self {
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                mistakes.push(Mistake { at, message: error.message().to_owned() });
                return Self::default();
            }
        };
        let Some(written) = table.get("home") else { return Self::default() };
        let Some(home) = code(written, mistakes) else { return Self::default() };
        let rules = table.get("regions").map(|rules| rules_of(rules, mistakes)).unwrap_or_default();
        if !rules.permit(&home) {
            let message = format!(
                "the home region aws:{home} is not permitted by [regions]; permit it, or choose another home"
            );
            mistakes.push(Mistake { at: written.span().start, message });
        }
        let mut closed_to = Vec::new();
        if let Some(DeValue::Table(functions)) = table.get("functions").map(Spanned::get_ref) {
            for (name, rules) in functions {
                if !rules_of(rules, mistakes).permit(&home) {
                    closed_to.push(name.get_ref().to_string());
                }
            }
        }
        Self { home: Some(home), closed_to }
    }

    /// The home region as a constant expression.
    pub(crate) fn home(&self) -> TokenStream {
        let Self { home: Some(region), closed_to } = self else {
            return quote!(::core::option::Option::None);
        };
        quote!(::core::option::Option::Some(__caribou::Home { region: #region, closed_to: &[#(#closed_to),*] }))
    }

    /// An item that makes cargo compile the crate again when the file has changed.
    pub(crate) fn rebuild_when_changed() -> TokenStream {
        quote! {
            const _: &[u8] =
                ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/caribou.toml"));
        }
    }
}

/// The rules of a table with `allow`, `deny` and `pin`; what has another form is left to `caribou check`.
fn rules_of(table: &Spanned<DeValue<'_>>, mistakes: &mut Vec<Mistake>) -> Rules {
    let mut codes = |list: &str| -> Vec<String> {
        let list = table.get_ref().get(list).and_then(|list| list.get_ref().as_array());
        list.into_iter().flatten().filter_map(|region| code_or_any(region, mistakes)).collect()
    };
    let [allow, deny] = ["allow", "deny"].map(&mut codes);
    Rules { allow, deny, pin: table.get_ref().get("pin").and_then(|pin| code(pin, mistakes)) }
}

fn code_or_any(value: &Spanned<DeValue<'_>>, mistakes: &mut Vec<Mistake>) -> Option<String> {
    if value.get_ref().as_str() == Some("aws:*") { Some(ANY.to_owned()) } else { code(value, mistakes) }
}

/// The code of a region; reports what is none.
fn code(value: &Spanned<DeValue<'_>>, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let found = match value.get_ref().as_str() {
        Some(text) => region::code(text),
        None => Err("a region is a text, as in \"aws:us-east-1\"".to_owned()),
    };
    match found {
        Ok(code) => Some(code.to_owned()),
        Err(message) => {
            mistakes.push(Mistake { at: value.span().start, message });
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        Manifest::parse(text).unwrap_err().join("\n")
    }

    #[test]
    fn home_is_read_from_the_examples_manifest() {
        let text = include_str!("../../examples/image-press/caribou.toml");
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest, Manifest { home: Some("us-east-1".into()), closed_to: Vec::new() });
    }

    #[test]
    fn functions_that_the_manifest_keeps_from_home_are_known() {
        let text = "home = 'us-east-1'\n[functions.resize]\nallow = ['us-west-2']\n[functions.\"take-order\"]\n\
                    deny = ['aws:us-east-1']\n[functions.publish]\ndeny = ['us-west-2']";
        assert_eq!(Manifest::parse(text).unwrap().closed_to, ["resize", "take-order"]);
    }

    #[test]
    fn a_provider_and_a_pin_decide_as_regions_do() {
        let closed_to = |rules: &str| {
            let text = format!("home = 'us-east-1'\n[functions.press]\n{rules}");
            Manifest::parse(&text).unwrap().closed_to
        };
        for rules in ["allow = ['aws:*']", "pin = 'aws:us-east-1'"] {
            assert!(closed_to(rules).is_empty(), "{rules}");
        }
        for rules in ["deny = ['aws:*']", "pin = 'us-west-1'"] {
            assert_eq!(closed_to(rules), ["press"], "{rules}");
        }
    }

    #[test]
    fn a_home_that_is_denied_is_told_with_its_line() {
        let text = mistake("# ours\nhome = 'us-east-1'\nregions = { deny = ['us-east-1'] }");
        assert!(
            text.starts_with("caribou.toml, line 2: the home region aws:us-east-1 is not permitted"),
            "{text}"
        );
    }

    #[test]
    fn a_region_that_is_none_is_told_with_its_line() {
        let text = mistake("home = 'us-east-1'\n\n[regions]\nallow = [\n  'us-east-1',\n  'us-esat-2',\n]");
        assert_eq!(text, "caribou.toml, line 6: `us-esat-2` is no region of AWS; did you mean `us-east-2`?");
        assert!(mistake("home = 7").contains("a region is a text"));
    }

    #[test]
    fn a_file_that_is_no_toml_is_told_with_its_line() {
        let text = mistake("home = 'us-east-1'\n[regions\n");
        assert!(text.starts_with("caribou.toml, line 2: "), "{text}");
    }

    #[test]
    fn a_manifest_without_a_home_is_left_to_the_command() {
        assert_eq!(Manifest::parse("[runs]\nprobe_share = 0.5").unwrap(), Manifest::default());
    }
}
