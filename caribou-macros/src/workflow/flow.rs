//! Which way a branch with an early return in it went: on, or out with the workflow's value.
//!
//! The decision on a `Flow` is known from the arm that made it, so that the graph has no edge that can never be taken.

use std::collections::BTreeMap;

use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Pat, Path, parse_quote};

use super::body::{Body, BranchId, Decision, VarId};
use super::place::ArmPath;

/// A way out of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// On with what follows.
    Go,
    /// Out, by one of the exits.
    Leave(usize),
}

impl Way {
    /// The way as a condition.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Go => "nothing returned before",
            Self::Leave(_) => "an earlier `return` was reached",
        }
    }

    fn of(leaves: usize) -> Self {
        leaves.checked_sub(1).map_or(Self::Go, Self::Leave)
    }
}

/// The way that a pattern of the generated `match` stands for: `Flow::Leave` as often as the exit's number says, then
/// `Flow::Go`.
pub(crate) fn of_pattern(pattern: &Pat) -> Option<Way> {
    let mut leaves = 0;
    let mut pattern = pattern;
    while let Pat::TupleStruct(outer) = pattern {
        match variant(&outer.path)?.as_str() {
            "Go" => return Some(Way::of(leaves)),
            _ => leaves += 1,
        }
        pattern = outer.elems.first()?;
    }
    None
}

/// The way that the value at the end of an arm stands for.
fn of_value(expr: &Expr) -> Option<Way> {
    let mut leaves = 0;
    let mut expr = expr;
    while let Expr::Call(outer) = expr {
        let Expr::Path(path) = &*outer.func else { return None };
        match variant(&path.path)?.as_str() {
            "Go" => return Some(Way::of(leaves)),
            _ => leaves += 1,
        }
        expr = outer.args.first()?;
    }
    None
}

/// An expression in which every way out with the workflow's result is a `return`, as the author wrote it: what it takes is
/// still there for whoever goes on.
pub(crate) fn returned(mut expr: Expr) -> Expr {
    Returned.visit_expr_mut(&mut expr);
    expr
}

struct Returned;

impl VisitMut for Returned {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match result_of(expr) {
            Some(result) => *expr = parse_quote!(return ::core::result::Result::Ok(#result)),
            None => visit_mut::visit_expr_mut(self, expr),
        }
    }
}

/// The workflow's result in a value, if that is a way out.
fn result_of(expr: &Expr) -> Option<&Expr> {
    let mut expr = expr;
    while let Expr::Call(outer) = expr {
        let Expr::Path(path) = &*outer.func else { return None };
        let inner = outer.args.first()?;
        match path.path.segments.iter().collect::<Vec<_>>()[..] {
            [root, name] if root.ident == "__caribou" && name.ident == "result" => return Some(inner),
            _ => drop(variant(&path.path)?),
        }
        expr = inner;
    }
    None
}

/// `Go` or `Leave`.
fn variant(path: &Path) -> Option<String> {
    let [root, name, variant] = path.segments.iter().collect::<Vec<_>>()[..] else { return None };
    (root.ident == "__caribou" && name.ident == "Flow").then(|| variant.ident.to_string())
}

/// A path without the decisions that follow from others; nothing if it contradicts itself. `own` are the arms around
/// the sender.
pub(crate) fn possible(body: &Body, own: &ArmPath, path: ArmPath) -> Option<ArmPath> {
    let arms: BTreeMap<BranchId, usize> = own.iter().chain(&path).copied().collect();
    let mut left = ArmPath::new();
    for (branch, arm) in path {
        match known(body, branch, &arms) {
            Some(way) if way != arm => return None,
            Some(_) => {}
            None => left.push((branch, arm)),
        }
    }
    let contradicted =
        own.iter().any(|(branch, arm)| known(body, *branch, &arms).is_some_and(|way| way != *arm));
    (!contradicted).then_some(left)
}

/// The arm that a decision on a `Flow` takes, as far as that is known.
fn known(body: &Body, branch: BranchId, arms: &BTreeMap<BranchId, usize>) -> Option<usize> {
    let (code, Decision::Match(patterns)) = body.decision(branch) else { return None };
    of_pattern(patterns.first()?)?;
    let variable = code.uses.first()?.variable;
    let way = made(body, variable, arms)?;
    patterns.iter().position(|pattern| of_pattern(pattern) == Some(way))
}

/// The way that the branch behind a variable went.
fn made(body: &Body, variable: VarId, arms: &BTreeMap<BranchId, usize>) -> Option<Way> {
    let index = body.branches.iter().position(|branch| branch.binds.contains(&variable))?;
    let arm = arms.get(&BranchId(index))?;
    let code = body.branches[index].arms[*arm].block.end.code()?;
    match &code.expr {
        Expr::Path(_) => made(body, code.uses.first()?.variable, arms),
        value => of_value(value),
    }
}
