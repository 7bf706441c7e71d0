//! The options of `#[caribou::workflow]`.

use proc_macro2::TokenStream;
use syn::{LitStr, Path};

use crate::errors::Errors;
use crate::function;
use crate::settings;

/// What the attribute says of the workflow.
#[derive(Default)]
pub(crate) struct Options {
    /// The Rust name if `None`.
    pub(crate) name: Option<String>,
    /// The package's version if `None`.
    pub(crate) version: Option<LitStr>,
    /// Where Caribou is found; `::caribou` if `None`.
    pub(crate) caribou: Option<Path>,
}

const SUPPORTED: &[&str] = &["version", "name", "crate"];

impl Options {
    /// Parses and checks the options; reports every mistake.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for setting in settings::parse(tokens, "a caribou workflow", SUPPORTED, errors) {
            match setting.name.to_string().as_str() {
                "name" => options.name = function::name(&setting, "press", errors),
                "version" => options.version = setting.text("0.1.0", errors),
                _ => options.caribou = setting.path("my_caribou", errors),
            }
        }
        if let Some(version) = &options.version
            && !is_version(&version.value())
        {
            errors.at(version, "a version is three numbers, as in \"0.1.0\"; letters and dashes may follow");
        }
        options
    }
}

fn is_version(text: &str) -> bool {
    let (numbers, rest) = text.split_once('-').unwrap_or((text, "x"));
    let numbers: Vec<&str> = numbers.split('.').collect();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let tail = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    numbers.len() == 3 && numbers.iter().all(digits) && !rest.is_empty() && rest.bytes().all(tail)
}
