//! What can be said in simpler words of the language, is: the body is rewritten before it is lowered.
//!
//! | module | what it rewrites |
//! |---|---|
//! | `join` | `join!` and `try_join!`: several stages side by side are a tuple |
//! | `rename` | a name that is declared twice: each variable has a name of its own |
//! | `exit` | `return` and `let .. else`: what follows moves into the arm that goes on |
//! | `lift` | a branch that leaves from within an expression: it stands in a statement of its own |
//! | `branching`, `moved`, `returns` | branches taken apart; what an expression takes away; where it returns |

mod branching;
mod exit;
mod join;
mod lift;
mod moved;
mod rename;
mod returns;

use syn::Stmt;

use super::names::Names;
use crate::errors::Errors;
use crate::signature::Parameter;

/// Rewrites a body.
pub(crate) fn desugar(
    parameters: &[Parameter],
    statements: Vec<Stmt>,
    names: &mut Names,
    errors: &mut Errors,
) -> Vec<Stmt> {
    let mut statements = join::joins(statements, errors);
    rename::rename(parameters, &mut statements, names);
    exit::exits(parameters, join::apart(statements), names, errors)
}
