//! From the author's block to a [`Body`]: stage calls are lifted out in evaluation order, names become variables.

mod binding;
mod branch;
mod form;
mod hoist;
mod stage;

use std::collections::HashSet;

use syn::{Expr, Stmt, parse_quote};

use self::form::Form;
use super::body::{
    Block, BlockId, Body, Branch, Code, End, Glue, GlueForm, GlueId, Item, Stage, StageId, TypeSource, VarId,
    Variable, VariableKind,
};
use super::leave;
use super::names::Names;
use super::scope::Scope;
use crate::errors::Errors;
use crate::signature::Parameter;

/// Lowers a body. What it reports makes the result meaningless.
pub(crate) fn lower(
    parameters: &[Parameter],
    statements: Vec<Stmt>,
    items: Vec<syn::Item>,
    names: Names,
    errors: &mut Errors,
) -> Body {
    let mut lowering = Lowering {
        errors,
        scope: Scope::new(),
        names,
        variables: Vec::new(),
        glue: Vec::new(),
        stages: Vec::new(),
        branches: Vec::new(),
        blocks: vec![(BlockId(0), Mode::Result)],
        next_block: 1,
        items: vec![Vec::new()],
        unset: HashSet::new(),
    };
    let parameters = parameters
        .iter()
        .map(|parameter| {
            let source = TypeSource::Declared(Box::new(parameter.ty.clone()));
            lowering.declare(parameter.name.clone(), source, parameter.mutable, VariableKind::Authored)
        })
        .collect();
    let end = lowering.statements(statements, Mode::Result);
    let root = Block { id: BlockId(0), items: lowering.items.pop().unwrap_or_default(), end };
    Body {
        parameters,
        variables: lowering.variables,
        glue: lowering.glue,
        stages: lowering.stages,
        branches: lowering.branches,
        root,
        items,
        names: lowering.names,
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
    names: Names,
    variables: Vec<Variable>,
    glue: Vec<Glue>,
    stages: Vec<Stage>,
    branches: Vec<Branch>,
    /// The blocks around the current item, innermost last, with what their value is.
    blocks: Vec<(BlockId, Mode)>,
    next_block: usize,
    /// The items of these blocks so far.
    items: Vec<Vec<Item>>,
    /// Variables without a value, which were reported.
    unset: HashSet<VarId>,
}

impl Lowering<'_> {
    fn block_id(&self) -> BlockId {
        self.blocks.last().map_or(BlockId(0), |(block, _)| *block)
    }

    fn push(&mut self, item: Item) {
        if let Some(items) = self.items.last_mut() {
            items.push(item);
        }
    }

    /// The statements of a block, up to its value.
    fn statements(&mut self, statements: Vec<Stmt>, mode: Mode) -> End {
        match self.until_value(statements) {
            Some(value) => self.end(value, mode),
            None => End::Unit,
        }
    }

    /// The statements of a block; its value is left to the caller.
    fn until_value(&mut self, statements: Vec<Stmt>) -> Option<Expr> {
        let count = statements.len();
        for (index, statement) in statements.into_iter().enumerate() {
            let last = index + 1 == count;
            match statement {
                Stmt::Expr(expr, None) if last => return Some(expr),
                Stmt::Expr(expr @ Expr::Return(_), _) if last => return Some(expr),
                Stmt::Macro(call) if last && call.semi_token.is_none() => {
                    return Some(Expr::Macro(syn::ExprMacro { attrs: call.attrs, mac: call.mac }));
                }
                Stmt::Local(local) => self.local(local),
                Stmt::Expr(expr, _) => self.statement(expr),
                Stmt::Macro(call) => {
                    self.statement(Expr::Macro(syn::ExprMacro { attrs: call.attrs, mac: call.mac }));
                }
                // those of the body were taken out, those of other blocks refused
                Stmt::Item(_) => {}
            }
        }
        None
    }

    /// Attributes that say how to lint are heeded in the author's function; others change what there is.
    fn lints(&mut self, attributes: &[syn::Attribute]) {
        const LINTS: [&str; 6] = ["allow", "expect", "warn", "deny", "forbid", "rustfmt"];
        let other = attributes.iter().find(|attribute| {
            !LINTS
                .iter()
                .any(|lint| attribute.path().segments.first().is_some_and(|first| first.ident == lint))
        });
        if let Some(attribute) = other {
            self.errors.at(
                attribute,
                "an attribute other than `#[allow]` cannot stand on a statement of a workflow",
            );
        }
    }

    fn local(&mut self, local: syn::Local) {
        self.lints(&local.attrs);
        let Some(init) = local.init else {
            self.errors
                .at(&local, "a variable of a workflow has a value from the start: write `let name = ..;`");
            let bound =
                self.bind(local.pat, TypeSource::Inferred, &TypeSource::Inferred, VariableKind::Authored);
            self.unset.extend(bound.binds);
            return;
        };
        let diverge = init.diverge.as_ref().map(|(_, diverge)| (**diverge).clone());
        match self.form(*init.expr) {
            Form::Stage(call) if diverge.is_some() => {
                let output = self.lifted_stage(call);
                self.let_glue(local.pat, output.expr, diverge);
            }
            form @ (Form::If(_) | Form::Match(_)) if diverge.is_some() => {
                let chosen = self.lifted_branch(form, Mode::Value);
                self.let_glue(local.pat, chosen.expr, diverge);
            }
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
            Form::Block(block) => {
                let value = self.until_value(block.stmts).unwrap_or_else(|| parse_quote!(()));
                let init = Some(syn::LocalInit { expr: Box::new(value), ..init });
                self.local(syn::Local { init, ..local });
            }
            form @ (Form::If(_) | Form::Match(_)) => {
                let pattern = local.pat;
                self.branch(form, Mode::Value, |lowering| {
                    Some(lowering.bind(
                        pattern,
                        TypeSource::Inferred,
                        &TypeSource::Inferred,
                        VariableKind::Chosen,
                    ))
                });
            }
            Form::Glue(expr) => self.let_glue(local.pat, expr, diverge),
            Form::Broken => {
                self.bind(local.pat, TypeSource::Inferred, &TypeSource::Inferred, VariableKind::Authored);
            }
        }
    }

    fn let_glue(&mut self, pattern: syn::Pat, expr: Expr, diverge: Option<Expr>) {
        let alias = diverge.is_none() && self.is_alias(&expr, &pattern);
        let kind = if alias || borrows(&expr) { VariableKind::Borrowing } else { VariableKind::Authored };
        let (code, writes, _) = self.glue_code(expr);
        let orders = leave::leaves(&code.expr) || diverge.is_some();
        let (code, else_branch) = match diverge {
            None => (code, None),
            Some(diverge) => {
                let (diverging, _, _) = self.glue_code(diverge);
                let mut code = code;
                code.uses.extend(diverging.uses);
                (code, Some(diverging.expr))
            }
        };
        let bound = self.bind(pattern, TypeSource::Inferred, &TypeSource::Inferred, kind);
        let form = match (alias, else_branch) {
            (true, _) => GlueForm::Alias(bound.pattern),
            (false, None) => GlueForm::Let(bound.pattern),
            (false, Some(diverge)) => GlueForm::LetElse(bound.pattern, Box::new(diverge)),
        };
        let binds = bound.binds.into_iter().chain(writes).collect();
        self.push_glue(form, code, binds, orders);
    }

    fn statement(&mut self, expr: Expr) {
        match self.form(expr) {
            Form::Stage(call) => {
                let arguments = self.arguments(&call);
                self.stage(call, arguments, None);
            }
            Form::Block(block) => {
                if let Some(value) = self.until_value(block.stmts) {
                    self.statement(value);
                }
            }
            form @ (Form::If(_) | Form::Match(_)) => self.branch(form, Mode::Unit, |_| None),
            Form::Glue(expr) => {
                let (code, writes, lifted) = self.glue_code(expr);
                let orders = lifted || leave::leaves(&code.expr);
                self.push_glue(GlueForm::Statement, code, writes, orders);
            }
            Form::Broken => {}
        }
    }

    /// The value at the end of a block.
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
                    question_token: syn::Token![?](awaiting.await_token.span),
                    expr: Box::new(Expr::Await(awaiting)),
                });
                return match self.form(attempt) {
                    Form::Stage(call) => End::Value(self.lifted_stage(call)),
                    _ => End::Unit,
                };
            }
            (Mode::Result, Expr::Call(call)) if form::is_ok(&call) => {
                let Some(value) = call.args.into_iter().next() else { return End::Unit };
                return self.value(value).map_or(End::Unit, End::Value);
            }
            (Mode::Result, Expr::Return(leaving)) => match leaving.expr {
                Some(value) => *value,
                None => return End::Unit,
            },
            (_, expr) => expr,
        };
        match self.form(expr) {
            Form::Stage(call) => {
                let value = self.lifted_stage(call);
                if mode == Mode::Result { End::Fallible(value) } else { End::Value(value) }
            }
            form @ (Form::If(_) | Form::Match(_)) => End::Value(self.lifted_branch(form, mode)),
            Form::Block(block) => self.statements(block.stmts, mode),
            Form::Glue(expr) if mode == Mode::Result => End::Fallible(self.pure_code(expr)),
            Form::Glue(expr) => End::Value(self.checked_code(expr)),
            Form::Broken => End::Unit,
        }
    }

    /// A value, whatever it is made of.
    fn value(&mut self, expr: Expr) -> Option<Code> {
        match self.form(expr) {
            Form::Stage(call) => Some(self.lifted_stage(call)),
            Form::Broken => None,
            form @ (Form::If(_) | Form::Match(_)) => Some(self.lifted_branch(form, Mode::Value)),
            Form::Block(block) => {
                let value = self.until_value(block.stmts).unwrap_or_else(|| parse_quote!(()));
                self.value(value)
            }
            Form::Glue(value) => Some(self.pure_code(value)),
        }
    }

    fn push_glue(&mut self, form: GlueForm, code: Code, binds: Vec<VarId>, orders: bool) -> GlueId {
        let id = GlueId(self.glue.len());
        self.glue.push(Glue { form, code, binds, block: self.block_id(), orders });
        self.push(Item::Glue(id));
        id
    }
}

/// Whether a value visibly borrows, or is a text of the program itself.
fn borrows(expr: &Expr) -> bool {
    const METHODS: [&str; 9] =
        ["as_bytes", "as_deref", "as_ref", "as_slice", "as_str", "iter", "lines", "split", "trim"];
    const ONWARD: [&str; 3] = ["unwrap_or", "unwrap_or_default", "unwrap"];
    match expr {
        Expr::Reference(_) => true,
        Expr::Lit(literal) => matches!(literal.lit, syn::Lit::Str(_) | syn::Lit::ByteStr(_)),
        Expr::Let(condition) => borrows(&condition.expr),
        Expr::Paren(paren) => borrows(&paren.expr),
        Expr::If(conditional) => block_borrows(&conditional.then_branch),
        Expr::Match(matching) => matching.arms.iter().any(|arm| borrows(&arm.body)),
        Expr::Block(block) => block_borrows(&block.block),
        Expr::MethodCall(call) => {
            let turbofish = call.turbofish.iter().flat_map(|turbofish| &turbofish.args);
            let mut types = turbofish.filter_map(|argument| match argument {
                syn::GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            METHODS.iter().any(|method| call.method == method)
                || types.any(binding::has_reference)
                || (ONWARD.iter().any(|method| call.method == method) && borrows(&call.receiver))
        }
        _ => false,
    }
}

fn block_borrows(block: &syn::Block) -> bool {
    matches!(block.stmts.last(), Some(Stmt::Expr(value, None)) if borrows(value))
}
