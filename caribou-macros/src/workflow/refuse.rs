//! What the workflow language does not have, and the way out of it.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, Macro};

use super::arguments::{self, Arguments};
use super::leave;
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
    Guard,
    Block,
    /// Where an `assert!` does not come if it holds.
    Lazy,
}

impl Place {
    /// What to do about a stage call there.
    fn remedy(self) -> &'static str {
        match self {
            Self::Glue => {
                "a stage call cannot stand here: bind it to a name first, `let value = stage(..).await?;`"
            }
            Self::Loop => {
                "a stage call cannot stand in a loop, since the compiler must know every stage: call it for every item \
                 with `caribou::map(items, |item| stage(item)).await?`, or let one function take the whole list"
            }
            Self::Closure => {
                "a stage call cannot stand in a closure other than that of `caribou::map(items, |item| stage(item))`: \
                 call the stage first and let the closure use its value"
            }
            Self::Async => {
                "a stage call cannot stand in an `async` block: stages that do not depend on each other run in \
                 parallel anyway"
            }
            Self::ShortCircuit => {
                "a stage call cannot stand right of `&&` or `||`: write it as `if .. { stage(..).await? } else { .. }`"
            }
            Self::Guard => {
                "a stage call cannot stand in the guard of a `match` arm: call the stage before the `match`, or decide \
                 with an `if` in the arm"
            }
            Self::Lazy => {
                "a stage call cannot stand in what an assertion says when it fails, since it may not run: call the stage \
                 before"
            }
            Self::Block => {
                "a stage call cannot stand in a labelled or `unsafe` block: use a plain block, `if` or `match`"
            }
        }
    }
}

/// Reports an item that cannot stand in a body: it is copied to where the slices are.
pub(crate) fn check_item(item: &syn::Item, errors: &mut Errors) {
    use syn::Item;
    match item {
        Item::Const(_) | Item::Enum(_) | Item::Fn(_) | Item::Struct(_) | Item::Type(_) | Item::Use(_) => {}
        other => errors.at(
            other,
            "only `use`, `const`, `fn`, `struct`, `enum` and `type` can stand in a workflow's body: move this item out, \
             beside the workflow",
        ),
    }
}

/// Reports items in blocks with stages, where they would be seen by the whole body.
pub(crate) fn check_inner_items(statements: &[syn::Stmt], errors: &mut Errors) {
    struct Blocks<'e>(&'e mut Errors);
    impl<'ast> Visit<'ast> for Blocks<'_> {
        fn visit_block(&mut self, block: &'ast syn::Block) {
            for statement in &block.stmts {
                if let syn::Stmt::Item(item) = statement {
                    self.0.at(item, "an item stands at the top of a workflow's body, or beside the workflow");
                }
            }
            visit::visit_block(self, block);
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    let mut blocks = Blocks(errors);
    for statement in statements {
        blocks.visit_stmt(statement);
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
    fn visit_macro(&mut self, call: &'ast Macro) {
        arguments::read(call, |value| self.0 |= awaits(value));
    }
}

/// Reports everything in glue that a slice cannot hold.
pub(crate) fn check(expr: &Expr, place: Place, errors: &mut Errors) {
    Check { place, leaves: true, errors }.visit_expr(expr);
}

struct Check<'e> {
    place: Place,
    /// Whether `?` leaves the workflow here, rather than a closure.
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

    fn visit_pat_guard(&mut self, guard: &'ast syn::PatGuard) {
        self.within(Place::Guard, true, |check| visit::visit_pat_guard(check, guard));
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
        if let Some(mut list) = Arguments::of(call) {
            list.values_mut().into_iter().for_each(|value| self.visit_expr(value));
            return;
        }
        let name = arguments::name(call);
        if name == "select" {
            self.errors.at(
                call,
                "`select!` cannot stand in a workflow, whose stages all run to their end: put the race into a \
                 function with `#[caribou::function]`",
            );
        } else if let Some(token) = find_await(call.tokens.clone()) {
            self.errors.at(
                token,
                format!(
                    "a stage call cannot stand in `{name}!`, whose arguments the compiler does not know: bind it to a \
                     name first, `let value = stage(..).await?;`"
                ),
            );
        } else if let Some(token) = leave::question(call.tokens.clone()).filter(|_| self.leaves) {
            self.errors.at(
                token,
                format!(
                    "`?` cannot stand in `{name}!`, whose arguments the compiler does not know: bind the value to a \
                     name first"
                ),
            );
        }
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
