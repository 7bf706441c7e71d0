//! Stage calls are lifted out of expressions; the rest is glue.

use syn::{BinOp, Expr};

use super::form::Form;
use super::{Lowering, Mode};
use crate::workflow::body::{Code, UseKind, VarId, Variable};
use crate::workflow::refuse::{self, Place};
use crate::workflow::uses;

impl Lowering<'_> {
    /// Glue whose stage calls are lifted out; the new versions of what it writes; whether it had any.
    pub(super) fn glue_code(&mut self, expr: Expr) -> (Code, Vec<VarId>, bool) {
        let stages = self.stages.len();
        let expr = self.hoist(expr);
        let lifted = self.stages.len() > stages;
        let code = self.code(expr);
        let writes = self.writes(&code, stages);
        (code, writes, lifted)
    }

    /// Code that must not write: the argument of a stage, a condition, a value at the end.
    pub(super) fn pure_code(&mut self, expr: Expr) -> Code {
        let expr = self.hoist(expr);
        let code = self.code(expr);
        if let Some(touch) = code.uses.iter().find(|touch| touch.kind == UseKind::Write) {
            let name = &touch.ident;
            self.errors.at(
                name,
                format!(
                    "this may change `{name}`, which only a statement of its own can do here: bind what it yields \
                     with a `let` first"
                ),
            );
        }
        code
    }

    pub(super) fn code(&self, expr: Expr) -> Code {
        let uses = uses::of(&expr, &self.scope);
        Code { expr, uses }
    }

    /// Makes new versions of the variables that a statement writes.
    fn writes(&mut self, code: &Code, lifted_from: usize) -> Vec<VarId> {
        let mut written: Vec<VarId> = Vec::new();
        let mut versions = Vec::new();
        for touch in code.uses.iter().filter(|touch| touch.kind == UseKind::Write) {
            let id = touch.variable;
            if written.contains(&id) {
                continue;
            }
            written.push(id);
            let name = touch.ident.to_string();
            if self.variables[id.0].block != self.block_id() {
                self.errors.at(
                    &touch.ident,
                    format!(
                        "`{name}` comes from outside of this `if`, and an `if` with stages in it cannot change it: \
                         make the new value the value of the `if`"
                    ),
                );
            }
            let early = self.stages[lifted_from..].iter().flat_map(|stage| &stage.arguments);
            if let Some(read) = early.flat_map(|code| &code.uses).find(|read| read.variable == id) {
                let at = read.ident.clone();
                self.errors.at(
                    at,
                    format!(
                        "this statement also changes `{name}`: bind the stage's value with a `let` before it"
                    ),
                );
            }
            let version = VarId(self.variables.len());
            let old = &self.variables[id.0];
            let variable = Variable {
                name: old.name.clone(),
                first: old.first,
                source: old.source.clone(),
                mutable: old.mutable,
                kind: old.kind,
                block: old.block,
            };
            self.variables.push(variable);
            self.scope.renew(&name, version);
            versions.push(version);
        }
        versions
    }

    /// Lifts stage calls out of an expression, in evaluation order, and reports those that cannot be.
    fn hoist(&mut self, expr: Expr) -> Expr {
        if !refuse::awaits(&expr) {
            refuse::check(&expr, Place::Glue, self.errors);
            return expr;
        }
        match self.stage_call(expr) {
            Form::Stage(call) => self.lifted_stage(call).expr,
            Form::Branch(branch) => self.lifted_branch(branch, Mode::Value).expr,
            Form::Broken => syn::parse_quote!(()),
            Form::Glue(mut expr) => {
                let mistakes = self.errors.count();
                self.hoist_within(&mut expr);
                if self.errors.count() == mistakes {
                    refuse::check(&expr, Place::Glue, self.errors);
                }
                expr
            }
        }
    }

    /// Replaces the parts of an expression, first evaluated first.
    fn hoist_within(&mut self, expr: &mut Expr) {
        let mut parts: Vec<&mut Expr> = Vec::new();
        match expr {
            Expr::Call(call) => {
                parts.push(&mut call.func);
                parts.extend(&mut call.args);
            }
            Expr::MethodCall(call) => {
                parts.push(&mut call.receiver);
                parts.extend(&mut call.args);
            }
            Expr::Binary(binary) => {
                parts.push(&mut binary.left);
                if matches!(binary.op, BinOp::And(_) | BinOp::Or(_)) {
                    refuse::check(&binary.right, Place::ShortCircuit, self.errors);
                } else {
                    parts.push(&mut binary.right);
                }
            }
            Expr::Assign(assign) => parts.push(&mut assign.right),
            Expr::Unary(unary) => parts.push(&mut unary.expr),
            Expr::Field(field) => parts.push(&mut field.base),
            Expr::Index(index) => parts.extend([&mut *index.expr, &mut *index.index]),
            Expr::Reference(reference) => parts.push(&mut reference.expr),
            Expr::Paren(paren) => parts.push(&mut paren.expr),
            Expr::Group(group) => parts.push(&mut group.expr),
            Expr::Cast(cast) => parts.push(&mut cast.expr),
            Expr::Tuple(tuple) => parts.extend(&mut tuple.elems),
            Expr::Array(array) => parts.extend(&mut array.elems),
            Expr::Repeat(repeat) => parts.push(&mut repeat.expr),
            Expr::Range(range) => {
                parts.extend(range.start.as_deref_mut());
                parts.extend(range.end.as_deref_mut());
            }
            Expr::Struct(value) => {
                parts.extend(value.fields.iter_mut().map(|field| &mut field.expr));
                parts.extend(value.rest.as_deref_mut());
            }
            Expr::Match(matching) => {
                for arm in &matching.arms {
                    refuse::check(&arm.body, Place::Match, self.errors);
                }
                parts.push(&mut matching.expr);
            }
            Expr::If(conditional) => match &mut *conditional.cond {
                Expr::Let(condition) => parts.push(&mut condition.expr),
                chain if refuse::has_let(chain) => refuse::check(chain, Place::IfLet, self.errors),
                condition => parts.push(condition),
            },
            other => refuse::check(other, Place::Glue, self.errors),
        }
        for part in parts {
            let whole = std::mem::replace(part, Expr::PLACEHOLDER);
            *part = self.hoist(whole);
        }
    }
}
