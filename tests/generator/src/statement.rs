//! Statements.

use crate::branch::End;
use crate::feature::Feature;
use crate::function::Function;
use crate::generator::{Generator, Room, Standing};
use crate::scope::{Kind, Variable};
use crate::syntax::{Expr, Statement};
use crate::types::Type;

#[derive(Clone, Copy)]
enum Choice {
    LetStage,
    LetGlue,
    LetBranch,
    LetElse,
    LetOutcome,
    LetJoin,
    Alias,
    Mutable,
    Stage,
    Branch,
}

impl Generator {
    /// Adds one statement, or more where one does not come alone.
    pub(crate) fn statement(&mut self, block: &mut Vec<Statement>) {
        let when = |feature, weight| if self.has(feature) { weight } else { 0 };
        // There are few blocks within macros.
        let often = if self.stands(Standing::Macro) { 8 } else { 1 };
        let joins = often * (when(Feature::Join, 1) + when(Feature::TryJoin, 1));
        let choices = [
            (8, Choice::LetStage),
            (4, Choice::LetGlue),
            (3, Choice::LetBranch),
            (if self.can_leave() { when(Feature::LetElse, 1) } else { 0 }, Choice::LetElse),
            (when(Feature::StageResult, 2), Choice::LetOutcome),
            (joins, Choice::LetJoin),
            (when(Feature::Alias, 1), Choice::Alias),
            (when(Feature::Mutable, 2), Choice::Mutable),
            (when(Feature::Statement, 2), Choice::Stage),
            (2, Choice::Branch),
        ];
        let made = match self.chance.weighted(&choices).unwrap_or(Choice::LetStage) {
            Choice::LetStage => self.let_stage(),
            Choice::LetGlue => Some(self.let_glue()),
            Choice::LetBranch => self.let_branch(),
            Choice::LetElse => Some(self.let_else()),
            Choice::LetOutcome => self.let_outcome(),
            Choice::LetJoin => self.let_join(),
            Choice::Alias => self.alias(),
            Choice::Mutable => Some(self.mutable()),
            Choice::Stage => self.stage_statement(),
            Choice::Branch => self.branch(&End::Unit).map(Statement::Expr),
        };
        let made = made.or_else(|| self.let_stage()).unwrap_or_else(|| self.let_glue());
        block.push(made);
    }

    /// `let pattern = value;`
    fn bind(&mut self, ty: &Type, value: Expr) -> Statement {
        let pattern = self.irrefutable(ty);
        self.declare(&pattern.binds);
        Statement::Let { pattern: pattern.text, value, otherwise: None }
    }

    fn let_stage(&mut self) -> Option<Statement> {
        let at_hand = self.at_hand();
        let useful = self.functions.iter().filter(|function| function.output != Type::Unit);
        let (there, others): (Vec<&Function>, Vec<&Function>) =
            useful.partition(|function| function.parameters.iter().all(|ty| at_hand.contains(ty)));
        let functions = if there.is_empty() || self.chance.percent(10) { others } else { there };
        let ty = self.chance.pick(&functions)?.output.clone();
        let value = self.stage_of(&ty, Room::FULL)?;
        Some(self.bind(&ty, value))
    }

    fn let_glue(&mut self) -> Statement {
        let ty = Type::any(&mut self.chance);
        let room = if self.chance.percent(60) { Room::GLUE } else { Room::FULL };
        let value = self.value(&ty, room);
        self.bind(&ty, value)
    }

    fn let_branch(&mut self) -> Option<Statement> {
        let ty = Type::any(&mut self.chance);
        let value = self.branch_of(&ty)?;
        Some(self.bind(&ty, value))
    }

    /// `let pattern = value else { return .. };`
    fn let_else(&mut self) -> Statement {
        self.uses(Feature::LetElse);
        let ty = self.refutable_type();
        let value = self.value(&ty, self.scrutinee());
        let pattern = self.refutable(&ty);
        let otherwise = Some(self.way_out());
        self.declare(&pattern.binds);
        Statement::Let { pattern: pattern.text, value, otherwise }
    }

    /// `let outcome = stage(..).await;`
    fn let_outcome(&mut self) -> Option<Statement> {
        let of = if self.chance.percent(60) { Type::Number } else { Type::Text };
        let ty = Type::outcome(of);
        let value = self.stage_of(&ty, Room::FULL)?;
        Some(self.bind(&ty, value))
    }

    /// `let (a, b) = tokio::join!(..);`
    fn let_join(&mut self) -> Option<Statement> {
        let mut parts: Vec<Type> = (0..2 + self.chance.below(2))
            .map(|_| if self.chance.percent(60) { Type::Number } else { Type::Text })
            .collect();
        if !self.has(Feature::TryJoin) || self.draws(Feature::Join, 50) {
            parts = parts.into_iter().map(Type::outcome).collect();
        }
        let ty = Type::Tuple(parts);
        let value = self.joined_value(&ty, Room::FULL)?;
        Some(self.bind(&ty, value))
    }

    /// `let part = &value.part;`
    fn alias(&mut self) -> Option<Statement> {
        let place =
            self.place(|place| place.movable && place.kind == Kind::Constant && !place.ty.is_copy())?;
        self.uses(Feature::Alias);
        if self.has(Feature::OrderedAlias) {
            self.uses(Feature::OrderedAlias);
        }
        self.scope.pin(&place);
        let name = self.fresh("at");
        self.scope.declare(name.clone(), place.ty.clone()).kind = Kind::Reference;
        let value = Expr::text(format!("&{}", place.text));
        Some(Statement::Let { pattern: name, value, otherwise: None })
    }

    fn mutable(&mut self) -> Statement {
        self.uses(Feature::Mutable);
        let writable = self.scope.writable();
        if let Some(variable) = self.chance.pick(&writable).cloned()
            && self.chance.percent(70)
        {
            self.hidden = Some(variable.name.clone());
            let write = self.write(&variable);
            self.hidden = None;
            return Statement::Expr(write);
        }
        let types = [Type::Number, Type::Text, Type::list(Type::Number), Type::Parcel];
        let ty = types[self.chance.below(types.len())].clone();
        let value = self.value(&ty, Room::FULL);
        let name = self.fresh(ty.initial());
        self.scope.declare(name.clone(), ty).kind = Kind::Mutable;
        Statement::Let { pattern: format!("mut {name}"), value, otherwise: None }
    }

    /// A statement that changes a variable.
    fn write(&mut self, variable: &Variable) -> Expr {
        let (name, ty) = (&variable.name, &variable.ty);
        let room = Room::FULL.deeper();
        let (text, operands): (&str, &[Type]) = match (ty, self.chance.below(3)) {
            (Type::Number, 0) => ("{} += $", &[Type::Number]),
            (Type::Number, 1) => ("{} = $", &[Type::Number]),
            (Type::Number, _) => ("for item in $ { {} ^= item; }", &[Type::list(Type::Number)]),
            (Type::Text, 0) => ("{}.push_str(&$)", &[Type::Text]),
            (Type::Text, 1) => ("{} += &$", &[Type::Text]),
            (Type::Text, _) => ("if $ { {}.push('!'); }", &[Type::Bool]),
            (Type::Parcel, 0) => ("{}.id = $", &[Type::Number]),
            (Type::Parcel, 1) => ("{}.weights.push($)", &[Type::Number]),
            (Type::Parcel, _) => ("{}.label.push_str(&$)", &[Type::Text]),
            (_, 0) => ("{}.push($)", &[Type::Number]),
            (_, 1) => ("{}.extend($)", &[Type::list(Type::Number)]),
            _ => ("if $ { {}.insert(0, $); }", &[Type::Bool, Type::Number]),
        };
        let room = if text.contains('{') && text.contains("; }") { Room::STILL } else { room };
        let operands = operands.iter().map(|operand| self.value(operand, room)).collect();
        Expr::Glue(text.replace("{}", name), operands)
    }

    /// `stage(..).await?;`
    pub(crate) fn stage_statement(&mut self) -> Option<Statement> {
        if !self.has(Feature::Statement) {
            return None;
        }
        let ty = if self.chance.percent(70) { Type::Unit } else { Type::Text };
        let stage = self.call_of(&ty, Room::FULL)?;
        self.uses(Feature::Statement);
        Some(Statement::Expr(Expr::Stage(stage)))
    }
}
