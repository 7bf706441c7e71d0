//! Programs as trees: only what the writer and the checks need to tell apart.

use std::collections::BTreeMap;

/// Statements, and what they end with.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The statements.
    pub statements: Vec<Statement>,
    /// The value, if the block has one.
    pub end: Option<Box<Expr>>,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `let pattern = value else { otherwise };`
    Let {
        /// The pattern, with its type if that is written.
        pattern: String,
        /// The value.
        value: Expr,
        /// Where to go if the pattern does not fit.
        otherwise: Option<Block>,
    },
    /// An expression with a semicolon, or a branch without.
    Expr(Expr),
}

/// An expression.
#[derive(Clone, Debug)]
pub enum Expr {
    /// Ordinary Rust; each `$` in the text stands for one of the operands.
    Glue(String, Vec<Expr>),
    /// A stage.
    Stage(Stage),
    /// `caribou::map(items, |pattern| stage).await?`
    Map {
        /// What is mapped.
        items: Box<Expr>,
        /// The parameter of the closure.
        pattern: String,
        /// The one call; its ending is that of the whole.
        stage: Stage,
    },
    /// `tokio::join!(..)` or `tokio::try_join!(..)?`.
    Join {
        /// Whether it is `try_join!`.
        or_fail: bool,
        /// The calls; their own endings are not written.
        stages: Vec<Stage>,
    },
    /// `if`, `if let`; the condition is written as it is.
    If {
        /// The condition.
        condition: Box<Expr>,
        /// The block after it.
        then: Block,
        /// The block after `else`; one that is but an `if` is written `else if`.
        otherwise: Option<Block>,
    },
    /// `match`
    Match {
        /// What is looked at.
        value: Box<Expr>,
        /// The arms.
        arms: Vec<Arm>,
    },
    /// `{ .. }`
    Block(Block),
}

/// An arm of a `match`.
#[derive(Clone, Debug)]
pub struct Arm {
    /// The pattern.
    pub pattern: String,
    /// The guard.
    pub guard: Option<Expr>,
    /// What happens.
    pub body: Block,
}

/// A call of a caribou function.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The function.
    pub function: &'static str,
    /// Its arguments.
    pub arguments: Vec<Expr>,
    /// Whether a `?` follows `.await`.
    pub question: bool,
}

/// Whether a branch needs parentheses before this text.
pub(crate) fn encloses(after: &str) -> bool {
    !after.starts_with([')', ',', ']', ';'])
}

impl Expr {
    /// A text without operands.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Glue(text.into(), Vec::new())
    }

    /// A text with one operand.
    pub(crate) fn around(text: &str, operand: Self) -> Self {
        Self::Glue(text.into(), vec![operand])
    }

    pub(crate) fn is_branch(&self) -> bool {
        matches!(self, Self::If { .. } | Self::Match { .. } | Self::Block(_))
    }

    /// How many call sites each function has in it.
    pub(crate) fn count(&self, calls: &mut BTreeMap<&'static str, usize>) {
        match self {
            Self::Glue(_, operands) => operands.iter().for_each(|operand| operand.count(calls)),
            Self::Stage(stage) => stage.count(calls),
            Self::Map { items, stage, .. } => {
                items.count(calls);
                stage.count(calls);
            }
            Self::Join { stages, .. } => stages.iter().for_each(|stage| stage.count(calls)),
            Self::If { condition, then, otherwise } => {
                condition.count(calls);
                then.count(calls);
                if let Some(block) = otherwise {
                    block.count(calls);
                }
            }
            Self::Match { value, arms } => {
                value.count(calls);
                for arm in arms {
                    arm.guard.iter().for_each(|guard| guard.count(calls));
                    arm.body.count(calls);
                }
            }
            Self::Block(block) => block.count(calls),
        }
    }
}

impl Stage {
    fn count(&self, calls: &mut BTreeMap<&'static str, usize>) {
        *calls.entry(self.function).or_default() += 1;
        self.arguments.iter().for_each(|argument| argument.count(calls));
    }
}

impl Block {
    /// How many call sites each function has in it.
    pub(crate) fn count(&self, calls: &mut BTreeMap<&'static str, usize>) {
        for statement in &self.statements {
            match statement {
                Statement::Let { value, otherwise, .. } => {
                    value.count(calls);
                    if let Some(block) = otherwise {
                        block.count(calls);
                    }
                }
                Statement::Expr(expr) => expr.count(calls),
            }
        }
        self.end.iter().for_each(|end| end.count(calls));
    }
}
