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
    /// Seeds to leave out: a program that does not compile hides what is wrong with others.
    pub except: Vec<u64>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { seed: 1, count: 240, features: Features::all(), except: Vec::new() }
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
    /// The environment variable that says [`except`](Self::except), as in `7,12`.
    pub const EXCEPT: &str = "CARIBOU_PROGRAMS_EXCEPT";
    /// The environment variable that says [`features`](Self::features), as changes to the whole language: `-match,-alias`.
    pub const FEATURES: &str = "CARIBOU_PROGRAMS_FEATURES";

    /// Reads settings; `variable` gives the value of an environment variable.
    ///
    /// # Errors
    ///
    /// [`SettingError`] names the variable that cannot be read.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let read = |name: &'static str, value: &str| {
            value.trim().parse().map_err(|_| SettingError::Number { name, value: value.to_owned() })
        };
        let number =
            |name: &'static str, usual: u64| variable(name).map_or(Ok(usual), |value| read(name, &value));
        let seeds = |list: &str| -> Result<Vec<u64>, SettingError> {
            list.split(',')
                .filter(|seed| !seed.trim().is_empty())
                .map(|seed| read(Self::EXCEPT, seed))
                .collect()
        };
        let usual = Self::default();
        Ok(Self {
            seed: number(Self::SEED, usual.seed)?,
            count: number(Self::COUNT, usual.count as u64)? as usize,
            features: variable(Self::FEATURES).unwrap_or_default().parse()?,
            except: variable(Self::EXCEPT).map_or(Ok(usual.except), |list| seeds(&list))?,
        })
    }

    /// The programs.
    pub fn programs(&self) -> impl Iterator<Item = Program> {
        let seeds = (0..self.count).map(|index| self.seed.wrapping_add(index as u64));
        let program = |seed| Program::new(&format!("program_{seed}"), seed, &self.features);
        seeds.filter(|seed| !self.except.contains(seed)).map(program)
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
            Batch::EXCEPT => Some("8, 9".to_owned()),
            _ => None,
        };
        let batch = Batch::from_env(variable).unwrap();
        assert_eq!((batch.seed, batch.count), (7, Batch::default().count));
        assert_eq!((batch.features.iter().count(), &batch.except[..]), (0, &[8, 9][..]));
        assert_eq!(batch.programs().next().map(|program| program.seed), Some(7));
        let error = Batch::from_env(|_| Some("many".into())).unwrap_err();
        assert_eq!(error.to_string(), "`CARIBOU_PROGRAMS_SEED` is `many`, which is not a number");
    }
}
