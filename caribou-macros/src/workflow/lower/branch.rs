//! Branches: `if`, `if let` and `match` with stages in their arms.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Pat, Stmt, parse_quote, parse_quote_spanned};

use super::binding::Bound;
use super::form::Form;
use super::{Lowering, Mode};
use crate::text;
use crate::workflow::body::{
    Block, BlockId, Branch, BranchArm, BranchId, Code, Decision, End, GlueForm, Item, TypeSource, VarId,
    VariableKind,
};
use crate::workflow::{flow, leave, uses};

/// An arm before it is lowered.
struct Arm {
    pattern: Vec<Pat>,
    statements: Vec<Stmt>,
    text: String,
}

impl Lowering<'_> {
    /// Lowers a branch; `bind` declares what its value is bound to.
    pub(super) fn branch(&mut self, form: Form, mode: Mode, bind: impl FnOnce(&mut Self) -> Option<Bound>) {
        let (decision, code, arms) = match form {
            Form::If(branch) => self.if_parts(branch),
            Form::Match(branch) => self.match_parts(branch),
            _ => return,
        };
        let plain = matches!(decision, Decision::If);
        let source = if plain { TypeSource::Bool } else { TypeSource::Index };
        let (bound, _) = self.lift(if plain { "condition" } else { "arm" }, source, VariableKind::Lifted);
        let chosen = bound.binds.first().copied().unwrap_or(VarId(0));
        let first = self.glue.len();
        let decision = self.push_glue(GlueForm::Decision(decision), code, bound.binds, false);
        let id = BranchId(self.branches.len());
        // the place of the branch among the others: its arms hold further ones
        self.branches.push(Branch {
            decision,
            chosen,
            pattern: None,
            binds: Vec::new(),
            arms: Vec::new(),
            leaves: false,
        });
        let kind = match self.glue.get(decision.0).map(|glue| super::borrows(&glue.code.expr)) {
            Some(true) => VariableKind::Borrowing,
            _ => VariableKind::Authored,
        };
        let arms =
            arms.into_iter().enumerate().map(|(index, arm)| self.arm(id, index, arm, mode, kind)).collect();
        let bound = bind(self);
        let (pattern, binds) = bound.map_or((None, Vec::new()), |bound| (Some(bound.pattern), bound.binds));
        let leaves = self.glue[first..]
            .iter()
            .any(|glue| leave::leaves(&glue.code.expr) || matches!(glue.form, GlueForm::LetElse(..)));
        let branch = Branch { decision, chosen, pattern, binds, arms, leaves };
        let leaves = branch.leaves || branch.arms.iter().any(|arm| end_leaves(&arm.block.end));
        self.branches[id.0] = Branch { leaves, ..branch };
        self.push(Item::Branch(id));
    }

    /// A branch in the middle of an expression: the expression goes on with its value.
    pub(super) fn lifted_branch(&mut self, form: Form, mode: Mode) -> Code {
        let mut value = None;
        self.branch(form, mode, |lowering| {
            let (base, source) = match mode {
                Mode::Result => ("result", TypeSource::Result),
                _ => ("chosen", TypeSource::Inferred),
            };
            let (bound, expr) = lowering.lift(base, source, VariableKind::LiftedChoice);
            value = Some(lowering.code(expr));
            Some(bound)
        });
        value.unwrap_or_else(|| self.code(parse_quote!(())))
    }

    fn if_parts(&mut self, branch: syn::ExprIf) -> (Decision, Code, Vec<Arm>) {
        self.lints(&branch.attrs);
        let mut text = self.text(&branch.cond);
        if let Expr::Let(condition) = &*branch.cond {
            text = self.is_text(&condition.expr, &condition.pat);
        }
        let mut code = self.pure_code(*branch.cond);
        if uses::root(&code.expr).is_some() {
            code.uses = code.encoded_uses();
        }
        let pattern = patterns(&code.expr);
        let then = Arm { pattern, statements: branch.then_branch.stmts, text };
        let otherwise = match branch.else_branch {
            None => Vec::new(),
            Some((_, otherwise)) => statements(*otherwise),
        };
        let otherwise = Arm { pattern: Vec::new(), statements: otherwise, text: String::new() };
        (Decision::If, code, vec![then, otherwise])
    }

    fn match_parts(&mut self, branch: syn::ExprMatch) -> (Decision, Code, Vec<Arm>) {
        self.lints(&branch.attrs);
        let scrutinee = self.pure_code(*branch.expr);
        let authored = scrutinee.expr.clone();
        let mut patterns = Vec::new();
        let mut arms = Vec::new();
        let mut reads: Vec<syn::Arm> = Vec::new();
        for arm in branch.arms {
            self.lints(&arm.attrs);
            let text = self.is_text(&authored, &arm.pat);
            let mut read = arm.clone();
            *read.body = parse_quote!(());
            read.comma = Some(syn::token::Comma::default());
            reads.push(read);
            patterns.push(arm.pat.clone());
            arms.push(Arm { pattern: vec![arm.pat], statements: statements(*arm.body), text });
        }
        // what the scrutinee, the patterns and the guards touch
        let whole: Expr = parse_quote_spanned!(authored.span()=> match #authored { #(#reads)* });
        let uses = uses::of(&whole, &self.scope);
        (Decision::Match(patterns), Code { expr: authored, uses }, arms)
    }

    fn text(&self, expr: &impl ToTokens) -> String {
        text::of(self.names.restored(expr.to_token_stream()))
    }

    /// `document.kind is Kind::Video(_)`
    fn is_text(&self, scrutinee: &Expr, pattern: &Pat) -> String {
        let scrutinee = match scrutinee {
            Expr::Reference(reference) => &*reference.expr,
            other => other,
        };
        let scrutinee = self.authored(scrutinee);
        if let Some(way) = flow::of_pattern(pattern) {
            return way.text().to_owned();
        }
        format!("{scrutinee} is {}", self.text(pattern))
    }

    /// What an author would call the value of an expression.
    fn authored(&self, expr: &Expr) -> String {
        let lifted = uses::of(expr, &self.scope)
            .into_iter()
            .find(|touch| !self.variables[touch.variable.0].is_authored());
        match (lifted, expr) {
            (Some(touch), Expr::Path(_)) => self
                .stages
                .iter()
                .find(|stage| stage.binds.contains(&touch.variable))
                .map_or_else(|| self.text(expr), |stage| format!("{}(..)", text::of(&stage.function))),
            _ => self.text(expr),
        }
    }

    fn arm(&mut self, branch: BranchId, index: usize, arm: Arm, mode: Mode, kind: VariableKind) -> BranchArm {
        let id = BlockId(self.next_block);
        self.next_block += 1;
        self.blocks.push((id, mode));
        self.items.push(Vec::new());
        self.scope.enter();
        let mut binds: Vec<VarId> = Vec::new();
        for pattern in arm.pattern {
            for bound in self.bind(pattern, TypeSource::Inferred, &TypeSource::Inferred, kind).binds {
                // both sides of `A(x) | B(x)` bind one variable
                let name = self.variables[bound.0].name.to_string();
                if !binds.iter().any(|other| self.variables[other.0].name == name) {
                    binds.push(bound);
                }
            }
        }
        if !binds.is_empty() {
            self.push(Item::Head(branch, index));
        }
        let end = self.statements(arm.statements, mode);
        self.scope.leave();
        self.blocks.pop();
        let block = Block { id, items: self.items.pop().unwrap_or_default(), end };
        BranchArm { block, binds, text: arm.text }
    }
}

fn end_leaves(end: &End) -> bool {
    end.code().is_some_and(|code| leave::leaves(&code.expr))
}

/// The patterns of the `let`s in a condition.
fn patterns(condition: &Expr) -> Vec<Pat> {
    struct Lets(Vec<Pat>);
    impl<'ast> Visit<'ast> for Lets {
        fn visit_expr_let(&mut self, condition: &'ast syn::ExprLet) {
            self.0.push((*condition.pat).clone());
            visit::visit_expr_let(self, condition);
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_block(&mut self, _: &'ast syn::Block) {}
    }
    let mut lets = Lets(Vec::new());
    lets.visit_expr(condition);
    lets.0
}

/// The statements of an arm.
fn statements(body: Expr) -> Vec<Stmt> {
    match body {
        Expr::Block(block) if block.label.is_none() => block.block.stmts,
        other => vec![Stmt::Expr(other, None)],
    }
}
