//! What an expression is as a whole: a stage call, a branch, a block, or glue.

use syn::{Expr, Pat, parse_quote};

use super::Lowering;
use crate::workflow::leave;
use crate::workflow::refuse::{self, Place};

/// A stage call as the author wrote it.
pub(super) struct Call {
    pub(super) expr: syn::ExprCall,
    pub(super) function: syn::Path,
    pub(super) question: Option<syn::Token![?]>,
    /// For `caribou::map`.
    pub(super) map: Option<Mapped>,
}

/// What `caribou::map` is called with.
pub(super) struct Mapped {
    pub(super) item: Pat,
    pub(super) arguments: Vec<Expr>,
}

/// What an expression is as a whole.
pub(super) enum Form {
    Stage(Call),
    If(syn::ExprIf),
    Match(syn::ExprMatch),
    Block(syn::Block),
    Glue(Expr),
    /// It was reported.
    Broken,
}

impl Lowering<'_> {
    /// What kind of thing an expression is as a whole.
    pub(super) fn form(&mut self, expr: Expr) -> Form {
        match expr {
            Expr::Paren(paren) if refuse::awaits(&paren.expr) => match self.form(*paren.expr) {
                Form::Glue(inner) => {
                    Form::Glue(Expr::Paren(syn::ExprParen { expr: Box::new(inner), ..paren }))
                }
                form => form,
            },
            Expr::Group(group) => self.form(*group.expr),
            Expr::Try(attempt) if matches!(*attempt.expr, Expr::Await(_)) => {
                let Expr::Await(awaiting) = *attempt.expr else { return Form::Broken };
                self.call(awaiting, Some(attempt.question_token))
            }
            Expr::Await(awaiting) => self.call(awaiting, None),
            Expr::If(branch) if arms_await(&branch) => Form::If(branch),
            Expr::Match(branch) if branch.arms.iter().any(|arm| refuse::awaits(&arm.body)) => {
                let mut sound = true;
                for arm in &branch.arms {
                    if let Pat::Guard(guard) = &arm.pat
                        && refuse::awaits(&guard.guard)
                    {
                        refuse::check(&guard.guard, Place::Guard, self.errors);
                        sound = false;
                    }
                }
                if sound { Form::Match(branch) } else { Form::Broken }
            }
            Expr::Block(block) if block.label.is_none() && awaits_in(&block.block) => {
                self.lints(&block.attrs);
                Form::Block(block.block)
            }
            other => Form::Glue(other),
        }
    }

    /// The call under an `.await`.
    fn call(&mut self, awaiting: syn::ExprAwait, question: Option<syn::Token![?]>) -> Form {
        let call = Expr::Await(awaiting.clone());
        let mut base = *awaiting.base;
        while let Expr::Paren(paren) = base {
            base = *paren.expr;
        }
        let Expr::Call(inner) = base else {
            let what = match &base {
                Expr::MethodCall(_) => "a method",
                Expr::Macro(_) => "a macro",
                Expr::Async(_) => "an `async` block",
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
        let Some(path) = self.path(&inner.func) else { return Form::Broken };
        let named_map = path.segments.last().is_some_and(|last| last.ident == "map");
        let closure = inner.args.iter().any(|argument| match argument {
            Expr::Closure(_) => true,
            Expr::Path(path) => inner.args.len() == 2 && self.is_function(path),
            _ => false,
        });
        let ours =
            path.segments.len() > 1 && path.segments.first().is_some_and(|first| first.ident == "caribou");
        if named_map && (closure || ours) {
            return self.map(inner, question);
        }
        Form::Stage(Call { expr: inner, function: path, question, map: None })
    }

    /// Whether a path names something else than a variable.
    fn is_function(&self, path: &syn::ExprPath) -> bool {
        path.path.get_ident().is_none_or(|name| self.scope.find(&name.to_string()).is_none())
    }

    /// The path of the function that is called.
    fn path(&mut self, call: &Expr) -> Option<syn::Path> {
        let path = match call {
            Expr::Path(path) if path.qself.is_none() => path.path.clone(),
            other => {
                self.errors
                    .at(other, "a stage is called by the path of its function, as in `stages::press(photo)`");
                return None;
            }
        };
        if let Some(generic) = path.segments.iter().find(|segment| !segment.arguments.is_none()) {
            self.errors.at(&generic.arguments, "a caribou function cannot be generic");
            return None;
        }
        Some(path)
    }

    /// `caribou::map(items, |item| function(arguments))`, or `caribou::map(items, function)`
    fn map(&mut self, call: syn::ExprCall, question: Option<syn::Token![?]>) -> Form {
        const SHAPE: &str = "`caribou::map` takes the items and a closure that is one stage call, not awaited: \
                             `caribou::map(items, |item| stage(item, shared.clone())).await?`";
        let mut arguments = call.args.iter();
        let closure = match (arguments.next(), arguments.next(), arguments.next()) {
            (Some(_), Some(Expr::Closure(closure)), None) => closure,
            (Some(_), Some(Expr::Path(path)), None) if self.is_function(path) => {
                let item = self.names.fresh_ident("item");
                let Some(function) = self.path(&Expr::Path(path.clone())) else { return Form::Broken };
                let mapped = Mapped { item: parse_quote!(#item), arguments: vec![parse_quote!(#item)] };
                return Form::Stage(Call { expr: call, function, question, map: Some(mapped) });
            }
            _ => {
                self.errors.at(&call, SHAPE);
                return Form::Broken;
            }
        };
        let mut body = &*closure.body;
        while let Expr::Block(block) = body
            && let [syn::Stmt::Expr(only, None)] = block.block.stmts.as_slice()
        {
            body = only;
        }
        let (Some(item), 1, Expr::Call(inner)) = (closure.inputs.first(), closure.inputs.len(), body) else {
            self.errors.at(closure, SHAPE);
            return Form::Broken;
        };
        if let Some(argument) = inner.args.iter().find(|argument| leave::leaves(argument)) {
            self.errors.at(
                argument,
                "`?` and `return` cannot leave the workflow from the closure of `caribou::map`: do what can fail to the \
                 items before, or in the stage",
            );
            return Form::Broken;
        }
        if let Some(argument) = inner.args.iter().find(|argument| refuse::awaits(argument)) {
            refuse::check(argument, Place::Closure, self.errors);
            return Form::Broken;
        }
        let Some(function) = self.path(&inner.func) else { return Form::Broken };
        let mapped = Mapped { item: item.clone(), arguments: inner.args.iter().cloned().collect() };
        Form::Stage(Call { expr: call, function, question, map: Some(mapped) })
    }
}

/// Whether an arm of an `if` holds a stage call.
fn arms_await(branch: &syn::ExprIf) -> bool {
    awaits_in(&branch.then_branch)
        || branch.else_branch.as_ref().is_some_and(|(_, otherwise)| refuse::awaits(otherwise))
}

fn awaits_in(block: &syn::Block) -> bool {
    refuse::awaits(&Expr::Block(syn::ExprBlock { attrs: Vec::new(), label: None, block: block.clone() }))
}

/// `Ok(value)`
pub(super) fn is_ok(call: &syn::ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Ok")) && call.args.len() == 1
}
