//! What the workflow language does not have, and the way out of it.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, Macro};

use crate::errors::Errors;

/// Where code stands in which a stage call cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Plain glue: a stage call is only refused where it cannot be lifted out.
    Glue,
    Loop,
    Closure,
    Async,
    ShortCircuit,
    Match,
    IfLet,
    Block,
}

impl Place {
    /// What to do about a stage call there.
    fn remedy(self) -> &'static str {
        match self {
            Self::Glue => {
                "a stage call cannot stand here: bind it to a name first, `let value = stage(..).await?;`"
            }
            Self::Loop => {
                "a stage call cannot stand in a loop: a workflow's stages are known before it runs; let one \
                 function take the whole list, or write one call for each element"
            }
            Self::Closure => {
                "a stage call cannot stand in a closure: call the stage first and let the closure use its value"
            }
            Self::Async => {
                "a stage call cannot stand in an `async` block: stages that do not depend on each other run in \
                 parallel anyway"
            }
            Self::ShortCircuit => {
                "a stage call cannot stand right of `&&` or `||`: write it as `if .. { stage(..).await? } else { .. }`"
            }
            Self::Match => {
                "a stage call cannot stand in a `match` arm yet: decide with `if` and `else`, and take values apart \
                 in glue before it"
            }
            Self::IfLet => {
                "a stage call cannot stand under `if let` yet: decide with `if value.is_some()`, and take the value \
                 apart in glue inside it"
            }
            Self::Block => {
                "a stage call cannot stand in a nested block yet: move the block's statements before this one"
            }
        }
    }
}

/// Whether code holds an `.await` of the workflow itself or one that is to be refused.
pub(crate) fn awaits(expr: &Expr) -> bool {
    let mut finder = Awaits(false);
    finder.visit_expr(expr);
    finder.0
}

struct Awaits(bool);

impl<'ast> Visit<'ast> for Awaits {
    fn visit_expr_await(&mut self, _: &'ast syn::ExprAwait) {
        self.0 = true;
    }
    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// Reports everything in glue that a slice cannot hold: stage calls, early exits, items.
pub(crate) fn check(expr: &Expr, place: Place, errors: &mut Errors) {
    Check { place, leaves: true, errors }.visit_expr(expr);
}

struct Check<'e> {
    place: Place,
    /// Whether `?` and `return` leave the workflow here, rather than a closure.
    leaves: bool,
    errors: &'e mut Errors,
}

impl Check<'_> {
    fn within(&mut self, place: Place, leaves: bool, body: impl FnOnce(&mut Self)) {
        let before = (self.place, self.leaves);
        (self.place, self.leaves) = (place, leaves && self.leaves);
        body(self);
        (self.place, self.leaves) = before;
    }
}

impl<'ast> Visit<'ast> for Check<'_> {
    fn visit_expr_await(&mut self, awaiting: &'ast syn::ExprAwait) {
        self.errors.at(awaiting, self.place.remedy());
    }

    fn visit_expr_try(&mut self, attempt: &'ast syn::ExprTry) {
        if let Expr::Await(awaiting) = &*attempt.expr {
            self.errors.at(awaiting, self.place.remedy());
        } else {
            if self.leaves {
                self.errors.at(
                    attempt.question_token,
                    "`?` on anything but a stage call may leave the workflow early, which is not supported yet: do \
                     what can fail inside a function, or handle the error with `match` or `unwrap_or_else`",
                );
            }
            visit::visit_expr_try(self, attempt);
        }
    }

    fn visit_expr_return(&mut self, leaving: &'ast syn::ExprReturn) {
        if self.leaves {
            self.errors.at(
                leaving.return_token,
                "`return` is not supported in a workflow yet: make the rest of the body the `else` of an `if`, and \
                 the result the value of that `if`",
            );
        } else {
            visit::visit_expr_return(self, leaving);
        }
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.within(Place::Closure, false, |check| visit::visit_expr_closure(check, closure));
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.within(Place::Async, false, |check| visit::visit_expr_async(check, block));
    }

    fn visit_expr_for_loop(&mut self, looping: &'ast syn::ExprForLoop) {
        self.within(Place::Loop, true, |check| visit::visit_expr_for_loop(check, looping));
    }

    fn visit_expr_while(&mut self, looping: &'ast syn::ExprWhile) {
        self.within(Place::Loop, true, |check| visit::visit_expr_while(check, looping));
    }

    fn visit_expr_loop(&mut self, looping: &'ast syn::ExprLoop) {
        self.within(Place::Loop, true, |check| visit::visit_expr_loop(check, looping));
    }

    fn visit_expr_match(&mut self, matching: &'ast syn::ExprMatch) {
        let place = if self.place == Place::Glue { Place::Match } else { self.place };
        self.within(place, true, |check| visit::visit_expr_match(check, matching));
    }

    fn visit_expr_if(&mut self, conditional: &'ast syn::ExprIf) {
        let binds =
            matches!(&*conditional.cond, Expr::Let(_) | Expr::Binary(_)) && has_let(&conditional.cond);
        let place = if self.place == Place::Glue && binds { Place::IfLet } else { self.place };
        self.within(place, true, |check| visit::visit_expr_if(check, conditional));
    }

    fn visit_expr_block(&mut self, block: &'ast syn::ExprBlock) {
        let place = if self.place == Place::Glue { Place::Block } else { self.place };
        self.within(place, true, |check| visit::visit_expr_block(check, block));
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        let place = if self.place == Place::Glue { Place::Block } else { self.place };
        self.within(place, true, |check| visit::visit_expr_unsafe(check, block));
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}

    fn visit_macro(&mut self, call: &'ast Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if matches!(name.as_str(), "join" | "try_join" | "select") {
            self.errors.at(
                call,
                format!(
                    "`{name}!` is not supported in a workflow yet: write one `let` for each stage; stages that do \
                     not depend on each other run in parallel anyway"
                ),
            );
        } else if let Some(token) = find_await(call.tokens.clone()) {
            self.errors.at(
                token,
                "a stage call cannot stand in a macro: bind it to a name first, `let value = stage(..).await?;`",
            );
        }
    }
}

/// Whether a condition is `if let`, alone or in a chain.
pub(crate) fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

/// The `await` of `.await` in a macro's tokens.
fn find_await(tokens: TokenStream) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "await" => Some(TokenTree::Ident(ident)),
        TokenTree::Group(group) => find_await(group.stream()),
        _ => None,
    })
}
