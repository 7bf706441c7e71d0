//! The variables that can be read, and what the borrow checker knows of them.

use std::collections::BTreeSet;

use crate::types::Type;

/// What can be done with a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It keeps its value.
    Constant,
    /// `let mut`: written by statements of its own block, never borrowed.
    Mutable,
    /// `let name = &..;`: the type is that of what it points at.
    Reference,
}

/// A variable.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    /// Something points at it: it cannot be moved any more.
    pub(crate) pinned: bool,
    /// Nothing has read it yet.
    pub(crate) unread: bool,
    gone: Gone,
    block: usize,
}

/// What was moved out of a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Gone {
    whole: bool,
    parts: BTreeSet<String>,
}

/// Something that can be read: a variable or a part of one.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    variable: usize,
    part: Option<String>,
    pub(crate) text: String,
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    pub(crate) movable: bool,
    pub(crate) unread: bool,
}

/// What was moved so far, to be compared after another arm.
#[derive(Clone, Debug)]
pub(crate) struct Moves(Vec<Gone>);

/// The variables, innermost last.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    variables: Vec<Variable>,
    blocks: Vec<usize>,
}

impl Scope {
    /// Opens a block.
    pub(crate) fn open(&mut self) {
        self.blocks.push(self.variables.len());
    }

    /// Closes a block and forgets its variables.
    pub(crate) fn close(&mut self) {
        if let Some(length) = self.blocks.pop() {
            self.variables.truncate(length);
        }
    }

    pub(crate) fn declare(&mut self, name: String, ty: Type) -> &mut Variable {
        self.variables.push(Variable {
            name,
            ty,
            kind: Kind::Constant,
            pinned: false,
            unread: true,
            gone: Gone::default(),
            block: self.blocks.len(),
        });
        let last = self.variables.len() - 1;
        &mut self.variables[last]
    }

    /// The variables that no later one of the same name hides.
    fn visible(&self) -> impl Iterator<Item = (usize, &Variable)> {
        self.variables.iter().enumerate().filter(|(index, variable)| {
            !self.variables[index + 1..].iter().any(|later| later.name == variable.name)
        })
    }

    /// Everything that can be read: whole variables, and their parts.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (index, variable) in self.visible().filter(|(_, variable)| !variable.gone.whole) {
            let place = Place {
                variable: index,
                part: None,
                text: variable.name.clone(),
                ty: variable.ty.clone(),
                kind: variable.kind,
                movable: !variable.pinned && variable.kind != Kind::Reference,
                unread: variable.unread,
            };
            for (part, ty) in variable.ty.parts() {
                if !variable.gone.parts.contains(&part) {
                    let text = format!("{}.{part}", variable.name);
                    let kind = if place.kind == Kind::Reference { Kind::Constant } else { place.kind };
                    places.push(Place { part: Some(part), text, ty, kind, ..place.clone() });
                }
            }
            if variable.gone.parts.is_empty() {
                places.push(place);
            }
        }
        places
    }

    pub(crate) fn read(&mut self, place: &Place) {
        self.variables[place.variable].unread = false;
    }

    pub(crate) fn take(&mut self, place: &Place) {
        self.read(place);
        let gone = &mut self.variables[place.variable].gone;
        match &place.part {
            Some(part) => drop(gone.parts.insert(part.clone())),
            None => gone.whole = true,
        }
    }

    /// Notes that something points there.
    pub(crate) fn pin(&mut self, place: &Place) {
        self.read(place);
        self.variables[place.variable].pinned = true;
    }

    /// Variables that a statement of this block may write.
    pub(crate) fn writable(&self) -> Vec<Variable> {
        let here = |variable: &Variable| {
            variable.kind == Kind::Mutable
                && variable.block == self.blocks.len()
                && variable.gone == Gone::default()
        };
        self.visible().map(|(_, variable)| variable).filter(|variable| here(variable)).cloned().collect()
    }

    /// Names that may be used for something else from here on.
    pub(crate) fn reusable(&self) -> Vec<String> {
        let free = |variable: &&Variable| !variable.pinned && variable.kind != Kind::Reference;
        self.visible().map(|(_, variable)| variable).filter(free).map(|v| v.name.clone()).collect()
    }

    pub(crate) fn moves(&self) -> Moves {
        Moves(self.variables.iter().map(|variable| variable.gone.clone()).collect())
    }

    /// Goes back to what was moved before an arm.
    pub(crate) fn restore(&mut self, moves: &Moves) {
        for (variable, gone) in self.variables.iter_mut().zip(&moves.0) {
            variable.gone = gone.clone();
        }
    }

    /// What another arm moved is gone too.
    pub(crate) fn merge(&mut self, moves: &Moves) {
        for (variable, gone) in self.variables.iter_mut().zip(&moves.0) {
            variable.gone.whole |= gone.whole;
            variable.gone.parts.extend(gone.parts.iter().cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scope: &Scope) -> Vec<String> {
        scope.places().into_iter().map(|place| place.text).collect()
    }

    #[test]
    fn what_was_moved_cannot_be_read_and_what_is_left_can() {
        let mut scope = Scope::default();
        scope.declare("pair".into(), Type::tuple([Type::Number, Type::Text]));
        assert_eq!(texts(&scope), ["pair.0", "pair.1", "pair"]);
        let part = scope.places().remove(1);
        scope.take(&part);
        assert_eq!(texts(&scope), ["pair.0"]);
    }

    #[test]
    fn what_either_arm_moved_is_gone_after_both() {
        let mut scope = Scope::default();
        for name in ["a", "b"] {
            scope.declare(name.into(), Type::Text);
        }
        let before = scope.moves();
        let [a, b] = &scope.places()[..] else { panic!() };
        scope.take(a);
        let then = scope.moves();
        scope.restore(&before);
        assert_eq!(texts(&scope), ["a", "b"]);
        scope.take(b);
        scope.merge(&then);
        assert_eq!(texts(&scope), [""; 0]);
    }

    #[test]
    fn a_name_that_is_used_again_hides_the_older_until_its_block_ends() {
        let mut scope = Scope::default();
        scope.declare("a".into(), Type::Text);
        scope.open();
        scope.declare("a".into(), Type::Number);
        assert_eq!(scope.places()[0].ty, Type::Number);
        scope.close();
        assert_eq!(scope.places()[0].ty, Type::Text);
    }
}
