//! A branch that leaves, taken out of the expression it stands in.

use std::collections::HashSet;

use proc_macro2::Ident;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, parse_quote};

use super::branching::Branching;
use super::exit::scope_of;
use super::returns::returns;
use crate::workflow::names::Names;
use crate::workflow::{arguments, refuse, uses};

/// Takes the first branch that leaves out of an expression, and what comes before it: the stages that are called, and
/// what reads a variable that the branch takes. Puts names in their places.
pub(super) struct Lift<'n> {
    pub(super) names: &'n mut Names,
    /// The variables that the branch takes.
    pub(super) taken: &'n HashSet<String>,
    /// Whether there is such a branch.
    pub(super) found: bool,
    /// The names and what they stand for.
    pub(super) lifted: Vec<(Ident, Expr)>,
}

impl Lift<'_> {
    fn lift(&mut self, base: &str, expr: &mut Expr) {
        let name = self.names.fresh_ident(base);
        self.lifted.push((name.clone(), std::mem::replace(expr, parse_quote!(#name))));
    }
}

impl VisitMut for Lift<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if self.found {
            return;
        }
        if !returns(expr) {
            let whole = matches!(expr, Expr::Path(_) | Expr::Reference(_) | Expr::Closure(_));
            let read = || !whole && !uses::of(expr, &scope_of(self.taken)).is_empty();
            if refuse::awaits(expr) || read() {
                self.lift("value", expr);
            }
            return;
        }
        match expr {
            Expr::If(_) | Expr::Match(_) | Expr::Block(_) if Branching::of(expr.clone()).is_some() => {
                self.found = true;
                self.lift("chosen", expr);
            }
            Expr::Closure(_)
            | Expr::Async(_)
            | Expr::ForLoop(_)
            | Expr::While(_)
            | Expr::Loop(_)
            | Expr::Unsafe(_) => {}
            Expr::If(conditional) => self.visit_expr_mut(&mut conditional.cond),
            Expr::Match(matching) => self.visit_expr_mut(&mut matching.expr),
            Expr::Binary(binary) if matches!(binary.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) => {
                self.visit_expr_mut(&mut binary.left);
            }
            _ => visit_mut::visit_expr_mut(self, expr),
        }
    }
    fn visit_macro_mut(&mut self, call: &mut syn::Macro) {
        arguments::rewrite(call, |value| self.visit_expr_mut(value));
    }
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}
