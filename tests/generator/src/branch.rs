//! Branches and blocks: what has arms, and what moves in one of them.

use crate::feature::Feature;
use crate::generator::{Generator, Room, Standing};
use crate::pattern::Pattern;
use crate::scope::Moves;
use crate::syntax::{Arm, Block, Expr, Statement};
use crate::types::Type;

/// What a block ends with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// Nothing: it stands for its effects.
    Unit,
    /// A value.
    Value(Type),
    /// The result of the workflow.
    Result,
}

/// Where arms part: what had been moved before, and what each arm moved that does not leave the workflow.
struct Fork {
    before: Moves,
    moved: Vec<Moves>,
}

#[derive(Clone, Copy)]
enum Choice {
    If,
    IfLet,
    Match,
    Block,
}

impl Generator {
    /// A branch or block that yields a value.
    pub(crate) fn branch_of(&mut self, ty: &Type) -> Option<Expr> {
        self.branch(&End::Value(ty.clone()))
    }

    /// A branch or block, if this program may have one.
    pub(crate) fn branch(&mut self, end: &End) -> Option<Expr> {
        if self.nesting > 2 || self.stages_left == 0 {
            return None;
        }
        let weight = |feature, weight| if self.has(feature) { weight } else { 0 };
        let choices = [
            (weight(Feature::Branch, 3), Choice::If),
            (weight(Feature::IfLet, 2), Choice::IfLet),
            (weight(Feature::Match, 2), Choice::Match),
            (weight(Feature::Block, 1), Choice::Block),
        ];
        let choice = self.chance.weighted(&choices)?;
        if *end == End::Result {
            self.uses(Feature::TailBranch);
        }
        Some(match choice {
            Choice::If => self.conditional(end, false),
            Choice::IfLet => self.conditional(end, true),
            Choice::Match => self.matching(end),
            Choice::Block => {
                self.uses(Feature::Block);
                let mut fork = self.fork();
                let (block, _) = self.arm(&mut fork, end, &[], false);
                self.meet(&fork);
                Expr::Block(block)
            }
        })
    }

    /// `if` or `if let`, perhaps with further conditions.
    fn conditional(&mut self, end: &End, lets: bool) -> Expr {
        self.uses(if lets { Feature::IfLet } else { Feature::Branch });
        let (condition, binds) = if lets { self.let_condition() } else { (self.condition(), Vec::new()) };
        let mut fork = self.fork();
        let (then, left) = self.arm(&mut fork, end, &binds, true);
        self.scope.restore(&fork.before);
        let otherwise = if self.nesting < 2 && self.draws(Feature::ElseIf, 25) {
            self.uses(Feature::ElseIf);
            self.nesting += 1;
            let lets = self.draws(Feature::IfLet, 50) || !self.has(Feature::Branch);
            let next = self.conditional(end, lets);
            self.nesting -= 1;
            fork.moved.push(self.scope.moves());
            Some(Block { statements: Vec::new(), end: Some(Box::new(next)) })
        } else if *end != End::Unit || self.chance.percent(50) {
            Some(self.arm(&mut fork, end, &[], !left).0)
        } else {
            None
        };
        self.meet(&fork);
        Expr::If { condition: Box::new(condition), then, otherwise }
    }

    fn condition(&mut self) -> Expr {
        self.value(&Type::Bool, self.scrutinee())
    }

    /// `let pattern = value`, perhaps with `&&`.
    fn let_condition(&mut self) -> (Expr, Vec<(String, Type)>) {
        let ty = self.refutable_type();
        let value = self.value(&ty, self.scrutinee());
        let Pattern { text, binds } = self.refutable(&ty);
        if !self.draws(Feature::LetChain, 30) {
            return (Expr::around(&format!("let {text} = $"), value), binds);
        }
        self.uses(Feature::LetChain);
        self.scope.open();
        self.declare(&binds);
        let more = self.value(&Type::Bool, Room::STILL);
        self.scope.close();
        (Expr::Glue(format!("let {text} = $ && $"), vec![value, more]), binds)
    }

    fn matching(&mut self, end: &End) -> Expr {
        self.uses(Feature::Match);
        let ty = self.matched_type();
        let value = Box::new(self.value(&ty, self.scrutinee()));
        let patterns = self.fitting(&ty);
        let mut fork = self.fork();
        let mut arms = Vec::new();
        let mut leaves = true;
        for pattern in patterns {
            if self.draws(Feature::Guard, 25) {
                self.uses(Feature::Guard);
                let guard = self.guard(&fork, &pattern.binds);
                let (body, _) = self.arm(&mut fork, end, &pattern.binds, false);
                arms.push(Arm { pattern: pattern.text.clone(), guard: Some(guard), body });
            }
            let (body, left) = self.arm(&mut fork, end, &pattern.binds, leaves);
            leaves &= !left;
            arms.push(Arm { pattern: pattern.text, guard: None, body });
        }
        self.meet(&fork);
        Expr::Match { value, arms }
    }

    fn guard(&mut self, fork: &Fork, binds: &[(String, Type)]) -> Expr {
        self.scope.restore(&fork.before);
        self.scope.open();
        self.declare(binds);
        let guard = self.value(&Type::Bool, Room::STILL);
        self.scope.close();
        guard
    }

    /// Whether the workflow may be left here.
    pub(crate) fn can_leave(&self) -> bool {
        self.has(Feature::Return) && (!self.stands(Standing::Within) || self.has(Feature::NestedReturn))
    }

    /// A way out of the workflow, as a block.
    pub(crate) fn way_out(&mut self) -> Block {
        let before = self.scope.moves();
        let leaving = self.leaving();
        self.scope.restore(&before);
        Block { statements: vec![Statement::Expr(leaving)], end: None }
    }

    fn leaving(&mut self) -> Expr {
        self.uses(Feature::Return);
        if self.stands(Standing::Within) {
            self.uses(Feature::NestedReturn);
        }
        if self.has(Feature::LeavingMove) {
            self.uses(Feature::LeavingMove);
        }
        self.standing(self.kept_when(true), Self::left_with)
    }

    /// What is still there on the other way is not moved where a program leaves.
    fn kept_when(&self, leaves: bool) -> Option<Standing> {
        (leaves && !self.has(Feature::LeavingMove)).then_some(Standing::Fixed)
    }

    /// What a workflow is left with.
    fn left_with(&mut self) -> Expr {
        let result = self.result.clone();
        if self.chance.percent(15) {
            return Expr::text("return Err(Error::permanent(\"glue: enough\"))");
        }
        if self.chance.percent(30)
            && let Some(stage) = self.final_stage()
        {
            return Expr::around("return $", stage);
        }
        let value = self.value(&result, Room::FULL);
        Expr::around("return Ok($)", value)
    }

    fn fork(&self) -> Fork {
        Fork { before: self.scope.moves(), moved: Vec::new() }
    }

    /// After all arms, what any of them moved is gone.
    fn meet(&mut self, fork: &Fork) {
        self.scope.restore(&fork.before);
        for moves in &fork.moved {
            self.scope.merge(moves);
        }
    }

    /// An arm, and whether it leaves the workflow.
    fn arm(
        &mut self,
        fork: &mut Fork,
        end: &End,
        binds: &[(String, Type)],
        may_leave: bool,
    ) -> (Block, bool) {
        self.scope.restore(&fork.before);
        self.scope.open();
        self.nesting += 1;
        self.declare(binds);
        let leaves = may_leave && self.can_leave() && *end != End::Result && self.draws(Feature::Return, 15);
        let block = self.standing(self.kept_when(leaves), |generator| generator.arm_block(end, leaves));
        self.nesting -= 1;
        self.scope.close();
        if !leaves {
            fork.moved.push(self.scope.moves());
        }
        (block, leaves)
    }

    fn arm_block(&mut self, end: &End, leaves: bool) -> Block {
        let least = usize::from(*end == End::Unit && !leaves);
        let mut block = Block::default();
        for index in 0..least + self.chance.below(2) {
            match if index < least { self.stage_statement() } else { None } {
                Some(stage) => block.statements.push(stage),
                None => self.statement(&mut block.statements),
            }
        }
        match end {
            _ if leaves => {
                let leaving = self.leaving();
                block.statements.push(Statement::Expr(leaving));
            }
            End::Unit => {}
            End::Value(ty) => block.end = Some(Box::new(self.arm_value(ty))),
            End::Result => block.end = Some(Box::new(self.outcome())),
        }
        block
    }

    /// The value of an arm: a stage rather than anything else, or the branch would be glue.
    fn arm_value(&mut self, ty: &Type) -> Expr {
        let inner = if self.chance.percent(20) { self.branch_of(ty) } else { None };
        let stage = if self.chance.percent(50) { self.stage_of(ty, Room::FULL.deeper()) } else { None };
        inner.or(stage).unwrap_or_else(|| self.value(ty, Room::FULL))
    }

    pub(crate) fn declare(&mut self, binds: &[(String, Type)]) {
        for (name, ty) in binds {
            self.scope.declare(name.clone(), ty.clone());
        }
    }
}
