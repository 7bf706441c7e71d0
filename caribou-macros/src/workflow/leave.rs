//! Glue that may leave the workflow: `?`, and `return Err(..)`. In a slice it fails the run.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, Macro, Type, parse_quote_spanned};

use super::arguments;

/// Whether an expression may leave the workflow.
pub(crate) fn leaves(expr: &Expr) -> bool {
    let mut finder = Leaves(false);
    finder.visit_expr(expr);
    finder.0
}

struct Leaves(bool);

impl<'ast> Visit<'ast> for Leaves {
    fn visit_expr_try(&mut self, attempt: &'ast syn::ExprTry) {
        self.0 |= !matches!(*attempt.expr, Expr::Await(_));
        visit::visit_expr_try(self, attempt);
    }
    fn visit_expr_return(&mut self, _: &'ast syn::ExprReturn) {
        self.0 = true;
    }
    fn visit_macro(&mut self, call: &'ast Macro) {
        arguments::read(call, |value| self.0 |= leaves(value));
    }
    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}
    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// The `?` among the tokens of a macro that is not known.
pub(crate) fn question(tokens: TokenStream) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Punct(punct) if punct.as_char() == '?' => Some(TokenTree::Punct(punct)),
        TokenTree::Group(group) => question(group.stream()),
        _ => None,
    })
}

/// The expression as it stands in a slice of a workflow that returns `output`.
pub(crate) fn in_slice(mut expr: Expr, output: &Type) -> Expr {
    if leaves(&expr) {
        InSlice { output }.visit_expr_mut(&mut expr);
    }
    expr
}

struct InSlice<'o> {
    output: &'o Type,
}

impl VisitMut for InSlice<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        let output = self.output;
        match expr {
            Expr::Try(attempt) => {
                let (span, inner) = (attempt.question_token.span(), &attempt.expr);
                attempt.expr = parse_quote_spanned!(span=> __caribou::attempt::<#output, _, _>(#inner));
            }
            Expr::Return(leaving) => {
                let span = leaving.return_token.span();
                let value = leaving.expr.take().unwrap_or_else(|| parse_quote_spanned!(span=> ()));
                leaving.expr = Some(parse_quote_spanned! {span=>
                    ::core::result::Result::Err(__caribou::failure::<#output>(#value))
                });
            }
            _ => {}
        }
    }
    fn visit_macro_mut(&mut self, call: &mut Macro) {
        arguments::rewrite(call, |value| self.visit_expr_mut(value));
    }
    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}
    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}
