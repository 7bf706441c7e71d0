//! `join!(f(a), g(b))` is the tuple of its stages' results: stages that do not read each other run side by side anyway.

use proc_macro2::Span;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Pat, Stmt, Token, parse_quote, parse_quote_spanned};

use crate::errors::Errors;
use crate::workflow::{arguments, refuse};

/// Rewrites joins as tuples.
pub(super) fn joins(mut statements: Vec<Stmt>, errors: &mut Errors) -> Vec<Stmt> {
    if let Some(Stmt::Expr(last, None)) = statements.last_mut() {
        whole(last);
    } else if let Some(Stmt::Macro(call)) = statements.last_mut()
        && call.semi_token.is_none()
    {
        let mut last = Expr::Macro(syn::ExprMacro { attrs: call.attrs.clone(), mac: call.mac.clone() });
        whole(&mut last);
        statements.pop();
        statements.push(Stmt::Expr(last, None));
    }
    let mut joins = Joins { errors };
    for statement in &mut statements {
        joins.visit_stmt_mut(statement);
    }
    statements
}

/// `try_join!(..)` as the workflow's result.
fn whole(expr: &mut Expr) {
    if let Expr::Macro(call) = expr
        && arguments::name(&call.mac) == "try_join"
    {
        let span = expr.span();
        *expr = parse_quote_spanned!(span=> ::core::result::Result::Ok(#expr?));
    }
}

struct Joins<'e> {
    errors: &'e mut Errors,
}

impl Joins<'_> {
    /// The tuple that a join stands for.
    fn tuple(&mut self, call: &syn::ExprMacro, question: Option<Token![?]>) -> Option<Expr> {
        let stages = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(call.mac.tokens.clone());
        let Ok(stages) = stages else {
            let name = arguments::name(&call.mac);
            self.errors.at(
                call,
                format!("`{name}!` takes stage calls that are not awaited yet, as in `{name}!(f(a), g(b))`"),
            );
            return None;
        };
        let mut parts: Punctuated<Expr, Token![,]> = Punctuated::new();
        for stage in stages {
            let dot = Token![.](stage.span());
            let token = Token![await](stage.span());
            let awaiting = Expr::Await(syn::ExprAwait {
                attrs: Vec::new(),
                base: Box::new(stage),
                dot_token: dot,
                await_token: token,
            });
            parts.push_value(match question {
                None => awaiting,
                Some(question_token) => {
                    Expr::Try(syn::ExprTry { attrs: Vec::new(), expr: Box::new(awaiting), question_token })
                }
            });
            parts.push_punct(Token![,](Span::call_site()));
        }
        Some(parse_quote!((#parts)))
    }
}

impl VisitMut for Joins<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        let (question, inner) = match &*expr {
            Expr::Try(attempt) => (Some(attempt.question_token), &*attempt.expr),
            other => (None, other),
        };
        if let Expr::Macro(call) = inner {
            let name = arguments::name(&call.mac);
            let call = call.clone();
            let tuple = match (name.as_str(), question) {
                ("join", None) => self.tuple(&call, None),
                ("try_join", Some(question)) => self.tuple(&call, Some(question)),
                ("try_join", None) => {
                    self.errors.at(
                        &call,
                        "write `?` after `try_join!(..)`, or take `join!(..)` to have the `Result` of every stage",
                    );
                    Some(parse_quote!(()))
                }
                _ => None,
            };
            if let Some(tuple) = tuple {
                *expr = tuple;
            }
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_stmt_mut(&mut self, statement: &mut Stmt) {
        if let Stmt::Macro(call) = statement
            && matches!(arguments::name(&call.mac).as_str(), "join" | "try_join")
        {
            let expr = Expr::Macro(syn::ExprMacro { attrs: call.attrs.clone(), mac: call.mac.clone() });
            *statement = Stmt::Expr(expr, call.semi_token);
        }
        visit_mut::visit_stmt_mut(self, statement);
    }

    fn visit_macro_mut(&mut self, call: &mut syn::Macro) {
        arguments::rewrite(call, |value| self.visit_expr_mut(value));
    }

    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

/// Takes tuples apart that are bound to a tuple of names: `let (a, b) = (f(x).await?, g(y).await?);` binds `a` and `b` each
/// for itself.
pub(super) fn apart(statements: Vec<Stmt>) -> Vec<Stmt> {
    let mut found = Vec::new();
    for mut statement in statements {
        Apart.visit_stmt_mut(&mut statement);
        match statement {
            Stmt::Local(local) => found.extend(parts(local).into_iter().map(Stmt::Local)),
            other => found.push(other),
        }
    }
    found
}

struct Apart;

impl VisitMut for Apart {
    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        block.stmts = apart(std::mem::take(&mut block.stmts));
    }
    fn visit_macro_mut(&mut self, call: &mut syn::Macro) {
        arguments::rewrite(call, |value| self.visit_expr_mut(value));
    }
    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

fn parts(local: syn::Local) -> Vec<syn::Local> {
    let plain = |pattern: &Pat| !matches!(pattern, Pat::Rest(_));
    let fits = match (&local.pat, &local.init) {
        (Pat::Tuple(pattern), Some(syn::LocalInit { expr, diverge: None, .. })) => match &**expr {
            Expr::Tuple(tuple) => {
                refuse::awaits(expr)
                    && pattern.elems.len() == tuple.elems.len()
                    && pattern.elems.iter().all(plain)
            }
            _ => false,
        },
        _ => false,
    };
    if !fits {
        return vec![local];
    }
    let syn::Local { pat: Pat::Tuple(pattern), init: Some(init), .. } = &local else { return vec![local] };
    let Expr::Tuple(tuple) = &*init.expr else { return vec![local] };
    let each = pattern.elems.iter().zip(&tuple.elems).map(|(pattern, value)| syn::Local {
        pat: pattern.clone(),
        init: Some(syn::LocalInit { expr: Box::new(value.clone()), ..init.clone() }),
        ..local.clone()
    });
    each.flat_map(parts).collect()
}
