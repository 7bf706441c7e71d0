//! The steps of a slice.

use std::collections::HashMap;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Expr, Pat};

use super::Emitter;
use crate::workflow::body::{BranchId, Code, Decision, End, GlueForm, GlueId, StageId, Use, UseKind, VarId};
use crate::workflow::message::Content;
use crate::workflow::slice::{Act, Arm, Reach};
use crate::workflow::{compiled, leave, types};

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
        let mut decided = false;
        let around = self.last;
        let mut direct = false;
        for (index, act) in acts.iter().enumerate() {
            let later = &acts[index + 1..];
            code.extend(self.outliving(act, later));
            self.last = around
                && ends_with(act, later, end != Reach::Never && value.is_some())
                && !self.is_sent_late(act);
            if let (Act::Glue(glue), Some(Act::Branch { branch, .. })) = (act, later.first())
                && self.compiled.body.branches[branch.0].decision == *glue
            {
                // the `if` or `match` is written where it decides
                decided = true;
            } else if let Act::Branch { branch, arms, yields } = act {
                direct = self.last && *yields;
                code.extend(self.branch(*branch, arms, *yields, std::mem::take(&mut decided)));
            } else if let Act::Inside { branch, arm, body, yields } = act {
                direct = self.last && *yields;
                code.extend(self.inside(*branch, *arm, body, *yields));
            } else if let Act::Resolved { branch, rest, otherwise } = act {
                let last = later.is_empty() && end != Reach::Never;
                let value = value.filter(|_| last);
                if direct {
                    code.extend(self.steps(&rest.acts, rest.end, value));
                } else {
                    code.extend(self.resolved(*branch, rest, otherwise, value));
                }
                if value.is_some() {
                    self.last = around;
                    return code;
                }
            } else {
                code.extend(self.act(act));
            }
        }
        self.last = around;
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
                (false, _, false) => quote!(return ::core::result::Result::Ok(());),
                (false, true, true) => self.end_value(value.branch, value.arm),
                (false, false, true) => TokenStream::new(),
            });
        }
        code
    }

    /// Whether the arm that a branch takes is put into a message after the branch.
    fn is_sent_late(&self, act: &Act) -> bool {
        matches!(act, Act::Branch { branch, .. }
            if self.late.contains_key(&self.compiled.body.branches[branch.0].chosen))
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
        let (bound, outliving, late) = (self.bound.clone(), self.outliving.clone(), self.late.clone());
        self.scopes.push(HashMap::new());
        let binds = self.bind(&branch.binds);
        let with = self.steps(&rest.acts, rest.end, value);
        self.scopes.pop();
        self.bound.clone_from(&bound);
        let made = std::mem::replace(&mut self.outliving, outliving);
        let open = std::mem::replace(&mut self.late, late);
        self.scopes.push(HashMap::new());
        let without = self.steps(&otherwise.acts, otherwise.end, value);
        self.scopes.pop();
        self.bound = bound;
        for (id, made) in made {
            *self.outliving.entry(id).or_default() |= made;
        }
        for (id, slots) in open {
            self.late.entry(id).or_default().extend(slots);
        }
        let pattern = untyped(branch.pattern.as_ref());
        let test = pattern.map(|pattern| quote!(let ::core::option::Option::Some(#pattern) =));
        let without = (!without.is_empty()).then(|| quote!(else { #without }));
        quote!(if #test #choice { #binds #with } #without)
    }

    /// The name of what a branch yields where that is an `Option` or a `bool`.
    pub(super) fn choice(&self, branch: BranchId) -> Ident {
        let branch = &self.compiled.body.branches[branch.0];
        match branch.binds.as_slice() {
            [only] => self.compiled.name(*only).clone(),
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
            Act::Head { branch, arm } => self.bind(&body.branches[branch.0].arms[*arm].binds),
            Act::Output(id) => self.output(*id),
            Act::Send { node, slot } => self.send(*node, *slot),
            Act::Branch { branch, arms, yields } => self.branch(*branch, arms, *yields, false),
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

    /// The stage's output gets its name.
    fn output(&mut self, id: StageId) -> TokenStream {
        let compiled = self.compiled;
        let stage = &compiled.body.stages[id.0];
        let wanted = stage.binds.iter().any(|id| self.wants(*id));
        let Some(pattern) = stage.pattern.as_ref().filter(|_| wanted) else { return TokenStream::new() };
        let (values, function) = (compiled::values(), &stage.function);
        let caught = stage.question.is_none();
        let output = quote!(__caribou::Output<#function>);
        let value = if stage.map.is_none() {
            let method = if caught { quote!(outcome) } else { quote!(output) };
            quote!(#values.#method::<#output>()?)
        } else {
            let index = self.position_of(Content::Items).unwrap_or_default();
            self.reads.insert(index);
            let index = proc_macro2::Literal::u16_unsuffixed(index);
            let method = if caught { quote!(collected_outcome) } else { quote!(collected) };
            quote!(#values.#method::<#output>(#index)?)
        };
        let bound = self.bind(&stage.binds);
        quote!(let #pattern = #value; #bound)
    }

    pub(super) fn glue(&mut self, id: GlueId) -> TokenStream {
        let compiled = self.compiled;
        let glue = &compiled.body.glue[id.0];
        let expr = self.code(&glue.code);
        match &glue.form {
            GlueForm::Let(pattern) | GlueForm::Alias(pattern) => {
                let bound = self.bind(&glue.binds);
                quote!(let #pattern = #expr; #bound)
            }
            GlueForm::LetElse(pattern, diverge) => {
                let diverge = leave::in_slice((**diverge).clone(), &compiled.output);
                let bound = self.bind(&glue.binds);
                quote!(let #pattern = #expr else #diverge; #bound)
            }
            GlueForm::Statement => {
                let bound = self.bind(&glue.binds);
                quote!(#expr; #bound)
            }
            GlueForm::Decision(decision) => match glue.binds.first() {
                Some(id) if !self.tested.contains(id) => {
                    let name = compiled.name(*id);
                    let value = match decision {
                        Decision::If if !has_let(&expr) => quote!(let #name: bool = #expr;),
                        Decision::If => quote!(let #name: bool = if #expr { true } else { false };),
                        Decision::Match(patterns) => {
                            let indices = (0..patterns.len()).map(proc_macro2::Literal::usize_unsuffixed);
                            quote!(let #name: u16 = match #expr { #(#patterns => #indices,)* };)
                        }
                    };
                    let bound = self.bind(&glue.binds);
                    quote!(#value #bound)
                }
                _ => TokenStream::new(),
            },
        }
    }

    /// A branch; `here` says whether it is decided just now.
    pub(super) fn branch(&mut self, id: BranchId, arms: &[Arm], yields: bool, here: bool) -> TokenStream {
        let compiled = self.compiled;
        let branch = &compiled.body.branches[id.0];
        let chosen = branch.chosen;
        let name = compiled.name(chosen).clone();
        let named = here && !self.tested.contains(&chosen);
        let optional = !self.last && arms.iter().any(|arm| arm.end != Reach::Always);
        let (code, decision) = compiled.body.decision(id);
        let condition = if here {
            self.code(code)
        } else {
            self.check(&[Use { variable: chosen, kind: UseKind::Borrow, ident: name.clone() }]);
            syn::parse_quote!(#name)
        };
        let plain = matches!(decision, Decision::If);
        let first = named && plain && !has_let(&condition);
        let before = match (named, first) {
            (true, true) => {
                let bound = self.bind(&[chosen]);
                quote!(let #name: bool = #condition; #bound)
            }
            (true, false) if plain => quote!(let #name: bool;),
            (true, false) => quote!(let #name: u16;),
            (false, _) => TokenStream::new(),
        };
        let mut blocks = Vec::new();
        let bound = self.bound.clone();
        for (index, arm) in arms.iter().enumerate() {
            let value = yields.then_some(Value { branch: id, arm: index, optional });
            let mut code = TokenStream::new();
            self.scopes.push(HashMap::new());
            if named && !first {
                let index = proc_macro2::Literal::usize_unsuffixed(index);
                let taken = if plain { quote!(#name = #index == 0;) } else { quote!(#name = #index;) };
                code.extend(taken);
                self.bound.insert(chosen);
            }
            code.extend(self.steps(&arm.acts, arm.end, value));
            self.scopes.pop();
            self.bound.clone_from(&bound);
            blocks.push(code);
        }
        let after = if named && !first { self.bind(&[chosen]) } else { TokenStream::new() };
        let condition = if first { syn::parse_quote!(#name) } else { condition };
        let test =
            if here { tested(&condition, decision, &blocks) } else { chosen_arm(&condition, plain, &blocks) };
        let bound = match (yields, optional, &branch.pattern) {
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
        };
        quote!(#before #bound #after)
    }

    pub(super) fn inside(&mut self, id: BranchId, arm: usize, inner: &Arm, yields: bool) -> TokenStream {
        let branch = &self.compiled.body.branches[id.0];
        let optional = !self.last && inner.end != Reach::Always;
        let value = yields.then_some(Value { branch: id, arm, optional });
        self.scopes.push(HashMap::new());
        let bound = self.bound.clone();
        let steps = self.steps(&inner.acts, inner.end, value);
        self.scopes.pop();
        if yields {
            self.bound = bound;
        }
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
        let end = self.compiled.body.branches[branch.0].arms[arm].block.end.clone();
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

/// Whether a slice is over where the arms of a branch end elsewhere: nothing comes later but what follows their value, and
/// no value at the end of the block.
fn ends_with(act: &Act, later: &[Act], value: bool) -> bool {
    match (act, later) {
        (
            Act::Branch { branch, yields: true, .. } | Act::Inside { branch, yields: true, .. },
            [Act::Resolved { branch: resolved, otherwise, .. }],
        ) => branch == resolved && otherwise.acts.is_empty(),
        (Act::Resolved { .. }, []) => true,
        (Act::Branch { yields: false, .. } | Act::Inside { yields: false, .. }, []) => !value,
        _ => false,
    }
}

/// Whether a condition has a `let` in it.
fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        Expr::Paren(paren) => has_let(&paren.expr),
        _ => false,
    }
}

/// The author's `if` or `match`, with these arms.
fn tested(condition: &Expr, decision: &Decision, blocks: &[TokenStream]) -> TokenStream {
    match blocks {
        [then, otherwise]
            if then.is_empty()
                && !otherwise.is_empty()
                && matches!(decision, Decision::If)
                && !has_let(condition) =>
        {
            let negated = negate(condition);
            quote!(if #negated { #otherwise })
        }
        _ => types::branching(condition, decision, blocks),
    }
}

/// The arms of a branch that was decided elsewhere.
fn chosen_arm(chosen: &Expr, plain: bool, blocks: &[TokenStream]) -> TokenStream {
    if plain {
        return tested(chosen, &Decision::If, blocks);
    }
    let Some((last, first)) = blocks.split_last() else { return TokenStream::new() };
    let indices = (0..first.len()).map(proc_macro2::Literal::usize_unsuffixed);
    quote!(match #chosen { #(#indices => { #first })* _ => { #last } })
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

/// The most tokens that are looked at for a simpler form.
const LONGEST_FLAT: usize = 40;

/// `{ steps }`, or what `steps` are if they only give one value its name and then yield it.
fn flat(steps: &TokenStream) -> TokenStream {
    // anything longer is no such thing, and what is nested deeply would be parsed again and again
    if steps.clone().into_iter().take(LONGEST_FLAT + 1).count() > LONGEST_FLAT {
        return quote!({ #steps });
    }
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
