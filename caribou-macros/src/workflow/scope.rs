//! Which variable a name means.

use std::collections::HashMap;

use super::body::{UseKind, VarId};

/// The names in sight, innermost block last.
#[derive(Debug)]
pub(crate) struct Scope {
    frames: Vec<HashMap<String, Binding>>,
}

/// What is known of a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) variable: VarId,
    pub(crate) mutable: bool,
}

impl Scope {
    pub(crate) fn new() -> Self {
        Self { frames: vec![HashMap::new()] }
    }

    pub(crate) fn enter(&mut self) {
        self.frames.push(HashMap::new());
    }

    pub(crate) fn leave(&mut self) {
        self.frames.pop();
    }

    /// The variable that a name means here.
    pub(crate) fn find(&self, name: &str) -> Option<Binding> {
        self.frames.iter().rev().find_map(|frame| frame.get(name)).copied()
    }

    /// Declares a name in the innermost block.
    pub(crate) fn declare(&mut self, name: String, binding: Binding) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(name, binding);
        }
    }

    /// Lets a name mean a new version of its variable, up to the end of the innermost block.
    pub(crate) fn renew(&mut self, name: &str, variable: VarId) {
        if let Some(binding) = self.find(name) {
            self.declare(name.to_owned(), Binding { variable, ..binding });
        }
    }
}

impl Binding {
    /// How an unknown touch of this variable counts.
    pub(crate) fn unknown_touch(self) -> UseKind {
        if self.mutable { UseKind::Write } else { UseKind::Move }
    }
}
