//! Why a run failed.

use std::fmt;

/// Why a run failed whose plain call succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// None of a stage's attempts came to an outcome.
    Attempts,
    /// The platform gave up delivering a message.
    Platform,
    /// The run passed its deadline.
    Deadline,
    /// A function's own error, after attempts that were lost to other faults.
    Function,
}

impl Cause {
    /// The cause that a run's error tells of. What is no other cause's text is a function's own error.
    pub fn of(error: &str) -> Self {
        let begins = |text: &str| error.starts_with(text);
        if begins("none of ") && error.contains(" attempts came to an outcome") {
            Self::Attempts
        } else if begins("the platform gave up delivering ") {
            Self::Platform
        } else if begins("the run passed its deadline") {
            Self::Deadline
        } else {
            Self::Function
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Attempts => "attempts exhausted",
            Self::Platform => "given up by the platform",
            Self::Deadline => "deadline passed",
            Self::Function => "a function's error, after lost attempts",
        })
    }
}
