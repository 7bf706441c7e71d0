//! An `if`, `match` or block taken apart into its arms, and put together again.

use syn::{Expr, Stmt};

use super::returns::returns;
use crate::workflow::arguments;

/// A branch whose arms are blocks.
pub(super) struct Branching {
    pub(super) expr: Expr,
    pub(super) arms: Vec<Vec<Stmt>>,
}

impl Branching {
    /// A branch, taken apart; nothing if the expression is none.
    pub(super) fn of(expr: Expr) -> Option<Self> {
        let arms = match &expr {
            Expr::If(conditional) => {
                let otherwise = conditional.else_branch.as_ref().map(|(_, otherwise)| statements(otherwise));
                vec![conditional.then_branch.stmts.clone(), otherwise.unwrap_or_default()]
            }
            Expr::Match(matching) => matching.arms.iter().map(|arm| statements(&arm.body)).collect(),
            Expr::Block(block) if block.label.is_none() => vec![block.block.stmts.clone()],
            Expr::Paren(paren) => return Self::of(*paren.expr.clone()),
            _ => return None,
        };
        let decided = match &expr {
            Expr::If(conditional) => returns(&conditional.cond),
            Expr::Match(matching) => returns(&matching.expr),
            _ => false,
        };
        (!decided).then_some(Self { expr, arms })
    }
}

fn statements(expr: &Expr) -> Vec<Stmt> {
    match expr {
        Expr::Block(block) if block.label.is_none() => block.block.stmts.clone(),
        other => vec![Stmt::Expr(other.clone(), None)],
    }
}

/// `{ statements }`, without a parser: what is nested deeply would be parsed again and again.
pub(super) fn block(stmts: Vec<Stmt>) -> Expr {
    let block = syn::Block { brace_token: syn::token::Brace::default(), stmts };
    Expr::Block(syn::ExprBlock { attrs: Vec::new(), label: None, block })
}

/// A branch with other arms.
pub(super) fn with_arms(expr: Expr, arms: Vec<Vec<Stmt>>) -> Expr {
    let mut arms = arms.into_iter();
    let mut next = || arms.next().unwrap_or_default();
    match expr {
        Expr::If(mut conditional) => {
            conditional.then_branch.stmts = next();
            let otherwise = next();
            let token = conditional.else_branch.as_ref().map_or_else(Default::default, |(token, _)| *token);
            conditional.else_branch = (!otherwise.is_empty()).then(|| (token, Box::new(block(otherwise))));
            Expr::If(conditional)
        }
        Expr::Match(mut matching) => {
            for arm in &mut matching.arms {
                *arm.body = block(next());
                arm.comma = None;
            }
            Expr::Match(matching)
        }
        Expr::Block(mut block) => {
            block.block.stmts = next();
            Expr::Block(block)
        }
        other => other,
    }
}

/// Takes the value off the end of a block.
pub(super) fn take_value(statements: &mut Vec<Stmt>) -> Option<Expr> {
    match statements.pop() {
        Some(Stmt::Expr(value, None)) => Some(value),
        Some(Stmt::Macro(call)) if call.semi_token.is_none() => {
            Some(Expr::Macro(syn::ExprMacro { attrs: call.attrs, mac: call.mac }))
        }
        other => {
            statements.extend(other);
            None
        }
    }
}

/// Whether a block is surely left before its end.
pub(super) fn diverges(statements: &[Stmt]) -> bool {
    statements.iter().any(|statement| match statement {
        Stmt::Expr(expr, _) => expr_diverges(expr),
        Stmt::Macro(call) => ends_everything(&call.mac),
        Stmt::Local(local) => local.init.as_ref().is_some_and(|init| expr_diverges(&init.expr)),
        Stmt::Item(_) => false,
    })
}

fn expr_diverges(expr: &Expr) -> bool {
    match expr {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Macro(call) => ends_everything(&call.mac),
        Expr::Block(block) => diverges(&block.block.stmts),
        Expr::Paren(paren) => expr_diverges(&paren.expr),
        Expr::If(conditional) => {
            diverges(&conditional.then_branch.stmts)
                && conditional.else_branch.as_ref().is_some_and(|(_, otherwise)| expr_diverges(otherwise))
        }
        Expr::Match(matching) => {
            !matching.arms.is_empty() && matching.arms.iter().all(|arm| expr_diverges(&arm.body))
        }
        _ => false,
    }
}

fn ends_everything(call: &syn::Macro) -> bool {
    let name = arguments::name(call);
    matches!(name.as_str(), "panic" | "unreachable" | "todo" | "unimplemented")
}
