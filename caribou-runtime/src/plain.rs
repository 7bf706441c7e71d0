//! A workflow called in this process, with JSON for its input and its result.

use serde_json::Value as Json;

use crate::{BoxFuture, Error, FunctionResult, Payload};

/// A workflow's input as JSON: one parameter is the value itself, several are an object by name, none is null.
#[derive(Debug)]
pub struct Input {
    values: Vec<Json>,
    names: &'static [&'static str],
}

impl Input {
    /// Takes the input of a workflow with these parameters apart.
    ///
    /// # Errors
    ///
    /// A permanent [`Error`] if it does not have what the parameters need.
    pub fn new(input: Json, names: &'static [&'static str]) -> Result<Self, Error> {
        let wanted = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let values = match (names, input) {
            ([], Json::Null) => Vec::new(),
            ([], _) => return Err(Error::permanent("the workflow has no parameters: its input is null")),
            ([_], value) => vec![value],
            (_, Json::Object(mut object)) => {
                let mut values = Vec::new();
                for name in names {
                    let missing =
                        || Error::permanent(format!("the input has no `{name}`; it needs {}", wanted()));
                    values.push(object.remove(*name).ok_or_else(missing)?);
                }
                if let Some(name) = object.keys().next() {
                    return Err(Error::permanent(format!(
                        "the input has `{name}`, but only takes {}",
                        wanted()
                    )));
                }
                values
            }
            _ => return Err(Error::permanent(format!("the input is an object with {}", wanted()))),
        };
        Ok(Self { values, names })
    }

    /// Reads the parameter at a position.
    ///
    /// # Errors
    ///
    /// A permanent [`Error`] if it is of another type.
    pub fn take<T: Payload>(&self, index: usize) -> Result<T, Error> {
        let name = self.names.get(index).copied().unwrap_or_default();
        let value = self.values.get(index).unwrap_or(&Json::Null);
        T::deserialize(value).map_err(|cause| Error::permanent(format!("parameter `{name}`: {cause}")))
    }
}

/// A plain call on its way.
pub type PlainResult = BoxFuture<Result<Json, Error>>;

/// Gives a plain call a type that can be named.
pub fn plain(call: impl Future<Output = Result<Json, Error>> + Send + 'static) -> PlainResult {
    Box::pin(call)
}

/// What a workflow returned, as JSON.
///
/// # Errors
///
/// The workflow's own error, or a permanent one if its result cannot be written as JSON.
pub fn plain_result<R>(result: R) -> Result<Json, Error>
where
    R: FunctionResult,
    R::Output: Payload,
{
    let output = result.into_result()?;
    serde_json::to_value(output).map_err(|cause| Error::permanent(format!("the result is not JSON: {cause}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_parameter_is_the_input_itself() {
        let input = Input::new(json!([1, 2]), &["numbers"]).unwrap();
        assert_eq!(input.take::<Vec<u8>>(0).unwrap(), [1, 2]);
        assert!(input.take::<String>(0).unwrap_err().to_string().contains("`numbers`"));
    }

    #[test]
    fn several_parameters_go_by_name() {
        let input = Input::new(json!({"b": 2, "a": 1}), &["a", "b"]).unwrap();
        assert_eq!((input.take::<u8>(0).unwrap(), input.take::<u8>(1).unwrap()), (1, 2));
        assert!(Input::new(json!({"a": 1}), &["a", "b"]).unwrap_err().to_string().contains("no `b`"));
        assert!(Input::new(json!({"a": 1, "b": 2, "c": 3}), &["a", "b"]).is_err());
        assert!(Input::new(json!(1), &["a", "b"]).is_err());
    }

    #[test]
    fn no_parameters_are_null() {
        assert!(Input::new(Json::Null, &[]).is_ok());
        assert!(Input::new(json!(1), &[]).is_err());
    }
}
