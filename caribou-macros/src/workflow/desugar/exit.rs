//! A `return` with a value, and `let .. else` that does more than fail: what follows moves into the arm that goes on, so
//! that the value at the end of every arm is the workflow's.
//!
//! `if c { return Ok(1); } rest` becomes `if c { Ok(1) } else { rest }`. Where several arms go on, they agree on a
//! `Flow`, and what follows is an arm of a `match` on it. A `return Err(..)` stays where it is: it fails the run.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Expr, Pat, Stmt, parse_quote};

use crate::errors::Errors;
use crate::workflow::names::Names;
use crate::workflow::refuse;

/// Rewrites a body so that nothing leaves it early with a value.
pub(super) fn exits(statements: Vec<Stmt>, names: &mut Names, errors: &mut Errors) -> Vec<Stmt> {
    Exits { names, errors }.block(statements, Wrap::Result)
}

/// What the value at the end of a block is.
#[derive(Clone, Copy, PartialEq)]
enum Wrap {
    /// The workflow's `Result`.
    Result,
    /// A `Flow`: on with a value, or out with the workflow's.
    Flow,
}

/// A branch whose arms are blocks.
struct Branching {
    expr: Expr,
    arms: Vec<Vec<Stmt>>,
}

struct Exits<'e> {
    names: &'e mut Names,
    errors: &'e mut Errors,
}

impl Exits<'_> {
    /// A block at whose end stands the value that is asked for.
    fn block(&mut self, mut statements: Vec<Stmt>, wrap: Wrap) -> Vec<Stmt> {
        while let Some(index) = statements.iter().position(leaves) {
            let rest = statements.split_off(index + 1);
            let Some(leaving) = statements.pop() else { break };
            match self.statement(leaving, rest, wrap) {
                Next::Done(end) => {
                    statements.extend(end);
                    return statements;
                }
                Next::Again(more) => statements.extend(more),
            }
        }
        if wrap == Wrap::Flow && !ends_in_exit(&statements) {
            let value = take_value(&mut statements).unwrap_or_else(|| parse_quote!(()));
            statements.push(Stmt::Expr(parse_quote!(__caribou::Flow::Go(#value)), None));
        }
        if wrap == Wrap::Result {
            exit_at_end(&mut statements);
        }
        statements
    }

    /// A statement that may leave, and what follows it.
    fn statement(&mut self, statement: Stmt, rest: Vec<Stmt>, wrap: Wrap) -> Next {
        let last = rest.is_empty();
        match statement {
            Stmt::Expr(Expr::Return(leaving), _) => Next::Done(vec![exit(leaving, wrap)]),
            Stmt::Local(local) => {
                let (pattern, init) = (local.pat.clone(), local.init.clone());
                let Some(init) = init else { return Next::Again(vec![Stmt::Local(local)]) };
                if let Some((_, otherwise)) = &init.diverge
                    && !returns(&init.expr)
                {
                    let inner = untyped(&pattern);
                    let expr = &init.expr;
                    let branch = parse_quote!(match #expr { #inner => {}, _ => #otherwise });
                    let Some(mut branching) = Branching::of(branch) else { return Next::Done(Vec::new()) };
                    // what follows is the only arm that goes on
                    if let Some(arm) = branching.arms.first_mut() {
                        *arm = rest;
                    }
                    return Next::Done(self.arms(branching, wrap));
                }
                match Branching::of(*init.expr.clone()) {
                    Some(branching) if init.diverge.is_none() => {
                        self.onward(branching, Some(pattern), rest, wrap)
                    }
                    _ => self.lifted(Stmt::Local(local), rest),
                }
            }
            Stmt::Expr(expr, semicolon) => match Branching::of(expr.clone()) {
                // the value of the block
                Some(branching) if last && semicolon.is_none() && wrap == Wrap::Result => {
                    Next::Done(self.arms(branching, wrap))
                }
                Some(branching) if last && semicolon.is_none() => self.onward(branching, None, rest, wrap),
                Some(branching) => self.onward(branching, None, rest, wrap),
                None => self.lifted(Stmt::Expr(expr, semicolon), rest),
            },
            other => self.lifted(other, rest),
        }
    }

    /// A branch of which some arms leave and some go on with `rest`.
    fn onward(
        &mut self,
        mut branching: Branching,
        pattern: Option<Pat>,
        rest: Vec<Stmt>,
        wrap: Wrap,
    ) -> Next {
        let tail_value = rest.is_empty() && pattern.is_none();
        let onward: Vec<usize> =
            (0..branching.arms.len()).filter(|arm| !diverges(&branching.arms[*arm])).collect();
        match onward.as_slice() {
            [] => Next::Done(self.arms(branching, wrap)),
            _ if tail_value => Next::Done(self.arms(branching, wrap)),
            [only] => {
                let mut arm = std::mem::take(&mut branching.arms[*only]);
                let value = take_value(&mut arm);
                arm.extend(match (&pattern, value) {
                    (Some(pattern), value) => {
                        let value = value.unwrap_or_else(|| parse_quote!(()));
                        Some(parse_quote!(let #pattern = #value;))
                    }
                    (None, Some(value)) => Some(Stmt::Expr(value, Some(syn::token::Semi::default()))),
                    (None, None) => None,
                });
                arm.extend(rest);
                branching.arms[*only] = arm;
                Next::Done(self.arms(branching, wrap))
            }
            _ => {
                let flow = self.names.fresh_ident("flow");
                let branch = self.arms(branching, Wrap::Flow);
                let branch = branch.into_iter().find_map(|statement| match statement {
                    Stmt::Expr(branch, _) => Some(branch),
                    _ => None,
                });
                let result = self.names.fresh_ident("left");
                let pattern: Pat =
                    pattern.map_or_else(|| parse_quote!(()), |pattern| untyped(&pattern).clone());
                let rest = self.block(rest, wrap);
                let leave: Expr = match wrap {
                    Wrap::Result => parse_quote!(Ok(#result)),
                    Wrap::Flow => parse_quote!(__caribou::Flow::Leave(#result)),
                };
                let mut chosen: syn::ExprMatch = parse_quote!(match #flow {
                    __caribou::Flow::Go(#pattern) => {}
                    __caribou::Flow::Leave(#result) => #leave,
                });
                if let Some(go) = chosen.arms.first_mut() {
                    *go.body = block(rest);
                }
                let mut bound: Stmt = parse_quote!(let #flow = (););
                if let (Stmt::Local(local), Some(branch)) = (&mut bound, branch)
                    && let Some(init) = &mut local.init
                {
                    *init.expr = branch;
                }
                Next::Done(vec![bound, Stmt::Expr(Expr::Match(chosen), None)])
            }
        }
    }

    /// The branch, with every arm ending in the value that is asked for.
    fn arms(&mut self, branching: Branching, wrap: Wrap) -> Vec<Stmt> {
        let arms = branching.arms.into_iter().map(|arm| self.block(arm, wrap)).collect();
        vec![Stmt::Expr(with_arms(branching.expr, arms), None)]
    }

    /// Moves a leaving branch out of the expression that it stands in.
    fn lifted(&mut self, mut statement: Stmt, rest: Vec<Stmt>) -> Next {
        let name = self.names.fresh_ident("chosen");
        let mut lift = Lift { name: &name, found: None };
        syn::visit_mut::VisitMut::visit_stmt_mut(&mut lift, &mut statement);
        let Some(found) = lift.found else {
            let mut finder = Returns { found: Vec::new() };
            finder.visit_stmt(&statement);
            for token in &finder.found {
                self.errors.at(
                    token,
                    "a workflow cannot `return` a value from here: find the value first, and decide with `if` or \
                     `match` in a statement of its own",
                );
            }
            return Next::Done(Vec::new());
        };
        let mut more = vec![parse_quote!(let #name = #found;), statement];
        more.extend(rest);
        Next::Again(more)
    }
}

/// What becomes of a statement that may leave.
enum Next {
    /// The end of the block.
    Done(Vec<Stmt>),
    /// Statements to look at again.
    Again(Vec<Stmt>),
}

/// Whether a statement has to be rewritten.
fn leaves(statement: &Stmt) -> bool {
    let mut finder = Returns { found: Vec::new() };
    finder.visit_stmt(statement);
    if !finder.found.is_empty() {
        return true;
    }
    match statement {
        Stmt::Local(syn::Local { init: Some(init), .. }) => {
            init.diverge.as_ref().is_some_and(|(_, otherwise)| refuse::awaits(otherwise))
        }
        _ => false,
    }
}

fn returns(expr: &Expr) -> bool {
    let mut finder = Returns { found: Vec::new() };
    finder.visit_expr(expr);
    !finder.found.is_empty()
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
}

/// `Err(..)` without a stage in it.
fn is_failure(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Err"))
                && !refuse::awaits(expr)
        }
        Expr::Paren(paren) => is_failure(&paren.expr),
        _ => false,
    }
}

/// What `return value` is at the end of a block.
fn exit(leaving: syn::ExprReturn, wrap: Wrap) -> Stmt {
    if leaving.expr.as_deref().is_some_and(is_failure) && wrap == Wrap::Flow {
        return Stmt::Expr(Expr::Return(leaving), None);
    }
    let value = leaving.expr.map_or_else(|| parse_quote!(()), |value| *value);
    let value = match (wrap, value) {
        (Wrap::Result, value) => value,
        (Wrap::Flow, Expr::Call(call)) if is_ok(&call) => {
            let value = call.args.into_iter().next().unwrap_or_else(|| parse_quote!(()));
            parse_quote!(__caribou::Flow::Leave(#value))
        }
        (Wrap::Flow, value) => parse_quote!(__caribou::Flow::Leave(#value?)),
    };
    Stmt::Expr(value, None)
}

fn is_ok(call: &syn::ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Ok")) && call.args.len() == 1
}

/// `return Err(..);` at the end is the value `Err(..)`.
fn exit_at_end(statements: &mut Vec<Stmt>) {
    if let Some(Stmt::Expr(Expr::Return(_), _)) = statements.last()
        && let Some(Stmt::Expr(Expr::Return(leaving), _)) = statements.pop()
    {
        statements.push(exit(leaving, Wrap::Result));
    }
}

/// Whether a block ends in a failure, so that it has no value.
fn ends_in_exit(statements: &[Stmt]) -> bool {
    diverges(statements)
}

/// Takes the value off the end of a block.
fn take_value(statements: &mut Vec<Stmt>) -> Option<Expr> {
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
fn diverges(statements: &[Stmt]) -> bool {
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
    let name = crate::workflow::arguments::name(call);
    matches!(name.as_str(), "panic" | "unreachable" | "todo" | "unimplemented")
}

fn untyped(pattern: &Pat) -> &Pat {
    if let Pat::Type(typed) = pattern { &typed.pat } else { pattern }
}

impl Branching {
    /// A branch, taken apart; nothing if the expression is none.
    fn of(expr: Expr) -> Option<Self> {
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
fn block(stmts: Vec<Stmt>) -> Expr {
    let block = syn::Block { brace_token: syn::token::Brace::default(), stmts };
    Expr::Block(syn::ExprBlock { attrs: Vec::new(), label: None, block })
}

/// A branch with other arms.
fn with_arms(expr: Expr, arms: Vec<Vec<Stmt>>) -> Expr {
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

/// Takes the first branch that leaves out of an expression, and puts a name in its place.
struct Lift<'n> {
    name: &'n Ident,
    found: Option<Expr>,
}

impl syn::visit_mut::VisitMut for Lift<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if self.found.is_some() || !returns(expr) {
            return;
        }
        match expr {
            Expr::If(_) | Expr::Match(_) | Expr::Block(_) if Branching::of(expr.clone()).is_some() => {
                let name = self.name;
                self.found = Some(std::mem::replace(expr, parse_quote!(#name)));
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
            _ => syn::visit_mut::visit_expr_mut(self, expr),
        }
    }
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        let block: syn::Block = syn::parse_str(&format!("{{ {text} }}")).unwrap();
        let (mut names, mut errors) = (Names::default(), Errors::default());
        let found = exits(block.stmts, &mut names, &mut errors);
        assert!(errors.is_empty(), "{:?}", errors.messages());
        found.iter().map(crate::text::of).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_follows_an_arm_that_leaves_moves_into_the_other() {
        assert_eq!(rewritten("if c { return Ok(1); } f(x); Ok(2)"), "if c { Ok(1) } else { f(x); Ok(2) }");
        assert_eq!(
            rewritten("let y = match r { Ok(y) => y, Err(e) => return g(e).await }; h(y).await"),
            "match r { Ok(y) => { let y = y; h(y).await } Err(e) => { g(e).await } }"
        );
    }

    #[test]
    fn let_else_is_a_match() {
        assert_eq!(
            rewritten("let Some(x) = o else { return Ok(0) }; f(x).await"),
            "match o { Some(x) => { f(x).await } _ => { Ok(0) } }"
        );
        let failing = "let Some(x) = o else { return Err(e) }; f(x).await";
        assert_eq!(rewritten(failing), failing);
    }

    #[test]
    fn several_arms_that_go_on_agree_on_a_flow() {
        assert_eq!(
            rewritten("let y = match k { A => 1, B => 2, C => return Ok(3) }; f(y).await"),
            "let flow = match k { A => { __caribou::Flow::Go(1) } B => { __caribou::Flow::Go(2) } C => { \
             __caribou::Flow::Leave(3) } }; match flow { __caribou::Flow::Go(y) => { f(y).await } \
             __caribou::Flow::Leave(left) => Ok(left), }"
        );
        assert_eq!(
            rewritten("if a { if b { return Ok(1); } f(x); } g(y).await"),
            "let flow = if a { if b { __caribou::Flow::Leave(1) } else { f(x); __caribou::Flow::Go(()) } } else { \
             __caribou::Flow::Go(()) }; match flow { __caribou::Flow::Go(()) => { g(y).await } \
             __caribou::Flow::Leave(left) => Ok(left), }"
        );
    }

    #[test]
    fn a_branch_in_the_middle_of_an_expression_is_lifted() {
        assert_eq!(
            rewritten("f(match o { Some(x) => x, None => return Ok(0) })"),
            "match o { Some(x) => { let chosen = x; f(chosen) } None => { Ok(0) } }"
        );
    }

    #[test]
    fn failures_stay_where_they_are() {
        let text = "if c { return Err(e); } Ok(1)";
        assert_eq!(rewritten(text), text);
    }
}
