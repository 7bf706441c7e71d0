//! A workflow's body in a normal form: every stage call is an item of its own, every value has a variable.
//!
//! Items stand in evaluation order. Glue keeps the author's tokens; only a stage call within it is replaced by the
//! variable that holds the stage's output.

use proc_macro2::Ident;
use syn::{Expr, Pat, Path, Type};

use super::names::Names;

/// Index into [`Body::variables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VarId(pub(crate) usize);

/// Index into [`Body::glue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GlueId(pub(crate) usize);

/// Index into [`Body::stages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StageId(pub(crate) usize);

/// Index into [`Body::branches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BranchId(pub(crate) usize);

/// Index of a block: 0 is the body itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BlockId(pub(crate) usize);

/// The whole body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) parameters: Vec<VarId>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) glue: Vec<Glue>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) branches: Vec<Branch>,
    /// The statements; its end is the workflow's result.
    pub(crate) root: Block,
    /// `use`, `const`, `fn` and the like among the statements.
    pub(crate) items: Vec<syn::Item>,
    /// What the author called the variables.
    pub(crate) names: Names,
}

/// A variable, in one version: a write to a `let mut` variable makes a new one.
#[derive(Debug)]
pub(crate) struct Variable {
    /// With the author's span, or a name that occurs nowhere in the body.
    pub(crate) name: Ident,
    /// The first version; itself if it is the first.
    pub(crate) first: VarId,
    pub(crate) source: TypeSource,
    pub(crate) mutable: bool,
    pub(crate) kind: VariableKind,
    /// The block that declares it.
    pub(crate) block: BlockId,
}

/// Where a variable comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VariableKind {
    /// The author wrote it.
    Authored,
    /// The same, and it visibly borrows from other variables.
    Borrowing,
    /// The author wrote it, for the value of a [`Branch`].
    Chosen,
    /// The output of a stage call in the middle of an expression, or a condition.
    Lifted,
    /// The value of a branch in the middle of an expression.
    LiftedChoice,
}

/// How the type of a variable is known where it is decoded.
#[derive(Clone, Debug)]
pub(crate) enum TypeSource {
    /// The author named it.
    Declared(Box<Type>),
    /// The output of a stage.
    Output(StageId),
    /// Part of a stage's output.
    PartOfOutput,
    /// Which arm a branch takes, if that is the first or the second.
    Bool,
    /// Which arm a branch takes.
    Index,
    /// The workflow's result.
    Result,
    /// Only the compiler knows it.
    Inferred,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Glue(GlueId),
    Stage(StageId),
    Branch(BranchId),
    /// What the pattern of an arm binds; the first item of the arm.
    Head(BranchId, usize),
}

/// Ordinary code and what it does to the variables.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) expr: Expr,
    pub(crate) uses: Vec<Use>,
}

impl Code {
    /// What it touches where only a reference to its value is taken: a place is not moved.
    pub(crate) fn encoded_uses(&self) -> Vec<Use> {
        let mut uses = self.uses.clone();
        if super::uses::root(&self.expr).is_some() {
            for touch in &mut uses {
                touch.kind = UseKind::Borrow;
            }
        }
        uses
    }
}

/// One touch of a variable.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) variable: VarId,
    pub(crate) kind: UseKind,
    /// Where.
    pub(crate) ident: Ident,
}

/// How code touches a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum UseKind {
    /// It is surely still there afterwards, as it was.
    Borrow,
    /// It may be moved out of.
    Move,
    /// It may be changed.
    Write,
}

/// A statement without a stage call.
#[derive(Debug)]
pub(crate) struct Glue {
    pub(crate) form: GlueForm,
    pub(crate) code: Code,
    /// What it binds: the variables of its pattern, and new versions of those it writes.
    pub(crate) binds: Vec<VarId>,
    pub(crate) block: BlockId,
    /// Whether it orders what follows: a statement with a stage call in it, or one that may leave the workflow.
    pub(crate) orders: bool,
}

/// The forms of glue.
#[derive(Debug)]
pub(crate) enum GlueForm {
    /// `let PAT = ..;`
    Let(Pat),
    /// `let name = &place;`, a literal or a closure: evaluated again wherever it is read, as it only points at something.
    Alias(Pat),
    /// `let PAT = .. else { .. };` with an `else` that fails or panics.
    LetElse(Pat, Box<Expr>),
    /// `..;`
    Statement,
    /// What the branch that follows decides on; binds which arm that is.
    Decision(Decision),
}

/// How a branch is decided.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    /// `if code { .. } else { .. }`; the code may have `let` in it.
    If,
    /// `match code { .. }`: the arms' patterns, with their guards.
    Match(Vec<Pat>),
}

/// A stage call.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) function: Path,
    pub(crate) arguments: Vec<Code>,
    /// What the output is bound to; `None` in statement position.
    pub(crate) pattern: Option<Pat>,
    pub(crate) binds: Vec<VarId>,
    pub(crate) block: BlockId,
    /// The call, with its arguments as the author wrote them.
    pub(crate) call: syn::ExprCall,
    /// The `?` after its `.await`; without it the stage's failure is a value.
    pub(crate) question: Option<syn::Token![?]>,
    /// For `caribou::map`: how the items become arguments.
    pub(crate) map: Option<Map>,
}

/// The closure of `caribou::map(items, |item| function(..))`. The stage's first argument is `items`, then come the
/// function's.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) item: Pat,
    /// For every argument of the function: whether it is the same for all items.
    pub(crate) shared: Vec<bool>,
}

/// An `if` or a `match` with a stage in it.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) decision: GlueId,
    /// The variable that says which arm was taken.
    pub(crate) chosen: VarId,
    /// What its value is bound to; `None` in statement position.
    pub(crate) pattern: Option<Pat>,
    pub(crate) binds: Vec<VarId>,
    pub(crate) arms: Vec<BranchArm>,
    /// Whether code in it may leave the workflow, so that what follows has to wait.
    pub(crate) leaves: bool,
}

/// An arm of a branch.
#[derive(Debug)]
pub(crate) struct BranchArm {
    pub(crate) block: Block,
    /// What its pattern binds.
    pub(crate) binds: Vec<VarId>,
    /// When it is taken, as the author would say it; empty for the `else` of an `if`.
    pub(crate) text: String,
}

/// A sequence of items and the value at its end.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) id: BlockId,
    pub(crate) items: Vec<Item>,
    pub(crate) end: End,
}

/// The value at the end of a block.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// None.
    Unit,
    /// This value.
    Value(Code),
    /// What this `Result` holds; its error fails the run.
    Fallible(Code),
}

impl End {
    /// The code, if there is any.
    pub(crate) fn code(&self) -> Option<&Code> {
        match self {
            Self::Unit => None,
            Self::Value(code) | Self::Fallible(code) => Some(code),
        }
    }

    /// What it touches.
    pub(crate) fn uses(&self) -> &[Use] {
        self.code().map_or(&[], |code| &code.uses)
    }
}

impl Body {
    pub(crate) fn variable(&self, id: VarId) -> &Variable {
        &self.variables[id.0]
    }

    /// What an item binds.
    pub(crate) fn binds(&self, item: Item) -> &[VarId] {
        match item {
            Item::Glue(id) => &self.glue[id.0].binds,
            Item::Stage(id) => &self.stages[id.0].binds,
            Item::Branch(id) => &self.branches[id.0].binds,
            Item::Head(id, arm) => &self.branches[id.0].arms[arm].binds,
        }
    }

    /// The code on which a branch is decided.
    pub(crate) fn decision(&self, branch: BranchId) -> (&Code, &Decision) {
        let glue = &self.glue[self.branches[branch.0].decision.0];
        match &glue.form {
            GlueForm::Decision(decision) => (&glue.code, decision),
            _ => (&glue.code, &Decision::If),
        }
    }

    /// What the author called a variable.
    pub(crate) fn display(&self, id: VarId) -> String {
        match self.variable(id).source {
            TypeSource::Result => "result".to_owned(),
            _ => self.names.original(&self.variable(id).name.to_string()).to_owned(),
        }
    }
}

impl Variable {
    /// Whether its name is the author's.
    pub(crate) fn is_authored(&self) -> bool {
        !matches!(self.kind, VariableKind::Lifted | VariableKind::LiftedChoice)
    }

    /// Whether it holds the value of a branch.
    pub(crate) fn is_chosen(&self) -> bool {
        matches!(self.kind, VariableKind::Chosen | VariableKind::LiftedChoice)
    }
}

impl Stage {
    /// The function's Rust name.
    pub(crate) fn name(&self) -> String {
        self.function.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
    }

    /// The arguments of the function itself.
    pub(crate) fn function_arguments(&self) -> &[Code] {
        self.arguments.get(self.first_argument()..).unwrap_or_default()
    }

    /// Where the function's own arguments begin: a map has its items before them.
    pub(crate) fn first_argument(&self) -> usize {
        usize::from(self.map.is_some())
    }
}

impl Map {
    /// Whether an argument of the function is made for every item.
    pub(crate) fn is_each(&self, argument: usize) -> bool {
        !self.shared.get(argument).copied().unwrap_or(false)
    }
}
