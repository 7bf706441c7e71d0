//! A program to be checked.

use std::fmt;

use caribou_runtime::Workflow;
use serde_json::Value as Json;

/// A program, compiled.
#[derive(Clone, Copy)]
pub struct Case {
    /// What makes it again.
    pub seed: u64,
    /// Its source.
    pub source: &'static str,
    /// What the compiler made of it.
    pub workflow: &'static Workflow,
    /// How many call sites each function has in the source.
    pub calls: &'static [(&'static str, usize)],
    /// Inputs, as JSON.
    pub inputs: &'static [&'static str],
    /// What it uses of the language.
    pub features: &'static [&'static str],
}

impl Case {
    /// How large it is: stages first, then letters.
    pub fn size(&self) -> (usize, usize) {
        (self.calls.iter().map(|(_, sites)| sites).sum(), self.source.len())
    }

    /// Its inputs.
    ///
    /// # Panics
    ///
    /// If one is not JSON.
    pub fn inputs(&self) -> Vec<Json> {
        let read = |text: &&str| serde_json::from_str(text);
        match self.inputs.iter().map(read).collect() {
            Ok(inputs) => inputs,
            Err(error) => panic!("an input of program {} is not JSON: {error}", self.seed),
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "program {} ({})\n{}", self.seed, self.features.join(", "), self.source)
    }
}
