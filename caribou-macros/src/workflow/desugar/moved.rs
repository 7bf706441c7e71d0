//! What an expression takes away: the places that it moves out of.

use std::collections::HashSet;

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr};

use crate::text;
use crate::workflow::arguments::{self, Arguments};
use crate::workflow::uses;

/// The places, as text, that glue in an expression moves out of, as far as they belong to these variables. What is copied
/// counts as moved; what a stage takes does not, as it is sent by reference.
pub(super) fn places(expr: &Expr, variables: &HashSet<String>) -> HashSet<String> {
    let mut finder = Finder { variables, stages: false, found: HashSet::new() };
    finder.visit_expr(expr);
    finder.found
}

/// The variables that an expression moves out of for the author, on whichever way.
pub(super) fn variables(expr: &Expr, variables: &HashSet<String>) -> HashSet<String> {
    let mut finder = Finder { variables, stages: true, found: HashSet::new() };
    finder.visit_expr(expr);
    finder.found.iter().map(|place| variable(place).to_owned()).collect()
}

/// The places that an expression moves out of for the author, stages included, but for a `return` in it.
pub(super) fn places_onward(expr: &Expr, variables: &HashSet<String>) -> HashSet<String> {
    struct WithoutExits;
    impl syn::visit_mut::VisitMut for WithoutExits {
        fn visit_expr_return_mut(&mut self, leaving: &mut syn::ExprReturn) {
            leaving.expr = None;
        }
    }
    let mut expr = expr.clone();
    syn::visit_mut::VisitMut::visit_expr_mut(&mut WithoutExits, &mut expr);
    let mut finder = Finder { variables, stages: true, found: HashSet::new() };
    finder.visit_expr(&expr);
    finder.found
}

/// The variable that a place belongs to.
pub(super) fn variable(place: &str) -> &str {
    place.split('.').next().unwrap_or(place)
}

/// Whether one of two places holds the other.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    within(one, other) || within(other, one)
}

struct Finder<'v> {
    variables: &'v HashSet<String>,
    /// Whether the arguments of stages count.
    stages: bool,
    found: HashSet<String>,
}

impl Finder<'_> {
    /// A value that is taken, if it is a place.
    fn place(&mut self, expr: &Expr) -> bool {
        let Some(root) = uses::root(expr) else { return false };
        if self.variables.contains(&root.to_string()) {
            self.found.insert(text::of(expr.to_token_stream()));
        }
        true
    }

    /// A value that is only looked at, if it is a place.
    fn seen(&mut self, expr: &Expr) {
        if uses::root(expr).is_none() {
            self.visit_expr(expr);
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        if !self.place(expr) {
            visit::visit_expr(self, expr);
        }
    }
    fn visit_expr_await(&mut self, awaiting: &'ast syn::ExprAwait) {
        match &*awaiting.base {
            Expr::Call(call) if !self.stages => call.args.iter().for_each(|argument| self.seen(argument)),
            other => self.visit_expr(other),
        }
    }
    fn visit_expr_reference(&mut self, reference: &'ast syn::ExprReference) {
        self.seen(&reference.expr);
    }
    fn visit_expr_index(&mut self, index: &'ast syn::ExprIndex) {
        self.seen(&index.expr);
        self.visit_expr(&index.index);
    }
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if uses::borrows(call) {
            self.seen(&call.receiver);
        } else {
            self.visit_expr(&call.receiver);
        }
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }
    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        use BinOp::{Eq, Ge, Gt, Le, Lt, Ne};
        if matches!(binary.op, Eq(_) | Ne(_) | Lt(_) | Le(_) | Gt(_) | Ge(_)) {
            self.seen(&binary.left);
            self.seen(&binary.right);
        } else {
            visit::visit_expr_binary(self, binary);
        }
    }
    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
    fn visit_item(&mut self, _: &'ast syn::Item) {}
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let borrows = arguments::borrows(call);
        if let Some(mut list) = Arguments::of(call) {
            for value in list.values_mut() {
                if borrows { self.seen(value) } else { self.visit_expr(value) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(text: &str) -> String {
        let variables = HashSet::from(["a".to_owned(), "b".to_owned()]);
        let mut found: Vec<_> = places(&syn::parse_str(text).unwrap(), &variables).into_iter().collect();
        found.sort();
        found.join(", ")
    }

    #[test]
    fn what_is_taken_is_told_from_what_is_looked_at() {
        assert_eq!(moved("f(a.x, &b, c)"), "a.x");
        assert_eq!(moved("S { x: a.x.y, z: b.len() }"), "a.x.y");
        assert_eq!(moved("f(a.x, b.clone() + &a.y).await?.z"), "");
        assert_eq!(moved("f(g(a.x)).await"), "a.x");
        assert_eq!(moved("if a.c == b { a.into_x() } else { format!(\"{}\", a.d) }"), "a");
    }

    #[test]
    fn places_overlap_where_one_holds_the_other() {
        assert!(overlap("a.x", "a") && overlap("a", "a.x.y") && overlap("a.x", "a.x"));
        assert!(!overlap("a.x", "a.xy") && !overlap("a.x", "a.y"));
    }
}
