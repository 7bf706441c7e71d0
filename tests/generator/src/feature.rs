//! What a program may use of the language.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The enum, and the list of all that is in it.
macro_rules! features {
    ($(#[$about:meta])* pub enum Feature { $($(#[$what:meta])* $name:ident,)* }) => {
        $(#[$about])*
        pub enum Feature {
            $($(#[$what])* $name,)*
        }

        impl Feature {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

features! {
    /// A part of the language beyond `let name = stage(name).await?;` and plain expressions.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Feature {
        /// `let (a, b) = ..`, `let Parcel { id, .. } = ..`.
        Pattern,
        /// `if` and `else` with stages in their arms, with and without a value.
        Branch,
        /// `else if`.
        ElseIf,
        /// A branch whose arms end the workflow.
        TailBranch,
        /// A stage in statement position.
        Statement,
        /// A stage in the middle of an expression.
        NestedStage,
        /// A move within a stage or a branch in the middle of an expression.
        NestedMove,
        /// A branch or a struct literal in parentheses in the middle of an expression or before a block.
        Enclosed,
        /// `let mut`, and statements that write.
        Mutable,
        /// `let part = &value.part;`.
        Alias,
        /// An alias in a workflow whose statements order what follows them.
        OrderedAlias,
        /// Closures in glue.
        Closure,
        /// Glue of type `Result` at the end.
        Fallible,
        /// A name that is used again.
        Shadow,
        /// A nested block with stages.
        Block,
        /// `if let`, `else if let`.
        IfLet,
        /// `if let .. && ..`.
        LetChain,
        /// `let .. else`.
        LetElse,
        /// `match` with stages in its arms.
        Match,
        /// `match` arms with guards.
        Guard,
        /// `return` within branches.
        Return,
        /// A `return` in the middle of an expression.
        NestedReturn,
        /// A `return` that moves what is still there on the other way.
        LeavingMove,
        /// `?` on glue.
        GlueTry,
        /// A stage awaited without `?`.
        StageResult,
        /// `tokio::join!`.
        Join,
        /// `tokio::try_join!`.
        TryJoin,
        /// Either of them in the arguments of a macro.
        JoinInMacro,
        /// `caribou::map`.
        Map,
        /// `vec![stage(..).await?]`, `format!("{}", stage(..).await?)`.
        StageInMacro,
    }
}

impl Feature {
    /// Those that order what follows a statement.
    pub(crate) const ORDERING: [Self; 6] =
        [Self::Statement, Self::Branch, Self::IfLet, Self::Match, Self::Return, Self::GlueTry];
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}");
        for (index, letter) in name.char_indices() {
            if letter.is_ascii_uppercase() && index > 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

/// A set of features.
///
/// As text it is a list of changes to the whole language: `-alias,-map`, where `none` starts from nothing: `none,+match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features(BTreeSet<Feature>);

impl Features {
    /// The whole language.
    pub fn all() -> Self {
        Feature::ALL.iter().copied().collect()
    }

    /// Whether a feature is in the set.
    pub fn has(&self, feature: Feature) -> bool {
        self.0.contains(&feature)
    }

    /// The features, in order.
    pub fn iter(&self) -> impl Iterator<Item = Feature> {
        self.0.iter().copied()
    }

    pub(crate) fn remove(&mut self, feature: Feature) {
        self.0.remove(&feature);
    }

    pub(crate) fn insert(&mut self, feature: Feature) {
        self.0.insert(feature);
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        Self(features.into_iter().collect())
    }
}

/// A text that does not name a set of features.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a feature; there are {list}, and `all`, `none`", list = list())]
pub struct UnknownFeature(String);

fn list() -> String {
    Feature::ALL.iter().map(|feature| format!("`{feature}`")).collect::<Vec<_>>().join(", ")
}

impl FromStr for Features {
    type Err = UnknownFeature;

    fn from_str(text: &str) -> Result<Self, UnknownFeature> {
        let mut set = Self::all();
        for change in text.split(',').map(str::trim).filter(|change| !change.is_empty()) {
            let name = change.trim_start_matches(['+', '-']);
            let named = |feature: &&Feature| feature.to_string() == name;
            match (name, Feature::ALL.iter().find(named)) {
                ("all", _) => set = Self::all(),
                ("none", _) => set = Self(BTreeSet::new()),
                (_, Some(feature)) if change.starts_with('-') => set.remove(*feature),
                (_, Some(feature)) => set.insert(*feature),
                (_, None) => return Err(UnknownFeature(name.to_owned())),
            }
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::Feature::{Alias, Branch, IfLet, Match};
    use super::*;

    #[test]
    fn a_set_is_written_as_changes_to_the_whole_language() {
        let set: Features = "+match, -alias".parse().unwrap();
        assert!(set.has(Match) && set.has(Branch) && !set.has(Alias));
        assert_eq!("none,if-let".parse(), Ok(Features::from_iter([IfLet])));
        assert_eq!("all".parse(), Ok(Features::all()));
        assert_eq!("".parse(), Ok(Features::all()));
    }

    #[test]
    fn an_unknown_feature_is_told_with_those_there_are() {
        let error = "goto".parse::<Features>().unwrap_err().to_string();
        assert!(error.starts_with("`goto` is not a feature; there are `pattern`, `branch`"), "{error}");
    }
}
