//! What an expression is as a whole: a stage call, a branch, or glue.

use syn::Expr;

use super::Lowering;
use crate::workflow::refuse::{self, Place};

/// A stage call as the author wrote it.
pub(super) struct Call {
    pub(super) expr: syn::ExprCall,
    pub(super) function: syn::Path,
    pub(super) question: syn::Token![?],
}

/// What an expression is as a whole.
pub(super) enum Form {
    Stage(Call),
    Branch(syn::ExprIf),
    Glue(Expr),
    /// It was reported.
    Broken,
}

impl Lowering<'_> {
    /// What kind of thing an expression is as a whole.
    pub(super) fn stage_call(&mut self, expr: Expr) -> Form {
        match expr {
            Expr::Paren(paren) if refuse::awaits(&paren.expr) => self.stage_call(*paren.expr),
            Expr::Group(group) => self.stage_call(*group.expr),
            Expr::Try(attempt) if matches!(*attempt.expr, Expr::Await(_)) => {
                let Expr::Await(awaiting) = *attempt.expr else { return Form::Broken };
                self.call(awaiting, attempt.question_token)
            }
            Expr::Await(awaiting) => {
                self.errors.at(
                    &awaiting,
                    "a stage's `Result` as a value is not supported yet: write `?` after `.await`",
                );
                Form::Broken
            }
            Expr::If(branch) if arms_await(&branch) => {
                if refuse::has_let(&branch.cond) {
                    refuse::check(&Expr::If(branch), Place::Glue, self.errors);
                    return Form::Broken;
                }
                Form::Branch(branch)
            }
            other => Form::Glue(other),
        }
    }

    /// The call under an `.await`.
    pub(super) fn call(&mut self, awaiting: syn::ExprAwait, question: syn::Token![?]) -> Form {
        let call = Expr::Await(awaiting.clone());
        let Expr::Call(inner) = *awaiting.base else {
            let what = match &*awaiting.base {
                Expr::MethodCall(_) => "a method",
                Expr::Macro(_) => "a macro",
                _ => "a value",
            };
            self.errors.at(
                call,
                format!(
                    "a workflow awaits calls of caribou functions only, and this awaits {what}: put it into a \
                     function with `#[caribou::function]` and call that by its path"
                ),
            );
            return Form::Broken;
        };
        let path = match &*inner.func {
            Expr::Path(path) if path.qself.is_none() => path.path.clone(),
            other => {
                self.errors
                    .at(other, "a stage is called by the path of its function, as in `stages::press(photo)`");
                return Form::Broken;
            }
        };
        if path.segments.last().is_some_and(|last| last.ident == "map")
            && inner.args.iter().any(|argument| matches!(argument, Expr::Closure(_)))
        {
            self.errors.at(call, "`caribou::map` is not supported yet: let one function take the whole list");
            return Form::Broken;
        }
        if let Some(generic) = path.segments.iter().find(|segment| !segment.arguments.is_none()) {
            self.errors.at(&generic.arguments, "a caribou function cannot be generic");
            return Form::Broken;
        }
        Form::Stage(Call { expr: inner, function: path, question })
    }
}

/// Whether an arm of an `if` holds a stage call.
fn arms_await(branch: &syn::ExprIf) -> bool {
    let then =
        Expr::Block(syn::ExprBlock { attrs: Vec::new(), label: None, block: branch.then_branch.clone() });
    refuse::awaits(&then)
        || branch.else_branch.as_ref().is_some_and(|(_, otherwise)| refuse::awaits(otherwise))
}

/// `Ok(value)`
pub(super) fn is_ok(call: &syn::ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Ok")) && call.args.len() == 1
}
