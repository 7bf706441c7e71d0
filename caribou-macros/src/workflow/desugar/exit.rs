//! A `return` with a value, and `let .. else` that does more than fail: what follows moves into the arm that goes on, so
//! that the value at the end of every arm is the workflow's.
//!
//! `if c { return Ok(1); } rest` becomes `if c { Ok(1) } else { rest }`. Where several arms go on, they agree on a
//! `Flow`, and what follows is an arm of a `match` on it, as is every exit. A `return Err(..)` stays where it is: it fails
//! the run.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::visit::{self, Visit};
use syn::{Expr, Pat, Stmt, Type, parse_quote};

use super::branching::{Branching, block, diverges, take_value, with_arms};
use super::lift::Lift;
use super::returns::{is_failure, is_ok, returns, value};
use super::{moved, rename, returns};
use crate::errors::Errors;
use crate::signature::Parameter;
use crate::workflow::body::VarId;
use crate::workflow::names::Names;
use crate::workflow::scope::{Binding, Scope};
use crate::workflow::{refuse, uses};

/// Rewrites a body so that nothing leaves it early with a value.
pub(super) fn exits(
    parameters: &[Parameter],
    statements: Vec<Stmt>,
    names: &mut Names,
    errors: &mut Errors,
) -> Vec<Stmt> {
    let mut variables = Variables(parameters.iter().map(|parameter| parameter.name.to_string()).collect());
    for statement in &statements {
        variables.visit_stmt(statement);
    }
    let (inner, after) = (Scope::new(), HashSet::new());
    Exits { names, errors, variables: variables.0, open: Vec::new(), inner, after, onward: HashSet::new() }
        .block(statements, Wrap::Result)
}

/// What the value at the end of a block is.
#[derive(Clone, Copy, PartialEq)]
enum Wrap {
    /// The workflow's `Result`.
    Result,
    /// A `Flow`: on with a value, or out with the workflow's.
    Flow,
}

struct Exits<'e> {
    names: &'e mut Names,
    errors: &'e mut Errors,
    /// All variables of the body.
    variables: HashSet<String>,
    /// The exits of the innermost `Flow` so far.
    open: Vec<Exit>,
    /// The variables within the branch that yields it.
    inner: Scope,
    /// The variables that are read where the workflow goes on.
    after: HashSet<String>,
    /// The places that the branch itself moves out of on its ways onward.
    onward: HashSet<String>,
}

/// A `return` of which the value is evaluated later.
struct Exit {
    leaving: syn::ExprReturn,
    /// What it reads of its arm's own, under further names.
    variables: Vec<Ident>,
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
            Stmt::Expr(Expr::Return(leaving), semicolon) if leaving.expr.as_deref().is_some_and(returns) => {
                self.lifted(Stmt::Expr(Expr::Return(leaving), semicolon), rest)
            }
            Stmt::Expr(Expr::Return(leaving), _) => Next::Done(vec![self.exit(leaving, wrap)]),
            Stmt::Local(local) => {
                let (pattern, init) = (local.pat.clone(), local.init.clone());
                let Some(init) = init else { return Next::Again(vec![Stmt::Local(local)]) };
                if let Some((_, otherwise)) = &init.diverge
                    && !returns(&init.expr)
                {
                    let inner = untyped(&pattern);
                    let expr = &init.expr;
                    let expr: Expr = match &pattern {
                        Pat::Type(typed) => {
                            let ty = &typed.ty;
                            parse_quote!(::core::convert::identity::<#ty>(#expr))
                        }
                        _ => (**expr).clone(),
                    };
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
                        self.onward(branching, Some(&pattern), rest, wrap)
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
        pattern: Option<&Pat>,
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
                arm.extend(match (pattern, value) {
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
            _ => Next::Done(self.flow(branching, pattern, rest, wrap)),
        }
    }

    /// A branch of which several arms go on: they agree on a `Flow`, on which a `match` decides. Where the value of an exit
    /// takes what is read further on, it is evaluated there, and the arm only hands over what it has of its own.
    fn flow(
        &mut self,
        branching: Branching,
        pattern: Option<&Pat>,
        rest: Vec<Stmt>,
        wrap: Wrap,
    ) -> Vec<Stmt> {
        let flow = self.names.fresh_ident("flow");
        let inner = bound_within(&branching);
        let mut after = Names::default();
        after.take_all(quote!(#(#rest)*));
        let mut after = after.into_taken();
        after.retain(|word| self.variables.contains(word));
        after.extend(self.after.iter().cloned());
        let mut onward = moved::places_onward(&branching.expr, &after);
        onward.extend(self.onward.iter().cloned());
        let around = (
            std::mem::take(&mut self.open),
            std::mem::replace(&mut self.inner, inner),
            std::mem::replace(&mut self.after, after),
            std::mem::replace(&mut self.onward, onward),
        );
        let branch = self.arms(branching, Wrap::Flow).into_iter().find_map(|statement| match statement {
            Stmt::Expr(branch, _) => Some(branch),
            _ => None,
        });
        let exits = std::mem::replace(&mut self.open, around.0);
        (self.inner, self.after, self.onward) = (around.1, around.2, around.3);

        let (onward, held): (Pat, Type) = match pattern {
            None => (parse_quote!(()), parse_quote!(())),
            Some(Pat::Type(typed)) => ((*typed.pat).clone(), (*typed.ty).clone()),
            Some(pattern) => (pattern.clone(), parse_quote!(_)),
        };
        let never: Type = parse_quote!(__caribou::Never);
        let left = exits.iter().fold(never, |left, _| parse_quote!(__caribou::Flow<_, #left>));
        let mut bound: Stmt = parse_quote!(let #flow: __caribou::Flow<#held, #left> = (););
        if let (Stmt::Local(local), Some(branch)) = (&mut bound, branch)
            && let Some(init) = &mut local.init
        {
            *init.expr = branch;
        }
        let mut chosen: syn::ExprMatch = parse_quote!(match #flow { __caribou::Flow::Go(#onward) => {} });
        if let Some(go) = chosen.arms.first_mut() {
            *go.body = block(self.block(rest, wrap));
        }
        for (number, exit) in exits.into_iter().enumerate() {
            exit.variables.iter().for_each(|variable| declare(&mut self.inner, variable));
            let handed = handed(&exit.variables);
            let left = way_out(number, &handed);
            let mut arm: syn::Arm = parse_quote!(#left => {});
            let leaving = Stmt::Expr(Expr::Return(exit.leaving), None);
            *arm.body = block(self.block(vec![leaving], wrap));
            chosen.arms.push(arm);
        }
        vec![bound, Stmt::Expr(Expr::Match(chosen), None)]
    }

    /// The branch, with every arm ending in the value that is asked for.
    fn arms(&mut self, branching: Branching, wrap: Wrap) -> Vec<Stmt> {
        let arms = branching.arms.into_iter().map(|arm| self.block(arm, wrap)).collect();
        vec![Stmt::Expr(with_arms(branching.expr, arms), None)]
    }

    /// What `return value` is at the end of a block.
    fn exit(&mut self, leaving: syn::ExprReturn, wrap: Wrap) -> Stmt {
        let failure = leaving.expr.as_deref().is_some_and(is_failure);
        if wrap == Wrap::Result {
            return Stmt::Expr(value(leaving), None);
        }
        let mut leaving = Expr::Return(leaving);
        if failure {
            return Stmt::Expr(leaving, None);
        }
        if !self.takes_from_what_follows(&leaving) {
            return self.exit_here(leaving);
        }
        let mut own: Vec<Ident> = Vec::new();
        for touch in uses::of(&leaving, &self.inner) {
            if !own.contains(&touch.ident) {
                own.push(touch.ident);
            }
        }
        let variables = rename::again(&own, &mut leaving, self.names);
        let handed = handed(&own);
        let way = way_out(self.open.len(), &handed);
        if let Expr::Return(leaving) = leaving {
            self.open.push(Exit { leaving, variables });
        }
        Stmt::Expr(parse_quote!(#way), None)
    }

    /// An exit whose value is evaluated in its arm.
    fn exit_here(&mut self, leaving: Expr) -> Stmt {
        let value: Expr = match leaving {
            Expr::Return(leaving) => match value(leaving) {
                Expr::Call(call) if is_ok(&call) => {
                    call.args.into_iter().next().unwrap_or_else(|| parse_quote!(()))
                }
                result => parse_quote!(#result?),
            },
            other => other,
        };
        let way = way_out(self.open.len(), &quote!(__caribou::result(#value)));
        let left = self.names.fresh_ident("left");
        if let Expr::Return(leaving) = parse_quote!(return Ok(#left)) {
            self.open.push(Exit { leaving, variables: vec![left] });
        }
        Stmt::Expr(parse_quote!(#way), None)
    }

    /// Whether a value takes what is read where the workflow goes on.
    fn takes_from_what_follows(&self, value: &Expr) -> bool {
        moved::places(value, &self.after).iter().any(|place| {
            // what goes on does without what it has taken itself
            self.after.contains(moved::variable(place))
                && !self.onward.iter().any(|taken| moved::overlap(taken, place))
        })
    }

    /// Moves a leaving branch out of the expression that it stands in.
    fn lifted(&mut self, mut statement: Stmt, rest: Vec<Stmt>) -> Next {
        let none = HashSet::new();
        let mut trial = Lift { names: &mut Names::default(), taken: &none, found: false, lifted: Vec::new() };
        syn::visit_mut::VisitMut::visit_stmt_mut(&mut trial, &mut statement.clone());
        let branch = trial.lifted.last().filter(|_| trial.found);
        let taken = branch.map(|(_, branch)| moved::variables(branch, &self.variables)).unwrap_or_default();
        let mut lift = Lift { names: self.names, taken: &taken, found: false, lifted: Vec::new() };
        syn::visit_mut::VisitMut::visit_stmt_mut(&mut lift, &mut statement);
        let Lift { found, lifted, .. } = lift;
        if !found {
            for token in &returns::within(&statement) {
                self.errors.at(
                    token,
                    "a workflow cannot `return` a value from here: find the value first, and decide with `if` or \
                     `match` in a statement of its own",
                );
            }
            return Next::Done(Vec::new());
        }
        let mut more = Vec::new();
        for (name, value) in lifted {
            declare(&mut self.inner, &name);
            more.push(parse_quote!(let #name = #value;));
        }
        more.push(statement);
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
    if !returns::within(statement).is_empty() {
        return true;
    }
    match statement {
        Stmt::Local(syn::Local { init: Some(init), .. }) => {
            init.diverge.as_ref().is_some_and(|(_, otherwise)| refuse::awaits(otherwise))
        }
        _ => false,
    }
}

/// `Flow::Leave(..)` for the exit of a number.
fn way_out(number: usize, handed: &TokenStream) -> TokenStream {
    (0..=number).fold(quote!(__caribou::Flow::Go(#handed)), |inner, _| quote!(__caribou::Flow::Leave(#inner)))
}

/// Variables as one value, or as the pattern that takes it apart.
fn handed(variables: &[Ident]) -> TokenStream {
    match variables {
        [only] => quote!(#only),
        several => quote!((#(#several),*)),
    }
}

fn declare(scope: &mut Scope, name: &Ident) {
    scope.declare(name.to_string(), Binding { variable: VarId(0), mutable: false });
}

/// These variables, in sight.
pub(super) fn scope_of(variables: &HashSet<String>) -> Scope {
    let mut scope = Scope::new();
    for name in variables {
        scope.declare(name.clone(), Binding { variable: VarId(0), mutable: false });
    }
    scope
}

/// The names that the patterns of a branch bind, at any depth.
fn bound_within(branching: &Branching) -> Scope {
    let mut variables = Variables(HashSet::new());
    variables.visit_expr(&branching.expr);
    scope_of(&variables.0)
}

/// The names that patterns bind.
struct Variables(HashSet<String>);

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
        self.0.insert(pat.ident.to_string());
        visit::visit_pat_ident(self, pat);
    }
}

/// `return Err(..);` at the end is the value `Err(..)`.
fn exit_at_end(statements: &mut Vec<Stmt>) {
    if let Some(Stmt::Expr(Expr::Return(_), _)) = statements.last()
        && let Some(Stmt::Expr(Expr::Return(leaving), _)) = statements.pop()
    {
        statements.push(Stmt::Expr(value(leaving), None));
    }
}

/// Whether a block ends in a failure, so that it has no value.
fn ends_in_exit(statements: &[Stmt]) -> bool {
    diverges(statements)
}

fn untyped(pattern: &Pat) -> &Pat {
    if let Pat::Type(typed) = pattern { &typed.pat } else { pattern }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        let block: syn::Block = syn::parse_str(&format!("{{ {text} }}")).unwrap();
        let (mut names, mut errors) = (Names::default(), Errors::default());
        names.take_all(quote!(#block));
        let found = exits(&[], block.stmts, &mut names, &mut errors);
        assert!(errors.is_empty(), "{:?}", errors.messages());
        found.iter().map(crate::text::of).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_return_within_the_value_of_a_return_leaves_too() {
        let found = rewritten("return g(if c { return Ok(1) } else { 2 }).await;");
        assert!(!found.contains("return"), "{found}");
        assert!(found.starts_with("if c { Ok(1) } else {"), "{found}");
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
            "let flow: __caribou::Flow<_, __caribou::Flow<_, __caribou::Never>> = match k { A => { \
             __caribou::Flow::Go(1) } B => { __caribou::Flow::Go(2) } C => { \
             __caribou::Flow::Leave(__caribou::Flow::Go(__caribou::result(3))) } }; match flow { __caribou::Flow::Go(y) => { \
             f(y).await } __caribou::Flow::Leave(__caribou::Flow::Go(left)) => { Ok(left) } }"
        );
    }

    #[test]
    fn an_exit_that_takes_what_is_read_further_on_is_evaluated_where_it_is_decided_on() {
        assert_eq!(
            rewritten("let d = e; if a { if let Some(b) = c { return Ok(g(b, d)); } f(x); } h(d).await"),
            "let d = e; let flow: __caribou::Flow<(), __caribou::Flow<_, __caribou::Never>> = if a { if let Some(b) = c { \
             __caribou::Flow::Leave(__caribou::Flow::Go(b)) } else { f(x); __caribou::Flow::Go(()) } } else { \
             __caribou::Flow::Go(()) }; match flow { __caribou::Flow::Go(()) => { h(d).await } \
             __caribou::Flow::Leave(__caribou::Flow::Go(b_2)) => { Ok(g(b_2, d)) } }"
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
    fn stages_before_a_branch_that_leaves_are_called_before_it() {
        assert_eq!(
            rewritten("g(f(x).await? + 1, y, match o { Some(x) => x, None => return Ok(0) }).await"),
            "let value = f(x).await? + 1; match o { Some(x) => { let chosen = x; g(value, y, chosen).await } None => \
             { Ok(0) } }"
        );
    }

    #[test]
    fn failures_stay_where_they_are() {
        let text = "if c { return Err(e); } Ok(1)";
        assert_eq!(rewritten(text), text);
    }
}
