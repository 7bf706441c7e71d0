//! The steps of a slice.

use std::collections::HashMap;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Expr, Pat};

use super::Emitter;
use crate::workflow::body::{BranchId, Code, End, GlueForm, GlueId, Use, UseKind, VarId};
use crate::workflow::compiled;
use crate::workflow::slice::{Act, Arm, Reach};

/// The value that the end of an arm gives.
#[derive(Clone, Copy)]
pub(super) struct Value {
    branch: BranchId,
    arm: usize,
    /// Whether it may also be reached elsewhere: then it is an `Option`, or a `bool` where there is no value.
    optional: bool,
}

impl Emitter<'_> {
    /// The steps of a block, then its value if one is asked for.
    pub(super) fn steps(&mut self, acts: &[Act], end: Reach, value: Option<Value>) -> TokenStream {
        let mut code = TokenStream::new();
        for (index, act) in acts.iter().enumerate() {
            if let Act::Resolved { branch, rest, otherwise } = act {
                let last = index + 1 == acts.len() && end != Reach::Never;
                let value = value.filter(|_| last);
                code.extend(self.resolved(*branch, rest, otherwise, value));
                if value.is_some() {
                    return code;
                }
            } else {
                code.extend(self.act(act));
            }
        }
        if let Some(value) = value {
            let pattern = self.compiled.body.branches[value.branch.0].pattern.is_some();
            let reached = end != Reach::Never;
            code.extend(match (value.optional, pattern, reached) {
                (true, true, false) => quote!(::core::option::Option::None),
                (true, false, reached) => quote!(#reached),
                (true, true, true) => {
                    let value = self.end_value(value.branch, value.arm);
                    quote!(::core::option::Option::Some(#value))
                }
                (false, true, _) => self.end_value(value.branch, value.arm),
                (false, false, _) => TokenStream::new(),
            });
        }
        code
    }

    /// What follows a branch that may have its value here.
    pub(super) fn resolved(
        &mut self,
        id: BranchId,
        rest: &Arm,
        otherwise: &Arm,
        value: Option<Value>,
    ) -> TokenStream {
        let branch = &self.compiled.body.branches[id.0];
        let choice = self.choice(id);
        let (bound, late) = (self.bound.clone(), self.late.clone());
        self.scopes.push(HashMap::new());
        let binds = self.bind(&branch.binds);
        let with = self.steps(&rest.acts, rest.end, value);
        self.scopes.pop();
        (self.bound, self.late) = (bound, late);
        self.scopes.push(HashMap::new());
        let without = self.steps(&otherwise.acts, otherwise.end, value);
        self.scopes.pop();
        let pattern = untyped(branch.pattern.as_ref());
        let test = pattern.map(|pattern| quote!(let ::core::option::Option::Some(#pattern) =));
        let without = (!without.is_empty()).then(|| quote!(else { #without }));
        quote!(if #test #choice { #binds #with } #without)
    }

    /// The name of what a branch yields where that is an `Option` or a `bool`.
    pub(super) fn choice(&self, branch: BranchId) -> Ident {
        let branch = &self.compiled.body.branches[branch.0];
        match branch.binds.as_slice() {
            [only] => format_ident!("{}", self.compiled.name(*only), span = Span::mixed_site()),
            _ => Ident::new("resolved", Span::mixed_site()),
        }
    }

    pub(super) fn act(&mut self, act: &Act) -> TokenStream {
        let body = &self.compiled.body;
        match act {
            Act::Elsewhere(item) => {
                let needed = |id: &&VarId| self.needed.contains(*id) && !self.native.contains(*id);
                let missing: Vec<VarId> = body.binds(*item).iter().filter(needed).copied().collect();
                missing.into_iter().map(|id| self.arrive(id)).collect()
            }
            Act::Glue(id) => self.glue(*id),
            Act::Output(id) => {
                let stage = &body.stages[id.0];
                let wanted = stage.binds.iter().any(|id| self.wants(*id));
                let Some(pattern) = stage.pattern.as_ref().filter(|_| wanted) else {
                    return TokenStream::new();
                };
                let (values, function) = (compiled::values(), &stage.function);
                let bound = self.bind(&stage.binds);
                quote!(let #pattern = #values.output::<__caribou::Output<#function>>()?; #bound)
            }
            Act::Send { node, slot } => self.send(*node, *slot),
            Act::Branch { branch, arms, yields } => self.branch(*branch, arms, *yields),
            Act::Inside { branch, arm, body: inner, yields } => self.inside(*branch, *arm, inner, *yields),
            Act::Bind { branch, arm } => {
                let value = self.end_value(*branch, *arm);
                let branch = &body.branches[branch.0];
                let bound = self.bind(&branch.binds);
                match &branch.pattern {
                    Some(pattern) => quote!(let #pattern = #value; #bound),
                    None => bound,
                }
            }
            Act::Resolved { branch, rest, otherwise } => self.resolved(*branch, rest, otherwise, None),
        }
    }

    pub(super) fn glue(&mut self, id: GlueId) -> TokenStream {
        let compiled = self.compiled;
        let glue = &compiled.body.glue[id.0];
        self.check(&glue.code.uses);
        let expr = &glue.code.expr;
        match &glue.form {
            GlueForm::Let(pattern) | GlueForm::Alias(pattern) => {
                let bound = self.bind(&glue.binds);
                quote!(let #pattern = #expr; #bound)
            }
            GlueForm::Statement => {
                let bound = self.bind(&glue.binds);
                quote!(#expr; #bound)
            }
            GlueForm::Condition => {
                let bound = self.bind(&glue.binds);
                match glue.binds.first() {
                    Some(id) if !self.tested.contains(id) => {
                        let name = compiled.name(*id);
                        quote!(let #name: bool = #expr; #bound)
                    }
                    _ => TokenStream::new(),
                }
            }
        }
    }

    pub(super) fn branch(&mut self, id: BranchId, arms: &[Arm; 2], yields: bool) -> TokenStream {
        let compiled = self.compiled;
        let branch = &compiled.body.branches[id.0];
        let ident = compiled.name(branch.condition).clone();
        self.check(&[Use { variable: branch.condition, kind: UseKind::Borrow, ident }]);
        let condition = self.condition(branch.condition);
        let optional = arms.iter().any(|arm| arm.end != Reach::Always);
        let [then, otherwise] = [0, 1].map(|arm| {
            let value = yields.then_some(Value { branch: id, arm, optional });
            self.scopes.push(HashMap::new());
            let code = self.steps(&arms[arm].acts, arms[arm].end, value);
            self.scopes.pop();
            code
        });
        let test = match (then.is_empty(), otherwise.is_empty()) {
            (_, true) => quote!(if #condition { #then }),
            (true, false) => {
                let negated = negate(&condition);
                quote!(if #negated { #otherwise })
            }
            (false, false) => quote!(if #condition { #then } else { #otherwise }),
        };
        match (yields, optional, &branch.pattern) {
            (true, false, Some(pattern)) => {
                let bound = self.bind(&branch.binds);
                quote!(let #pattern = #test; #bound)
            }
            (true, true, _) => {
                let choice = self.choice(id);
                let ty = declared(branch.pattern.as_ref()).map(|ty| quote!(: ::core::option::Option<#ty>));
                quote!(let #choice #ty = #test;)
            }
            _ => test,
        }
    }

    /// The condition itself where it is tested right away, or the name of its value.
    pub(super) fn condition(&self, id: VarId) -> Expr {
        let glue = self.compiled.body.glue.iter().find(|glue| glue.binds.contains(&id));
        match glue {
            Some(glue) if self.tested.contains(&id) => glue.code.expr.clone(),
            _ => {
                let name = self.compiled.name(id);
                syn::parse_quote!(#name)
            }
        }
    }

    pub(super) fn inside(&mut self, id: BranchId, arm: usize, inner: &Arm, yields: bool) -> TokenStream {
        let branch = &self.compiled.body.branches[id.0];
        let optional = inner.end != Reach::Always;
        let value = yields.then_some(Value { branch: id, arm, optional });
        self.scopes.push(HashMap::new());
        let steps = self.steps(&inner.acts, inner.end, value);
        self.scopes.pop();
        match (yields, optional, &branch.pattern) {
            (false, ..) => steps,
            (true, true, _) => {
                let choice = self.choice(id);
                quote!(let #choice = { #steps };)
            }
            (true, false, None) => {
                let bound = self.bind(&branch.binds);
                if steps.is_empty() { bound } else { quote!({ #steps } #bound) }
            }
            (true, false, Some(pattern)) => {
                let value = flat(&steps);
                let bound = self.bind(&branch.binds);
                quote!(let #pattern = #value; #bound)
            }
        }
    }

    pub(super) fn end_value(&mut self, branch: BranchId, arm: usize) -> TokenStream {
        let end = self.compiled.body.branches[branch.0].arms[arm].end.clone();
        match &end {
            End::Unit => quote!(()),
            End::Value(code) => {
                let expr = self.code(code);
                quote!(#expr)
            }
            End::Fallible(code) => self.success(code),
        }
    }

    /// What the author's `Result` holds.
    pub(super) fn success(&mut self, code: &Code) -> TokenStream {
        let expr = self.code(code);
        let output = &self.compiled.output;
        quote!(__caribou::success::<#output>(#expr)?)
    }
}

/// `!expr`, with parentheses where they are needed.
fn negate(expr: &Expr) -> Expr {
    Expr::Unary(syn::ExprUnary {
        attrs: Vec::new(),
        op: syn::UnOp::Not(syn::Token![!](Span::mixed_site())),
        expr: Box::new(expr.clone()),
    })
}

/// A pattern without its type.
fn untyped(pattern: Option<&Pat>) -> Option<&Pat> {
    match pattern {
        Some(Pat::Type(typed)) => Some(&typed.pat),
        other => other,
    }
}

/// The type that a pattern is given.
fn declared(pattern: Option<&Pat>) -> Option<&syn::Type> {
    match pattern {
        Some(Pat::Type(typed)) => Some(&typed.ty),
        _ => None,
    }
}

/// `{ steps }`, or what `steps` are if they only give one value its name and then yield it.
fn flat(steps: &TokenStream) -> TokenStream {
    let block: Result<syn::Block, _> = syn::parse2(quote!({ #steps }));
    if let Ok(block) = &block
        && let [syn::Stmt::Expr(expr, None)] = block.stmts.as_slice()
    {
        return quote!(#expr);
    }
    if let Ok(block) = block
        && let [syn::Stmt::Local(local), syn::Stmt::Expr(Expr::Path(path), None)] = block.stmts.as_slice()
        && let (Pat::Ident(name), Some(init)) = (&local.pat, &local.init)
        && path.path.is_ident(&name.ident)
    {
        let expr = &init.expr;
        return quote!(#expr);
    }
    quote!({ #steps })
}
