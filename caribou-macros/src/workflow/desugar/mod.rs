//! What can be said in simpler words of the language, is: the body is rewritten before it is lowered.
//!
//! | module | what it rewrites |
//! |---|---|
//! | `rename` | a name that is declared twice: each variable has a name of its own |
//! | `join` | `join!` and `try_join!`: several stages side by side are a tuple |
//! | `exit` | `return` and `let .. else`: what follows moves into the arm that goes on |

mod exit;
mod join;
mod rename;

use syn::Stmt;

use super::names::Names;
use crate::errors::Errors;
use crate::signature::Parameter;

/// Rewrites a body.
pub(crate) fn desugar(
    parameters: &[Parameter],
    mut statements: Vec<Stmt>,
    names: &mut Names,
    errors: &mut Errors,
) -> Vec<Stmt> {
    rename::rename(parameters, &mut statements, names);
    let statements = join::split(statements, errors);
    exit::exits(statements, names, errors)
}
