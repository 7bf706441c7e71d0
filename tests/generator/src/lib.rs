//! Random, well-typed programs in Caribou's workflow language, for tests of the first law.
//!
//! | module | what it holds |
//! |---|---|
//! | [`feature`] | what a program may use of the language; what the compiler has today |
//! | [`types`], [`function`] | the types of values; the functions that programs call |
//! | [`syntax`] | programs as trees |
//! | `generator` | the state of a program that is being made |
//! | `scope` | variables, and what the borrow checker knows of them |
//! | `form`, `expression`, `map` | glue and stages that yield a type |
//! | `pattern`, `branch`, `statement` | what programs are made of |
//! | [`program`] | whole programs and their inputs |
//! | `writer` | programs as source text |
//! | [`batch`] | many programs as a Rust module, for a build script |
//!
//! A program is drawn from a seed, and the same seed gives the same program. It compiles: types fit, and what was moved is
//! not read again.

pub mod batch;
pub mod feature;
pub mod function;
pub mod program;
pub mod syntax;
pub mod types;

mod branch;
mod chance;
mod expression;
mod form;
mod generator;
mod map;
mod pattern;
mod scope;
mod statement;
mod writer;

pub use batch::Batch;
pub use feature::{Feature, Features};
pub use function::Function;
pub use program::Program;
pub use types::Type;
