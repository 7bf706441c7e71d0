//! A `return` that has to be rewritten: any but that of an `Err(..)`, which stays where it is.

use syn::visit::{self, Visit};
use syn::{Expr, Stmt, parse_quote};

use crate::workflow::{arguments, refuse};

/// Whether an expression returns.
pub(super) fn returns(expr: &Expr) -> bool {
    let mut finder = Returns { found: Vec::new() };
    finder.visit_expr(expr);
    !finder.found.is_empty()
}

/// The `return`s in a statement.
pub(super) fn within(statement: &Stmt) -> Vec<syn::Token![return]> {
    let mut finder = Returns { found: Vec::new() };
    finder.visit_stmt(statement);
    finder.found
}

/// Finds `return` with anything but an `Err(..)` that stands there.
struct Returns {
    found: Vec<syn::Token![return]>,
}

impl<'ast> Visit<'ast> for Returns {
    fn visit_expr_return(&mut self, leaving: &'ast syn::ExprReturn) {
        if !leaving.expr.as_deref().is_some_and(is_failure) {
            self.found.push(leaving.return_token);
        }
        visit::visit_expr_return(self, leaving);
    }
    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
    fn visit_item(&mut self, _: &'ast syn::Item) {}
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        arguments::read(call, |value| {
            let mut inner = Returns { found: Vec::new() };
            inner.visit_expr(value);
            self.found.extend(inner.found);
        });
    }
}

/// `Err(..)` without a stage in it.
pub(super) fn is_failure(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Err"))
                && !refuse::awaits(expr)
        }
        Expr::Paren(paren) => is_failure(&paren.expr),
        _ => false,
    }
}

/// `Ok(value)`
pub(super) fn is_ok(call: &syn::ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Ok")) && call.args.len() == 1
}

/// The value of a `return`.
pub(super) fn value(leaving: syn::ExprReturn) -> Expr {
    leaving.expr.map_or_else(|| parse_quote!(()), |value| *value)
}
