//! Types that only inference knows.

use std::marker::PhantomData;

use crate::{Payload, ValueError, Values};

/// Stands for the type of a value, which the compiler finds out from [`of`](Self::of).
///
/// The code that `#[caribou::workflow]` generates tags the values of the author's body in a closure that is never
/// called, and decodes them elsewhere by their tags.
#[derive(Debug)]
pub struct Tag<T>(PhantomData<fn() -> T>);

impl<T> Tag<T> {
    /// A tag of a type yet to be inferred.
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// Says that the tag's type is that of `value`.
    pub const fn of(&self, value: &T) {
        let _ = value;
    }

    /// Decodes a value of the tag's type.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if it is missing, not fetched, or of another type.
    pub fn take(&self, values: &Values, index: u16) -> Result<T, ValueError>
    where
        T: Payload,
    {
        values.take(index)
    }
}

impl<T> Default for Tag<T> {
    fn default() -> Self {
        Self::new()
    }
}
