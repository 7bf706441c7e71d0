//! Stage calls.

use syn::spanned::Spanned;
use syn::{Expr, parse_quote_spanned};

use super::Lowering;
use super::binding::Bound;
use super::form::Call;
use crate::workflow::body::{Code, GlueForm, Item, Map, Stage, StageId, TypeSource, UseKind, VariableKind};
use crate::workflow::leave;
use crate::workflow::refuse::{self, Place};
use crate::workflow::uses;

impl Lowering<'_> {
    /// The arguments of a stage; those of a map's function come after its items.
    pub(super) fn arguments(&mut self, call: &Call) -> Vec<Code> {
        let Some(mapped) = &call.map else {
            let mut arguments: Vec<Expr> = call.expr.args.iter().cloned().collect();
            self.settle(&mut arguments.iter_mut().collect::<Vec<_>>(), |_| false);
            return arguments.into_iter().map(|argument| self.checked_code(argument)).collect();
        };
        let items = call.expr.args.first().cloned();
        let mut arguments: Vec<Code> = items.into_iter().map(|items| self.checked_code(items)).collect();
        for argument in &mapped.arguments {
            refuse::check(argument, Place::Closure, self.errors);
            arguments.push(self.each_code(&mapped.item, argument));
        }
        arguments
    }

    /// Code that is evaluated for every item: what it touches but for the item.
    fn each_code(&self, item: &syn::Pat, argument: &Expr) -> Code {
        let closure: Expr = parse_quote_spanned!(argument.span()=> |#item| #argument);
        let mut uses = uses::of(&closure, &self.scope);
        for touch in &mut uses {
            if touch.kind == UseKind::Move {
                touch.kind = UseKind::Borrow;
            }
        }
        Code { expr: argument.clone(), uses }
    }

    /// Code that must not write. If it may leave the workflow, it does so in a statement of its own before.
    pub(super) fn checked_code(&mut self, expr: Expr) -> Code {
        let code = self.pure_code(expr);
        if !leave::leaves(&code.expr) || matches!(code.expr, Expr::Return(_)) {
            return code;
        }
        let (bound, expr) = self.lift("value", TypeSource::Inferred, VariableKind::Lifted);
        self.push_glue(GlueForm::Let(bound.pattern), code, bound.binds, true);
        self.code(expr)
    }

    pub(super) fn stage(&mut self, call: Call, arguments: Vec<Code>, bound: Option<Bound>) {
        let id = StageId(self.stages.len());
        let (pattern, binds) = bound.map_or((None, Vec::new()), |bound| (Some(bound.pattern), bound.binds));
        let Call { expr: call, function, question, map } = call;
        let map = map.map(|mapped| {
            let names: Vec<_> = uses::bound(&mapped.item).iter().map(|name| name.ident.clone()).collect();
            let shared = mapped.arguments.iter().map(|argument| is_shared(argument, &names)).collect();
            Map { item: mapped.item, shared }
        });
        let block = self.block_id();
        self.stages.push(Stage { function, arguments, pattern, binds, block, call, question, map });
        self.push(Item::Stage(id));
    }

    /// A stage call in the middle of an expression: the expression goes on with its output.
    pub(super) fn lifted_stage(&mut self, call: Call) -> Code {
        let arguments = self.arguments(&call);
        let name = call.function.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let base = format!("{}_output", name.trim_start_matches("r#"));
        let source = TypeSource::Output(StageId(self.stages.len()));
        let (bound, expr) = self.lift(&base, source, VariableKind::Lifted);
        self.stage(call, arguments, Some(bound));
        self.code(expr)
    }
}

/// Whether an argument is surely the same for every item: a literal, or a place that is not the item's.
fn is_shared(argument: &Expr, items: &[proc_macro2::Ident]) -> bool {
    match argument {
        Expr::Lit(_) => true,
        Expr::Reference(reference) => is_shared(&reference.expr, items),
        Expr::MethodCall(call) if call.method == "clone" && call.args.is_empty() => {
            is_shared(&call.receiver, items)
        }
        place => uses::root(place).is_some_and(|root| !items.contains(root)),
    }
}
