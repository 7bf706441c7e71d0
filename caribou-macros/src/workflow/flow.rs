//! Which way a branch with an early return in it went: on, or out with the workflow's value.
//!
//! The decision on a `Flow` is known from the arm that made it, so that the graph has no edge that can never be taken.

use std::collections::BTreeMap;

use syn::{Expr, Pat, Path};

use super::body::{Body, BranchId, Decision, VarId};
use super::place::ArmPath;

/// A variant of `Flow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Go,
    Leave,
}

impl Way {
    /// The way as a condition.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Go => "nothing returned before",
            Self::Leave => "an earlier `return` was reached",
        }
    }
}

/// The way that a pattern of the generated `match` stands for.
pub(crate) fn of_pattern(pattern: &Pat) -> Option<Way> {
    match pattern {
        Pat::TupleStruct(pattern) => of_path(&pattern.path),
        _ => None,
    }
}

fn of_path(path: &Path) -> Option<Way> {
    let [root, name, way] = path.segments.iter().collect::<Vec<_>>()[..] else { return None };
    if root.ident != "__caribou" || name.ident != "Flow" {
        return None;
    }
    Some(if way.ident == "Go" { Way::Go } else { Way::Leave })
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
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => of_path(&path.path),
            _ => None,
        },
        Expr::Path(_) => made(body, code.uses.first()?.variable, arms),
        _ => None,
    }
}
