//! What a command says, and where: results on standard output, progress on standard error.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Where a command speaks to. A reader that went away (`caribou ... | head`) is no error: the rest is left unsaid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    json: bool,
    plain: bool,
}

impl Terminal {
    pub(crate) fn new(json: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self { json, plain: set("NO_COLOR") || dumb || !std::io::stdout().is_terminal() }
    }

    /// Whether pictures on standard output are drawn in plain ASCII.
    pub(crate) fn is_plain(self) -> bool {
        self.plain
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// A line of the result, for people: nothing with `--json`.
    pub(crate) fn line(self, text: impl Display) {
        if !self.json {
            out(text);
        }
    }

    /// A step that was done: on standard output, or with `--json` on standard error.
    pub(crate) fn step(self, text: impl Display) {
        if self.json { err(format!("✓ {text}")) } else { out(format!("✓ {text}")) }
    }

    /// Something to know that is no part of the result, on standard error.
    pub(crate) fn note(self, text: impl Display) {
        err(text);
    }

    /// The result as one JSON document: nothing without `--json`.
    pub(crate) fn document(self, document: &impl Serialize) {
        if self.json {
            self.always(document);
        }
    }

    /// A JSON document on standard output, with or without `--json`.
    pub(crate) fn always(self, document: &impl Serialize) {
        match serde_json::to_string_pretty(document) {
            Ok(text) => out(text),
            Err(cause) => err(format!("the result cannot be written as JSON: {cause}")),
        }
    }

    /// One of many JSON documents, on a line of its own: nothing without `--json`.
    pub(crate) fn document_line(self, document: &impl Serialize) {
        if self.json {
            match serde_json::to_string(document) {
                Ok(text) => out(text),
                Err(cause) => err(format!("the result cannot be written as JSON: {cause}")),
            }
        }
    }

    /// A spinner for work of unknown length; shown on a terminal only.
    pub(crate) fn spinner(self, what: impl Into<String>) -> ProgressBar {
        let spinner = ProgressBar::new_spinner();
        spinner.set_style(style("{spinner} {prefix}  {wide_msg}"));
        spinner.set_prefix(what.into());
        spinner.enable_steady_tick(Duration::from_millis(120));
        spinner
    }

    /// A bar for work of known length; shown on a terminal only.
    pub(crate) fn bar(self, what: impl Into<String>, length: usize) -> ProgressBar {
        let bar = ProgressBar::new(length as u64);
        bar.set_style(style("{spinner} {prefix}  {bar:32} {pos}/{len}  {elapsed}  {wide_msg}"));
        bar.set_prefix(what.into());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn out(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn err(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
