//! Ways out of a workflow's body before its end, as the slices of the body take them.

use serde::{Deserialize, Serialize};

use crate::{Error, FunctionResult, RouteError};

/// What a branch with a `return` in it yields: on with a value, or out by one of several exits, each with what it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flow<T, L> {
    /// What follows the branch goes on with this value.
    Go(T),
    /// The workflow ends: `Go` stands for the first exit, `Leave(Go)` for the second, and so on up to [`Never`].
    Leave(L),
}

/// Behind the last exit of a [`Flow`] there is no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Never {}

/// What the author's `return Ok(..)` holds.
pub fn result<T>(value: T) -> T {
    value
}

/// The author's `?` in a workflow that returns `R`: its error, converted as `?` converts it, fails the run.
///
/// # Errors
///
/// [`RouteError::Author`] with the author's error.
pub fn attempt<R, T, E>(result: Result<T, E>) -> Result<T, RouteError>
where
    R: FunctionResult,
    R::Error: From<E>,
{
    result.map_err(|error| RouteError::Author(R::Error::from(error).into()))
}

/// The author's `return Err(..)` in a workflow that returns `R`.
pub fn failure<R: FunctionResult>(result: R) -> RouteError {
    let error = result.into_result().err();
    RouteError::Author(error.unwrap_or_else(|| Error::permanent("the workflow returned early")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_the_workflows_before_it_fails_the_run() {
        let failed = attempt::<Result<(), Error>, u8, _>("x".parse::<u8>()).unwrap_err();
        assert_eq!(failed.to_string(), "invalid digit found in string");
        let failed = failure::<Result<(), Error>>(Err(Error::permanent("enough")));
        assert_eq!(failed.to_string(), "enough");
    }
}
