//! Stage calls are lifted out of expressions; the rest is glue.

use syn::{BinOp, Expr, parse_quote};

use super::form::Form;
use super::{Lowering, Mode};
use crate::workflow::arguments::{self, Arguments};
use crate::workflow::body::{Code, GlueForm, TypeSource, Use, UseKind, VarId, Variable, VariableKind};
use crate::workflow::leave;
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
            if self.unset.contains(&id) {
                continue;
            }
            if !self.is_last_word_on(id) {
                self.errors.at(
                    &touch.ident,
                    format!(
                        "`{name}` comes from outside of this branch, and a branch with a stage or a `return` in it \
                         cannot change it: make the new value the value of the branch"
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

    /// Whether a variable is surely copied, not moved.
    fn is_number(&self, variable: VarId) -> bool {
        const COPIED: [&str; 17] = [
            "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32",
            "u64", "u128", "usize", "Duration",
        ];
        match &self.variables[variable.0].source {
            TypeSource::Bool | TypeSource::Index => true,
            TypeSource::Declared(ty) => match &**ty {
                syn::Type::Path(path) => COPIED.iter().any(|name| path.path.is_ident(name)),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether nothing outside of the current block reads a variable later: it is declared here, or all blocks around
    /// up to its own end the workflow.
    fn is_last_word_on(&self, variable: VarId) -> bool {
        let declared = self.variables[variable.0].block;
        let inner = self.blocks.iter().rev().take_while(|(block, _)| *block != declared);
        inner.into_iter().all(|(_, mode)| *mode == Mode::Result)
    }

    /// Lifts stage calls out of an expression, in evaluation order, and reports those that cannot be.
    fn hoist(&mut self, expr: Expr) -> Expr {
        if !refuse::awaits(&expr) {
            refuse::check(&expr, Place::Glue, self.errors);
            return expr;
        }
        match self.form(expr) {
            Form::Stage(call) => self.lifted_stage(call).expr,
            form @ (Form::If(_) | Form::Match(_)) => self.lifted_branch(form, Mode::Value).expr,
            Form::Block(block) => match self.until_value(block.stmts) {
                // a struct literal may not stand everywhere
                Some(value @ Expr::Struct(_)) => {
                    let value = self.hoist(value);
                    parse_quote!((#value))
                }
                Some(value) => self.hoist(value),
                None => parse_quote!(()),
            },
            Form::Broken => parse_quote!(()),
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
        if let Expr::Macro(call) = expr
            && let Some(mut arguments) = Arguments::of(&call.mac)
        {
            let mut values = arguments.values_mut();
            for value in values.iter().skip(arguments::eager(&call.mac)) {
                refuse::check(value, Place::Lazy, self.errors);
            }
            let places = arguments::borrows(&call.mac);
            self.settle(&mut values, |_| places);
            for value in values {
                self.hoist_part(value);
            }
            call.mac.tokens = arguments.to_tokens();
            return;
        }
        let first = first_is_place(expr);
        let mut parts = self.parts(expr);
        self.settle(&mut parts, |index| first && index == 0);
        for part in parts {
            self.hoist_part(part);
        }
    }

    /// Evaluates parts first that read what a stage call in a later part moves or changes, or that may leave before it.
    /// `is_place` says of which parts only the place counts.
    pub(super) fn settle(&mut self, parts: &mut [&mut Expr], is_place: impl Fn(usize) -> bool) {
        let uses: Vec<Vec<Use>> = parts.iter().map(|part| uses::of(part, &self.scope)).collect();
        for index in 0..parts.len() {
            let taken = |touch: &Use| {
                let later = (index + 1..parts.len()).filter(|later| refuse::awaits(parts[*later]));
                let mut later = later.flat_map(|later| &uses[later]);
                !self.is_number(touch.variable)
                    && later.any(|other| other.variable == touch.variable && other.kind != UseKind::Borrow)
            };
            let leaves = leave::leaves(parts[index])
                && (index + 1..parts.len()).any(|later| refuse::awaits(parts[later]));
            let place = is_place(index) && uses::root(parts[index]).is_some();
            if leaves || (!place && !stays(parts[index]) && uses[index].iter().any(taken)) {
                self.hoist_part(parts[index]);
                let early = std::mem::replace(&mut *parts[index], Expr::PLACEHOLDER);
                let code = self.code(early);
                let orders = leave::leaves(&code.expr);
                let (bound, name) = self.lift("value", TypeSource::Inferred, VariableKind::Lifted);
                self.push_glue(GlueForm::Let(bound.pattern), code, bound.binds, orders);
                *parts[index] = name;
            }
        }
    }

    fn hoist_part(&mut self, part: &mut Expr) {
        let whole = std::mem::replace(part, Expr::PLACEHOLDER);
        *part = self.hoist(whole);
    }

    /// The parts of an expression in which stage calls may stand, first evaluated first; the others are refused.
    fn parts<'x>(&mut self, expr: &'x mut Expr) -> Vec<&'x mut Expr> {
        let mut short = false;
        if let Expr::Binary(binary) = &*expr
            && matches!(binary.op, BinOp::And(_) | BinOp::Or(_))
        {
            refuse::check(&binary.right, Place::ShortCircuit, self.errors);
            short = true;
        }
        match expr {
            Expr::Call(call) => std::iter::once(&mut *call.func).chain(&mut call.args).collect(),
            Expr::MethodCall(call) => std::iter::once(&mut *call.receiver).chain(&mut call.args).collect(),
            Expr::Binary(binary) => {
                let right = (!short).then_some(&mut *binary.right);
                std::iter::once(&mut *binary.left).chain(right).collect()
            }
            Expr::Assign(assign) => vec![&mut *assign.right],
            Expr::Unary(unary) => vec![&mut *unary.expr],
            Expr::Field(field) => vec![&mut *field.base],
            Expr::Index(index) => vec![&mut *index.expr, &mut *index.index],
            Expr::Reference(reference) => vec![&mut *reference.expr],
            Expr::Paren(paren) => vec![&mut *paren.expr],
            Expr::Group(group) => vec![&mut *group.expr],
            Expr::Cast(cast) => vec![&mut *cast.expr],
            Expr::Try(attempt) => vec![&mut *attempt.expr],
            Expr::Let(condition) => vec![&mut *condition.expr],
            Expr::Return(leaving) => leaving.expr.as_deref_mut().into_iter().collect(),
            Expr::Tuple(tuple) => tuple.elems.iter_mut().collect(),
            Expr::Array(array) => array.elems.iter_mut().collect(),
            Expr::Repeat(repeat) => vec![&mut *repeat.expr],
            Expr::Range(range) => {
                range.start.as_deref_mut().into_iter().chain(range.end.as_deref_mut()).collect()
            }
            Expr::Struct(value) => {
                let fields = value.fields.iter_mut().map(|field| {
                    if let (None, syn::Member::Named(name)) = (&field.colon_token, &field.member) {
                        field.colon_token = Some(syn::Token![:](name.span()));
                    }
                    &mut field.expr
                });
                fields.chain(value.rest.as_deref_mut()).collect()
            }
            Expr::Match(matching) => vec![&mut *matching.expr],
            Expr::If(conditional) => vec![&mut *conditional.cond],
            other => {
                refuse::check(other, Place::Glue, self.errors);
                Vec::new()
            }
        }
    }
}

/// Whether an expression only points at something, or is an iterator: what cannot be a value of its own.
fn stays(expr: &Expr) -> bool {
    const ITERATORS: [&str; 16] = [
        "bytes",
        "chain",
        "chars",
        "drain",
        "enumerate",
        "filter",
        "filter_map",
        "flat_map",
        "into_iter",
        "iter",
        "keys",
        "lines",
        "map",
        "rev",
        "values",
        "zip",
    ];
    match expr {
        // a variable that is moved as a whole could not be read again
        Expr::Reference(_) | Expr::Closure(_) | Expr::Path(_) => true,
        Expr::MethodCall(call) => ITERATORS.iter().any(|name| call.method == name),
        Expr::Paren(paren) => stays(&paren.expr),
        _ => false,
    }
}

/// Whether the first part of an expression may be a place that is not read as a value.
fn first_is_place(expr: &Expr) -> bool {
    match expr {
        Expr::MethodCall(call) => !uses::copies(call),
        Expr::Index(_) => true,
        Expr::Binary(binary) => {
            use BinOp::{
                Add, And, BitAnd, BitOr, BitXor, Div, Eq, Ge, Gt, Le, Lt, Mul, Ne, Or, Rem, Shl, Shr, Sub,
            };
            !matches!(
                binary.op,
                Add(_)
                    | And(_)
                    | BitAnd(_)
                    | BitOr(_)
                    | BitXor(_)
                    | Div(_)
                    | Eq(_)
                    | Ge(_)
                    | Gt(_)
                    | Le(_)
                    | Lt(_)
                    | Mul(_)
                    | Ne(_)
                    | Or(_)
                    | Rem(_)
                    | Shl(_)
                    | Shr(_)
                    | Sub(_)
            )
        }
        _ => false,
    }
}
