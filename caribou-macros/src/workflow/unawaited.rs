//! Stage calls that are not awaited where they are made.

use std::collections::HashSet;

use syn::visit::{self, Visit};
use syn::{Expr, Pat, Stmt};

use super::arguments;
use crate::errors::Errors;
use crate::text;

/// Reports calls without `.await` of what is awaited elsewhere in the body, and of what is awaited by name.
pub(crate) fn check(statements: &[Stmt], errors: &mut Errors) {
    let mut found = Found::default();
    for statement in statements {
        found.visit_stmt(statement);
    }
    let mut calls = Calls { found: &found, errors };
    for statement in statements {
        calls.visit_stmt(statement);
    }
}

/// What the body awaits.
#[derive(Default)]
struct Found {
    /// The paths of the functions.
    functions: HashSet<String>,
    /// The names of the values.
    values: HashSet<String>,
}

impl<'ast> Visit<'ast> for Found {
    fn visit_expr_await(&mut self, awaiting: &'ast syn::ExprAwait) {
        match &*awaiting.base {
            Expr::Call(call) => drop(self.functions.insert(text::of(&call.func))),
            Expr::Path(path) => drop(self.values.insert(text::of(path))),
            _ => {}
        }
        visit::visit_expr_await(self, awaiting);
    }
    fn visit_item(&mut self, _: &'ast syn::Item) {}
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        arguments::read(call, |value| self.visit_expr(value));
    }
}

struct Calls<'f> {
    found: &'f Found,
    errors: &'f mut Errors,
}

impl Calls<'_> {
    fn report(&mut self, call: &syn::ExprCall) {
        let function = text::of(&call.func);
        self.errors.at(
            call,
            format!(
                "this stage call is not awaited: write `{function}(..).await?`; stages that do not depend on each other \
                 run in parallel anyway"
            ),
        );
    }
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_expr_await(&mut self, awaiting: &'ast syn::ExprAwait) {
        match &*awaiting.base {
            // the call itself, and the closure of a map, are as they should be
            Expr::Call(call) => {
                for argument in &call.args {
                    match argument {
                        Expr::Closure(closure) if text::of(&call.func).ends_with("map") => {
                            self.map(&closure.body);
                        }
                        other => self.visit_expr(other),
                    }
                }
            }
            _ => visit::visit_expr_await(self, awaiting),
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if self.found.functions.contains(&text::of(&call.func)) {
            self.report(call);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let (Pat::Ident(name), Some(init)) = (&local.pat, &local.init)
            && let Expr::Call(call) = &*init.expr
            && self.found.values.contains(&name.ident.to_string())
            && !self.found.functions.contains(&text::of(&call.func))
        {
            self.report(call);
        }
        visit::visit_local(self, local);
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        arguments::read(call, |value| self.visit_expr(value));
    }
}

impl Calls<'_> {
    /// The one call in the closure of a map.
    fn map(&mut self, body: &Expr) {
        match body {
            Expr::Block(block) => {
                if let [Stmt::Expr(only, None)] = block.block.stmts.as_slice() {
                    self.map(only);
                }
            }
            Expr::Call(call) => call.args.iter().for_each(|argument| self.visit_expr(argument)),
            _ => {}
        }
    }
}
