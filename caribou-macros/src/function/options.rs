//! The options of `#[caribou::function]`.

use proc_macro2::TokenStream;
use syn::LitStr;

use crate::errors::Errors;
use crate::settings::{self, Setting, SettingValue};
use crate::unit;

/// What the attribute says of the function; `None` and empty mean the default.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    /// In MB, 128 to 10,240.
    pub(crate) memory: Option<u32>,
    /// In seconds, 1 to 900.
    pub(crate) timeout: Option<u32>,
    /// 0 to 10.
    pub(crate) retries: Option<u32>,
    /// Codes of AWS regions.
    pub(crate) allow: Vec<String>,
    /// Codes of AWS regions.
    pub(crate) deny: Vec<String>,
    pub(crate) idempotent: bool,
}

const SUPPORTED: &[&str] = &["memory", "timeout", "retries", "regions", "name", "idempotent"];

impl Options {
    /// Parses and checks the options; reports every mistake.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for setting in settings::parse(tokens, "a caribou function", SUPPORTED, errors) {
            match setting.name.to_string().as_str() {
                "memory" => options.memory = setting.number(128..=10_240, " MB", errors),
                "retries" => options.retries = setting.number(0..=10, "", errors),
                "timeout" => options.timeout = timeout(&setting, errors),
                "name" => options.name = name(&setting, "press", errors),
                "idempotent" => options.idempotent = setting.flag(errors),
                _ => options.regions(setting, errors),
            }
        }
        options
    }

    fn regions(&mut self, setting: Setting, errors: &mut Errors) {
        let group = setting.group("deny = [\"us-west-1\"]", errors);
        for list in settings::check(group, "`regions`", &["allow", "deny"], errors) {
            let codes = regions(&list.texts("us-east-1", errors), errors);
            if list.name == "allow" {
                if codes.is_empty() && matches!(list.value, SettingValue::Value(syn::Expr::Array(_))) {
                    errors.at(&list.name, "`allow` names at least one region; leave it out to allow all");
                }
                self.allow = codes;
            } else {
                self.deny = codes;
            }
            for code in self.allow.iter().filter(|code| self.deny.contains(code)) {
                errors.at(&list.name, format!("`{code}` is both allowed and denied"));
            }
        }
    }
}

fn timeout(setting: &Setting, errors: &mut Errors) -> Option<u32> {
    let text = setting.text("30s", errors)?;
    match unit::seconds(&text.value()) {
        Some(seconds @ 1..=900) => Some(seconds),
        Some(_) => {
            errors.at(text, "a timeout is 1 s to 15 min: Lambda ends what takes longer");
            None
        }
        None => {
            errors.at(text, "a timeout has a number and a unit, as in \"30s\" or \"5min\"");
            None
        }
    }
}

/// A name that can be part of a Lambda function's name.
pub(crate) fn name(setting: &Setting, example: &str, errors: &mut Errors) -> Option<String> {
    let text = setting.text(example, errors)?;
    if unit::is_name(&text.value()) {
        Some(text.value())
    } else {
        errors.at(text, "a name has 1 to 64 letters, digits, `-` or `_`");
        None
    }
}

fn regions(texts: &[LitStr], errors: &mut Errors) -> Vec<String> {
    let mut codes = Vec::new();
    for text in texts {
        match unit::region_code(&text.value()) {
            Some(code) => codes.push(code.to_owned()),
            None => errors.at(text, format!("`{}` is no region; one looks like `us-east-1`", text.value())),
        }
    }
    codes
}
