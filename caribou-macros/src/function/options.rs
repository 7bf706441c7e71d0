//! The options of `#[caribou::function]`.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use super::environment;
use crate::errors::Errors;
use crate::settings::{self, Setting};
use crate::{region, typo, unit};

/// What the attribute says of the function; `None` and empty mean the default.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    /// In MB, 128 to 10,240.
    pub(crate) memory: Option<u32>,
    /// In seconds, 1 to 900.
    pub(crate) timeout: Option<u32>,
    /// In MB, 512 to 10,240.
    pub(crate) ephemeral_storage: Option<u32>,
    pub(crate) architecture: Option<Architecture>,
    /// Codes of AWS regions.
    pub(crate) allow: Vec<String>,
    /// Codes of AWS regions.
    pub(crate) deny: Vec<String>,
    /// Names and values.
    pub(crate) environment: Vec<(String, String)>,
    /// 0 to 10.
    pub(crate) retries: Option<u32>,
    pub(crate) idempotent: bool,
    /// Where Caribou is found; `::caribou` if `None`.
    pub(crate) caribou: Option<Path>,
}

/// The processor a function is built for.
#[derive(Clone, Copy)]
pub(crate) enum Architecture {
    X86_64,
    Arm64,
}

const SUPPORTED: &[&str] = &[
    "name",
    "memory",
    "timeout",
    "ephemeral_storage",
    "architecture",
    "regions",
    "environment",
    "retries",
    "idempotent",
    "crate",
];

impl Options {
    /// Parses and checks the options; reports every mistake.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for setting in settings::parse(tokens, "a caribou function", SUPPORTED, errors) {
            match setting.name.to_string().as_str() {
                "name" => options.name = name(&setting, "press", errors),
                "memory" => options.memory = setting.megabytes(128..=10_240, errors),
                "timeout" => options.timeout = setting.seconds(1..=900, errors),
                "ephemeral_storage" => {
                    options.ephemeral_storage = setting.megabytes(512..=10_240, errors);
                }
                "architecture" => options.architecture = architecture(&setting, errors),
                "regions" => options.regions(setting, errors),
                "environment" => {
                    options.environment = environment::parse(setting.group("LOG = \"info\"", errors), errors);
                }
                "retries" => options.retries = setting.number(0..=10, errors),
                "idempotent" => options.idempotent = setting.flag(errors),
                _ => options.caribou = setting.path("my_caribou", errors),
            }
        }
        options
    }

    fn regions(&mut self, setting: Setting, errors: &mut Errors) {
        let group = setting.group("deny = [\"us-west-1\"]", errors);
        let mistakes = errors.count();
        let (mut allow, mut deny) = (Vec::new(), Vec::new());
        for list in settings::parse(group, "`regions`", &["allow", "deny"], errors) {
            let Some(texts) = list.texts("us-east-1", errors) else { continue };
            let codes = regions(&texts, errors);
            if list.name == "allow" {
                if texts.is_empty() {
                    errors.at(list.culprit(), "`allow` names at least one region; leave it out to allow all");
                }
                allow = codes;
            } else {
                deny = codes;
            }
        }
        if errors.count() == mistakes {
            check_regions(&allow, &deny, errors);
        }
        let codes = |list: Vec<(String, LitStr)>| list.into_iter().map(|(code, _)| code).collect();
        (self.allow, self.deny) = (codes(allow), codes(deny));
    }
}

fn architecture(setting: &Setting, errors: &mut Errors) -> Option<Architecture> {
    let text = setting.text("arm64", errors)?;
    match text.value().as_str() {
        "arm64" => Some(Architecture::Arm64),
        "x86_64" => Some(Architecture::X86_64),
        other => {
            let meant = match other {
                "aarch64" | "arm" => Some("arm64"),
                "amd64" | "x64" => Some("x86_64"),
                _ => typo::nearest(other, &["arm64", "x86_64"]),
            };
            let rest = meant.map_or_else(
                || "it is `arm64` or `x86_64`".to_owned(),
                |meant| format!("did you mean `{meant}`?"),
            );
            errors.at(text, format!("Lambda has no architecture `{other}`; {rest}"));
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

/// Reports regions that are both allowed and denied, or that no region is left.
fn check_regions(allow: &[(String, LitStr)], deny: &[(String, LitStr)], errors: &mut Errors) {
    let Some((_, last)) = deny.last() else { return };
    let denied = |code: &str| deny.iter().find(|(other, _)| other == code);
    if allow.is_empty() && region::KNOWN.iter().all(|code| denied(code).is_some()) {
        errors.at(last, "every region is denied: none is left for this function");
    } else if !allow.is_empty() && allow.iter().all(|(code, _)| denied(code).is_some()) {
        errors.at(last, "every region that is allowed is denied: none is left for this function");
    } else {
        for (code, culprit) in allow.iter().filter_map(|(code, _)| denied(code)) {
            errors.at(culprit, format!("`{code}` is both allowed and denied; keep one of them"));
        }
    }
}

/// The codes of regions, each with where it stands.
fn regions(texts: &[LitStr], errors: &mut Errors) -> Vec<(String, LitStr)> {
    let mut codes: Vec<(String, LitStr)> = Vec::new();
    for text in texts {
        match region::code(&text.value()) {
            Ok(code) if codes.iter().any(|(other, _)| other == code) => {
                errors.at(text, format!("`{code}` stands twice; keep one of them"));
            }
            Ok(code) => codes.push((code.to_owned(), text.clone())),
            Err(message) => errors.at(text, message),
        }
    }
    codes
}
