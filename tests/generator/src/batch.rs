//! Many programs as a Rust module.

use std::fmt::{self, Display, Write};

use crate::feature::{Features, UnknownFeature};
use crate::program::Program;

/// How many inputs each program is run with.
const INPUTS: usize = 5;

/// Which programs to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The first program's seed; that of each further one is one more.
    pub seed: u64,
    /// How many.
    pub count: usize,
    /// What they may use of the language.
    pub features: Features,
}

impl Default for Batch {
    fn default() -> Self {
        Self { seed: 1, count: 240, features: Features::supported() }
    }
}

/// A setting that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A number that is none.
    #[error("`{name}` is `{value}`, which is not a number")]
    Number {
        /// The variable.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// A list of features with a mistake.
    #[error("`{name}`: {cause}", name = Batch::FEATURES)]
    Features {
        /// The mistake.
        #[from]
        cause: UnknownFeature,
    },
}

impl Batch {
    /// The environment variable that says [`seed`](Self::seed).
    pub const SEED: &str = "CARIBOU_PROGRAMS_SEED";
    /// The environment variable that says [`count`](Self::count).
    pub const COUNT: &str = "CARIBOU_PROGRAMS_COUNT";
    /// The environment variable that says [`features`](Self::features), as changes to what is supported: `+match,-alias`.
    pub const FEATURES: &str = "CARIBOU_PROGRAMS_FEATURES";

    /// Reads settings; `variable` gives the value of an environment variable.
    ///
    /// # Errors
    ///
    /// [`SettingError`] names the variable that cannot be read.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let number = |name: &'static str, usual: u64| match variable(name) {
            Some(value) => value.parse().map_err(|_| SettingError::Number { name, value }),
            None => Ok(usual),
        };
        let usual = Self::default();
        Ok(Self {
            seed: number(Self::SEED, usual.seed)?,
            count: number(Self::COUNT, usual.count as u64)? as usize,
            features: variable(Self::FEATURES).unwrap_or_default().parse()?,
        })
    }

    /// The programs.
    pub fn programs(&self) -> impl Iterator<Item = Program> {
        (0..self.count).map(|index| {
            let seed = self.seed.wrapping_add(index as u64);
            Program::new(&format!("program_{seed}"), seed, &self.features)
        })
    }
}

impl Display for Batch {
    /// A module for each program, and `CASES`, a list of them all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cases = String::new();
        for program in self.programs() {
            let name = &program.name;
            writeln!(f, "mod {name} {{\n    use super::*;\n\n{program}\n}}\n")?;
            case(&program, &mut cases)?;
        }
        writeln!(f, "/// Every program.\npub static CASES: &[Case] = &[\n{cases}];")
    }
}

fn case(program: &Program, text: &mut String) -> fmt::Result {
    let Program { name, seed, .. } = program;
    let source = program.to_string();
    let calls: Vec<_> = program.calls().into_iter().collect();
    let inputs: Vec<_> = program.inputs(INPUTS).iter().map(ToString::to_string).collect();
    let features: Vec<_> = program.features.iter().map(|feature| feature.to_string()).collect();
    writeln!(
        text,
        "    Case {{\n        seed: {seed},\n        source: {source:?},\n        workflow: &{name}::{name}::WORKFLOW,\n        \
         calls: &{calls:?},\n        inputs: &{inputs:?},\n        features: &{features:?},\n    }},"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_from_the_environment() {
        let variable = |name: &str| match name {
            Batch::SEED => Some("7".to_owned()),
            Batch::FEATURES => Some("none".to_owned()),
            _ => None,
        };
        let batch = Batch::from_env(variable).unwrap();
        assert_eq!((batch.seed, batch.count), (7, Batch::default().count));
        assert_eq!(batch.features.iter().count(), 0);
        let error = Batch::from_env(|_| Some("many".into())).unwrap_err();
        assert_eq!(error.to_string(), "`CARIBOU_PROGRAMS_SEED` is `many`, which is not a number");
    }
}
