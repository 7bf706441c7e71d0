//! What `#[caribou::function]` implements.

use std::collections::BTreeMap;
use std::future::Future;

use caribou_model::{FunctionSpec, Region};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{BoxFuture, Context, Error, RouteError, ValueError, Values};

/// A value that can travel between stages: owned, sendable and serialisable both ways.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel between stages",
    label = "this type is not an owned, serialisable value",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, and let it own its data"
)]
pub trait Payload: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Payload for T {}

/// A function that can be deployed. `#[caribou::function]` implements it for a marker type of the function's name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a caribou function",
    label = "a stage must call a caribou function",
    note = "put `#[caribou::function]` on the function, or await it inside one"
)]
pub trait Function: 'static {
    /// The name under which it is deployed: that of its [`spec`](Self::spec).
    const NAME: &'static str;
    /// The codes of the only AWS regions where it may run, if there are any: those of its [`spec`](Self::spec).
    const ALLOW: &'static [&'static str] = &[];
    /// The codes of the AWS regions where it must not run: those of its [`spec`](Self::spec).
    const DENY: &'static [&'static str] = &[];
    /// Its path and where it stands, to tell two functions of one name apart; empty if that is not known.
    const SOURCE: &'static str = "";
    /// The arguments, as a tuple: [`Arguments`]. That each is a [`Payload`] is asked where [`take`](Self::take) decodes
    /// it, so that the compiler points at the type which is none.
    type Input;
    /// What it returns if it succeeds: a [`Payload`].
    type Output: Send + 'static;
    /// The error of the author's `Result`.
    type Failure: 'static;

    /// Name and options.
    fn spec() -> FunctionSpec;

    /// Decodes the arguments from the values that reached the stage; [`Arguments::take`] does.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if one is missing or cannot be decoded.
    fn take(values: &Values) -> Result<Self::Input, ValueError>;

    /// Calls the author's function.
    fn call(context: Context, input: Self::Input)
    -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// The return type of a function: a `Result` whose error converts into [`Error`].
#[diagnostic::on_unimplemented(
    message = "a caribou function cannot return `{Self}`",
    label = "no `Result`, or its error is none",
    note = "return `caribou::Result<T>`, or `Result<T, E>` where `E` implements `std::error::Error`"
)]
pub trait FunctionResult {
    /// What it holds on success.
    type Output;
    /// What it holds on failure.
    type Error: Into<Error>;

    /// The result with its error converted.
    ///
    /// # Errors
    ///
    /// The function's own error.
    fn into_result(self) -> Result<Self::Output, Error>;
}

#[diagnostic::do_not_recommend]
impl<T, E: Into<Error>> FunctionResult for Result<T, E> {
    type Output = T;
    type Error = E;

    fn into_result(self) -> Result<T, Error> {
        self.map_err(Into::into)
    }
}

/// One argument for [`Function::take`].
///
/// # Errors
///
/// [`ValueError`] if it is missing or cannot be decoded.
pub fn argument<T: Payload>(values: &Values, position: u16) -> Result<T, ValueError> {
    values.take(position)
}

/// Awaits the author's function for [`Function::call`].
pub fn call<T, R>(function: impl Future<Output = R> + Send + 'static) -> BoxFuture<Result<T, Error>>
where
    T: Payload,
    R: FunctionResult<Output = T>,
{
    Box::pin(async move { function.await.into_result() })
}

/// The regions with these codes, for a [`FunctionSpec`].
pub fn regions(codes: &[&'static str]) -> Vec<Region> {
    codes.iter().map(|code| Region::aws(code)).collect()
}

/// Environment variables, for a [`FunctionSpec`].
pub fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What a function yields on success.
pub type Output<F> = <F as Function>::Output;

/// What a `Result` holds on success.
pub type Success<R> = <R as FunctionResult>::Output;

/// What a `Result` holds on failure.
pub type Failed<R> = <R as FunctionResult>::Error;

/// The error of a stage whose failure is a value.
#[diagnostic::on_unimplemented(
    message = "the failure of this stage cannot be a value: its function does not return `caribou::Result`",
    label = "this stage is awaited without `?`",
    note = "such a stage may also crash or time out, so its function must return `caribou::Result<T>`",
    note = "or write `?` after `.await`: then its failure fails the run"
)]
pub trait Caught {}

#[diagnostic::do_not_recommend]
impl Caught for Error {}

/// Checks that the failure of a function can be a value: a crash, a timeout or a dead letter must fit into it as well. It
/// runs when the author's crate is compiled.
pub const fn check_caught<F: Function>()
where
    F::Failure: Caught,
{
}

/// What the author's `Result` holds; its error ends the run.
///
/// # Errors
///
/// [`RouteError::Author`] with the author's error.
pub fn success<R: FunctionResult>(result: R) -> Result<R::Output, RouteError> {
    result.into_result().map_err(RouteError::Author)
}

/// The arguments of a function: a tuple of up to twelve [`Payload`]s.
pub trait Arguments: Send + Sized + 'static {
    /// How many there are.
    const COUNT: u16;

    /// Decodes them from the first [`COUNT`](Self::COUNT) values that reached the stage.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if one is missing or cannot be decoded.
    fn take(values: &Values) -> Result<Self, ValueError>;
}

/// The type of one argument of a function.
#[diagnostic::on_unimplemented(message = "the function has no argument at position {N}")]
pub trait Argument<const N: usize>: Arguments {
    /// The type.
    type Type: Payload;
}

macro_rules! arguments {
    ($count:literal: $($name:ident $index:literal),*) => {
        impl<$($name: Payload),*> Arguments for ($($name,)*) {
            const COUNT: u16 = $count;

            fn take(values: &Values) -> Result<Self, ValueError> {
                let _ = values;
                Ok(($(values.take::<$name>($index)?,)*))
            }
        }

        arguments!(@each ($($name),*) $($name $index),*);
    };
    (@each $all:tt) => {};
    (@each $all:tt $name:ident $index:literal $(, $names:ident $indices:literal)*) => {
        arguments!(@one $all $name $index);
        arguments!(@each $all $($names $indices),*);
    };
    (@one ($($all:ident),*) $name:ident $index:literal) => {
        #[diagnostic::do_not_recommend]
        impl<$($all: Payload),*> Argument<$index> for ($($all,)*) {
            type Type = $name;
        }
    };
}

arguments!(0:);
arguments!(1: A 0);
arguments!(2: A 0, B 1);
arguments!(3: A 0, B 1, C 2);
arguments!(4: A 0, B 1, C 2, D 3);
arguments!(5: A 0, B 1, C 2, D 3, E 4);
arguments!(6: A 0, B 1, C 2, D 3, E 4, F 5);
arguments!(7: A 0, B 1, C 2, D 3, E 4, F 5, G 6);
arguments!(8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
arguments!(9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
arguments!(10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
arguments!(11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
arguments!(12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
