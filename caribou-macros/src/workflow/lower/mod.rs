//! From the author's block to a [`Body`]: stage calls are lifted out in evaluation order, names become variables.

mod binding;
mod form;
mod hoist;

use std::collections::HashSet;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, Stmt};

use self::binding::Bound;
use self::form::{Call, Form};
use super::body::{
    Block, BlockId, Body, Branch, BranchId, Code, End, Glue, GlueForm, GlueId, Item, Stage, StageId,
    TypeSource, VarId, Variable, VariableKind,
};
use super::scope::Scope;
use super::uses;
use crate::errors::Errors;
use crate::signature::Parameter;
use crate::text;

/// Lowers a body. What it reports makes the result meaningless.
pub(crate) fn lower(parameters: &[Parameter], block: syn::Block, errors: &mut Errors) -> Body {
    let mut names = HashSet::new();
    collect_names(block.to_token_stream(), &mut names);
    names.extend(parameters.iter().map(|parameter| parameter.name.to_string()));
    let mut lowering = Lowering {
        errors,
        scope: Scope::new(),
        names,
        variables: Vec::new(),
        glue: Vec::new(),
        stages: Vec::new(),
        branches: Vec::new(),
        blocks: vec![BlockId(0)],
        next_block: 1,
        items: vec![Vec::new()],
    };
    let parameters = parameters
        .iter()
        .map(|parameter| {
            let source = TypeSource::Declared(Box::new(parameter.ty.clone()));
            lowering.declare(parameter.name.clone(), source, parameter.mutable, VariableKind::Authored)
        })
        .collect();
    let end = lowering.statements(block.stmts, Mode::Result);
    let root = Block { id: BlockId(0), items: lowering.items.pop().unwrap_or_default(), end };
    Body {
        parameters,
        variables: lowering.variables,
        glue: lowering.glue,
        stages: lowering.stages,
        branches: lowering.branches,
        root,
    }
}

/// Every identifier in the body, so that a new one can be told apart.
fn collect_names(tokens: TokenStream, names: &mut HashSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(names.insert(ident.to_string())),
            TokenTree::Group(group) => collect_names(group.stream(), names),
            _ => {}
        }
    }
}

/// What the value at the end of a block is.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// The workflow's `Result`.
    Result,
    /// A value.
    Value,
    /// Nothing that is used.
    Unit,
}

struct Lowering<'e> {
    errors: &'e mut Errors,
    scope: Scope,
    /// Names that are taken.
    names: HashSet<String>,
    variables: Vec<Variable>,
    glue: Vec<Glue>,
    stages: Vec<Stage>,
    branches: Vec<Branch>,
    /// The blocks around the current item, innermost last.
    blocks: Vec<BlockId>,
    next_block: usize,
    /// The items of these blocks so far.
    items: Vec<Vec<Item>>,
}

impl Lowering<'_> {
    fn block_id(&self) -> BlockId {
        self.blocks.last().copied().unwrap_or(BlockId(0))
    }

    fn push(&mut self, item: Item) {
        if let Some(items) = self.items.last_mut() {
            items.push(item);
        }
    }

    fn statements(&mut self, statements: Vec<Stmt>, mode: Mode) -> End {
        let count = statements.len();
        for (index, statement) in statements.into_iter().enumerate() {
            let last = index + 1 == count;
            match statement {
                Stmt::Expr(expr, None) if last => return self.end(expr, mode),
                Stmt::Macro(call) if last && call.semi_token.is_none() => {
                    return self.end(Expr::Macro(syn::ExprMacro { attrs: call.attrs, mac: call.mac }), mode);
                }
                Stmt::Local(local) => self.local(local),
                Stmt::Expr(expr, _) => self.statement(expr),
                Stmt::Macro(call) => {
                    self.statement(Expr::Macro(syn::ExprMacro { attrs: call.attrs, mac: call.mac }));
                }
                Stmt::Item(item) => self
                    .errors
                    .at(item, "an item cannot stand in a workflow's body: move it out, beside the workflow"),
            }
        }
        End::Unit
    }

    fn local(&mut self, local: syn::Local) {
        if let Some(attribute) = local.attrs.first() {
            self.errors.at(attribute, "an attribute cannot stand on a statement of a workflow");
        }
        let Some(init) = local.init else {
            self.errors
                .at(&local, "a variable of a workflow has a value from the start: write `let name = ..;`");
            self.bind(local.pat, TypeSource::Inferred, &TypeSource::Inferred, VariableKind::Authored);
            return;
        };
        if let Some((token, _)) = init.diverge {
            self.errors.at(
                token,
                "`let .. else` may leave the workflow early, which is not supported yet: decide with `if`, and \
                 take the value apart in glue",
            );
        }
        match self.stage_call(*init.expr) {
            Form::Stage(call) => {
                let arguments = self.arguments(&call);
                let stage = StageId(self.stages.len());
                let bound = self.bind(
                    local.pat,
                    TypeSource::Output(stage),
                    &TypeSource::PartOfOutput,
                    VariableKind::Authored,
                );
                self.stage(call, arguments, Some(bound));
            }
            Form::Branch(branch) => {
                self.branch(branch, Mode::Value, |lowering| {
                    Some(lowering.bind(
                        local.pat,
                        TypeSource::Inferred,
                        &TypeSource::Inferred,
                        VariableKind::Chosen,
                    ))
                });
            }
            Form::Glue(expr) => {
                let alias = self.is_alias(&expr, &local.pat);
                let borrows = matches!(expr, Expr::Reference(_));
                let (code, writes, _) = self.glue_code(expr);
                let kind = if borrows { VariableKind::Borrowing } else { VariableKind::Authored };
                let bound = self.bind(local.pat, TypeSource::Inferred, &TypeSource::Inferred, kind);
                let form = if alias { GlueForm::Alias(bound.pattern) } else { GlueForm::Let(bound.pattern) };
                let binds = bound.binds.into_iter().chain(writes).collect();
                self.push_glue(form, code, binds, false);
            }
            Form::Broken => {
                self.bind(local.pat, TypeSource::Inferred, &TypeSource::Inferred, VariableKind::Authored);
            }
        }
    }

    fn statement(&mut self, expr: Expr) {
        match self.stage_call(expr) {
            Form::Stage(call) => {
                let arguments = self.arguments(&call);
                self.stage(call, arguments, None);
            }
            Form::Branch(branch) => self.branch(branch, Mode::Unit, |_| None),
            Form::Glue(expr) => {
                let (code, writes, orders) = self.glue_code(expr);
                self.push_glue(GlueForm::Statement, code, writes, orders);
            }
            Form::Broken => {}
        }
    }

    fn end(&mut self, expr: Expr, mode: Mode) -> End {
        let expr = match (mode, expr) {
            (Mode::Unit, expr) => {
                self.statement(expr);
                return End::Unit;
            }
            (Mode::Result, Expr::Await(awaiting)) => {
                // `stage(..).await` at the end is `Ok(stage(..).await?)`
                let attempt = Expr::Try(syn::ExprTry {
                    attrs: Vec::new(),
                    question_token: syn::Token![?](Span::call_site()),
                    expr: Box::new(Expr::Await(awaiting)),
                });
                return match self.stage_call(attempt) {
                    Form::Stage(call) => End::Value(self.lifted_stage(call)),
                    _ => End::Unit,
                };
            }
            (Mode::Result, Expr::Call(call)) if form::is_ok(&call) => {
                let Some(value) = call.args.into_iter().next() else { return End::Unit };
                return match self.stage_call(value) {
                    Form::Stage(call) => End::Value(self.lifted_stage(call)),
                    Form::Broken => End::Unit,
                    Form::Branch(branch) => End::Value(self.lifted_branch(branch, Mode::Value)),
                    Form::Glue(value) => End::Value(self.pure_code(value)),
                };
            }
            (_, expr) => expr,
        };
        let value = match self.stage_call(expr) {
            Form::Stage(call) => self.lifted_stage(call),
            Form::Branch(branch) => return End::Value(self.lifted_branch(branch, mode)),
            Form::Glue(expr) => self.pure_code(expr),
            Form::Broken => return End::Unit,
        };
        if mode == Mode::Result { End::Fallible(value) } else { End::Value(value) }
    }

    fn arguments(&mut self, call: &Call) -> Vec<Code> {
        call.expr.args.iter().cloned().map(|argument| self.pure_code(argument)).collect()
    }

    fn stage(&mut self, call: Call, arguments: Vec<Code>, bound: Option<Bound>) {
        let id = StageId(self.stages.len());
        let (pattern, binds) = bound.map_or((None, Vec::new()), |bound| (Some(bound.pattern), bound.binds));
        let Call { expr: call, function, question } = call;
        let block = self.block_id();
        self.stages.push(Stage { function, arguments, pattern, binds, block, call, question });
        self.push(Item::Stage(id));
    }

    /// A stage call in the middle of an expression: the expression goes on with its output.
    fn lifted_stage(&mut self, call: Call) -> Code {
        let arguments = self.arguments(&call);
        let name = call.function.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let base = format!("{}_output", name.trim_start_matches("r#"));
        let source = TypeSource::Output(StageId(self.stages.len()));
        let (bound, expr) = self.lift(&base, source, VariableKind::Lifted);
        self.stage(call, arguments, Some(bound));
        self.code(expr)
    }

    /// The same for a branch.
    fn lifted_branch(&mut self, branch: syn::ExprIf, mode: Mode) -> Code {
        let mut value = None;
        self.branch(branch, mode, |lowering| {
            let (base, source) = match mode {
                Mode::Result => ("result", TypeSource::Result),
                _ => ("chosen", TypeSource::Inferred),
            };
            let (bound, expr) = lowering.lift(base, source, VariableKind::LiftedChoice);
            value = Some(lowering.code(expr));
            Some(bound)
        });
        value.unwrap_or_else(|| self.code(syn::parse_quote!(())))
    }

    fn branch(&mut self, branch: syn::ExprIf, mode: Mode, bind: impl FnOnce(&mut Self) -> Option<Bound>) {
        if let Some(attribute) = branch.attrs.first() {
            self.errors.at(attribute, "an attribute cannot stand on a statement of a workflow");
        }
        let text = text::of(&branch.cond);
        let mut code = self.pure_code(*branch.cond);
        if uses::root(&code.expr).is_some() {
            code.uses = code.encoded_uses();
        }
        let (bound, _) = self.lift("condition", TypeSource::Bool, VariableKind::Lifted);
        let condition = bound.binds.first().copied().unwrap_or(VarId(0));
        self.push_glue(GlueForm::Condition, code, bound.binds, false);
        let then = self.arm(branch.then_branch.stmts, mode);
        let otherwise = match branch.else_branch {
            None => self.arm(Vec::new(), mode),
            Some((_, otherwise)) => match *otherwise {
                Expr::Block(block) => self.arm(block.block.stmts, mode),
                other => self.arm(vec![Stmt::Expr(other, None)], mode),
            },
        };
        let bound = bind(self);
        let (pattern, binds) = bound.map_or((None, Vec::new()), |bound| (Some(bound.pattern), bound.binds));
        let id = BranchId(self.branches.len());
        self.branches.push(Branch { condition, pattern, binds, arms: [then, otherwise], text });
        self.push(Item::Branch(id));
    }

    fn arm(&mut self, statements: Vec<Stmt>, mode: Mode) -> Block {
        let id = BlockId(self.next_block);
        self.next_block += 1;
        self.blocks.push(id);
        self.items.push(Vec::new());
        self.scope.enter();
        let end = self.statements(statements, mode);
        self.scope.leave();
        self.blocks.pop();
        Block { id, items: self.items.pop().unwrap_or_default(), end }
    }

    fn push_glue(&mut self, form: GlueForm, code: Code, binds: Vec<VarId>, orders: bool) {
        let id = GlueId(self.glue.len());
        self.glue.push(Glue { form, code, binds, block: self.block_id(), orders });
        self.push(Item::Glue(id));
    }
}
