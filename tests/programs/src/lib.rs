//! What random programs are made of, and the check that holds their deployed runs against their plain calls.
//!
//! | module | what it holds |
//! |---|---|
//! | [`values`] | the types of the programs' values, and glue that may fail |
//! | [`functions`] | the functions that programs call |
//! | [`recorder`] | notes every call of a function, plain or deployed |
//! | [`workflows`] | programs that are written by hand |
//! | [`case`] | a program with its source and inputs |
//! | [`law`] | the check |
//!
//! The programs come from `caribou-test-generator`; this package's build script writes them, `tests/programs.rs` compiles and
//! checks them.

// The functions are deployed: their errors are what the check looks at.
#![allow(clippy::missing_errors_doc)]

pub mod case;
pub mod functions;
pub mod law;
pub mod recorder;
pub mod values;
pub mod workflows;

/// What a program sees.
pub mod prelude {
    pub use crate::case::Case;
    pub use crate::functions::*;
    pub use crate::values::{Parcel, Shape, checked, parsed};
    pub use caribou::prelude::*;
}
