//! Expressions of a type.

use crate::feature::Feature;
use crate::form::{Form, Use};
use crate::function::Function;
use crate::generator::{Generator, Room, Standing};
use crate::scope::{Kind, Place};
use crate::syntax::{Expr, Stage, encloses};
use crate::types::Type;

/// Methods that are known to read only.
const READING: [&str; 9] = [
    "len()",
    "is_empty()",
    "iter()",
    "to_uppercase()",
    "to_string()",
    "split(",
    "join(",
    "is_some()",
    "is_none()",
];

#[derive(Clone, Copy)]
enum Choice {
    Place,
    Form,
    Stage,
    Join,
    Branch,
    Literal,
}

impl Generator {
    /// An expression that yields an owned value.
    pub(crate) fn value(&mut self, ty: &Type, room: Room) -> Expr {
        let stages = room.stages && room.depth > 0 && self.stages_left > 0;
        let nested = stages && self.has(Feature::NestedStage);
        let choices = [
            (8, Choice::Place),
            (if room.depth > 0 { 4 } else { 0 }, Choice::Form),
            (if nested { 2 } else { 0 }, Choice::Stage),
            (usize::from(nested), Choice::Join),
            (usize::from(nested && room.bare && self.nesting < 2), Choice::Branch),
            (usize::from(room.depth == 0), Choice::Literal),
        ];
        for _ in 0..3 {
            let made = match self.chance.weighted(&choices).unwrap_or(Choice::Literal) {
                Choice::Place => self.owned_place(ty, room),
                Choice::Form => self.form(ty, room),
                Choice::Stage => self.nested(|generator| generator.stage_of(ty, room.deeper())),
                Choice::Join => self.nested(|generator| generator.joined_value(ty, room.deeper())),
                Choice::Branch => self.nested(|generator| generator.branch_of(ty)),
                Choice::Literal => Some(self.literal(ty)),
            };
            if let Some(made) = made {
                return made;
            }
        }
        self.owned_place(ty, room).unwrap_or_else(|| self.literal(ty))
    }

    /// Something with stages in the middle of an expression.
    fn nested(&mut self, make: impl FnOnce(&mut Self) -> Option<Expr>) -> Option<Expr> {
        let fixed = (!self.has(Feature::NestedMove)).then_some(Standing::Fixed);
        let value = self.standing(fixed.into_iter().chain([Standing::Within]), make);
        if value.is_some() {
            self.uses(Feature::NestedStage);
            if self.has(Feature::NestedMove) {
                self.uses(Feature::NestedMove);
            }
        }
        value
    }

    /// Reads a place by value: a move where that is possible, else a clone.
    fn owned_place(&mut self, ty: &Type, room: Room) -> Option<Expr> {
        let place = self.place(|place| place.ty == *ty)?;
        if ty.is_copy() {
            self.scope.read(&place);
            let star = if place.kind == Kind::Reference { "*" } else { "" };
            return Some(Expr::text(format!("{star}{}", place.text)));
        }
        if room.moves && !self.stands(Standing::Fixed) && place.movable && self.chance.percent(35) {
            self.scope.take(&place);
            return Some(Expr::text(place.text));
        }
        self.scope.read(&place);
        Some(Expr::text(format!("{}.clone()", place.text)))
    }

    /// Something that is borrowed: a place if there is one. `receiver` is where a method is called on it.
    fn borrowed(&mut self, ty: &Type, room: Room, receiver: bool) -> Expr {
        let place = if self.chance.percent(85) { self.place(|place| place.ty == *ty) } else { None };
        let Some(place) = place else { return self.value(ty, Room { moves: false, ..room }) };
        self.scope.read(&place);
        let Place { text, kind, .. } = place;
        Expr::text(if kind == Kind::Reference && !receiver { format!("(*{text})") } else { text })
    }

    /// A form of glue.
    fn form(&mut self, ty: &Type, room: Room) -> Option<Expr> {
        if *ty == Type::Text && self.chance.percent(15) {
            return self.captured();
        }
        let forms: Vec<Form> =
            Form::of(ty).into_iter().filter(|form| self.has_what_it_needs(form, room)).collect();
        let at_hand = self.at_hand();
        let weighted: Vec<(usize, usize)> =
            forms.iter().enumerate().map(|(index, form)| (form.weight(&at_hand), index)).collect();
        let form = forms[self.chance.weighted(&weighted)?].clone();
        if form.closure {
            self.uses(Feature::Closure);
        }
        if form.question {
            self.uses(Feature::GlueTry);
        }
        let stages_before = self.stages_left;
        let mut room = room.deeper();
        room.stages &= !form.in_macro || self.has(Feature::StageInMacro);
        let mut operands = Vec::new();
        let mut parts = form.text.split('$').map(str::to_owned);
        let mut text = parts.next().unwrap_or_default();
        for ((mode, operand), after) in form.operands.iter().zip(parts) {
            room.bare = self.has(Feature::Enclosed) || !encloses(&after);
            let receiver = after.starts_with('.');
            // The compiler takes any other method for one that changes a variable.
            let writes = receiver && !READING.iter().any(|method| after[1..].starts_with(method));
            let standing = [form.in_macro.then_some(Standing::Macro), writes.then_some(Standing::Constant)];
            let made = self.standing(standing.into_iter().flatten(), |generator| {
                generator.operand(*mode, operand, room, receiver)
            });
            room.moves &= *mode != Use::Borrow;
            if made.is_branch() && encloses(&after) {
                self.uses(Feature::Enclosed);
            }
            operands.push(made);
            text.push('$');
            text.push_str(&after);
        }
        if form.in_macro && self.stages_left < stages_before {
            self.uses(Feature::StageInMacro);
        }
        Some(Expr::Glue(text, operands))
    }

    fn operand(&mut self, mode: Use, ty: &Type, room: Room, receiver: bool) -> Expr {
        let stages = room.stages && mode != Use::Still && self.has(Feature::NestedStage);
        if stages
            && self.stands(Standing::Macro)
            && self.chance.percent(30)
            && let Some(stage) = self.nested(|generator| generator.stage_of(ty, room))
        {
            return stage;
        }
        match mode {
            Use::Value => self.value(ty, room),
            Use::Still => self.value(ty, Room { depth: room.depth, ..Room::STILL }),
            Use::Borrow => self.borrowed(ty, room, receiver),
        }
    }

    fn has_what_it_needs(&self, form: &Form, room: Room) -> bool {
        let there = |ty: &Type| match ty {
            Type::Outcome(_) => {
                self.has(Feature::StageResult)
                    && (room.stages || self.scope.places().iter().any(|p| p.ty == *ty))
            }
            Type::Failure => self.scope.places().iter().any(|place| place.ty == *ty),
            _ => true,
        };
        (room.bare || !form.is_literal())
            && (!form.closure || self.has(Feature::Closure))
            && (!form.question || room.stages && self.has(Feature::GlueTry))
            && form.operands.iter().all(|(_, ty)| there(ty))
    }

    /// `format!("{name}!")`
    fn captured(&mut self) -> Option<Expr> {
        let shown = [Type::Number, Type::Text, Type::Bool];
        let place = self.place(|place| shown.contains(&place.ty) && !place.text.contains('.'))?;
        self.scope.read(&place);
        Some(Expr::text(format!("format!(\"{{{}}}!\")", place.text)))
    }

    /// `format!` of everything that is there, or of some of it: what makes a result depend on the whole run.
    pub(crate) fn summary(&mut self) -> Expr {
        let mut places = self.scope.places();
        places.retain(|place| !place.text.contains('.') && (place.unread || place.ty.is_copy()));
        self.chance.shuffle(&mut places);
        places.truncate(5);
        let holes = vec!["{:?}"; places.len()].join(" ");
        let mut text = format!("format!(\"{holes}\"");
        for place in &places {
            self.scope.read(place);
            text = format!("{text}, {}", place.text);
        }
        Expr::text(text + ")")
    }

    /// A stage that yields a type, with `?`.
    pub(crate) fn stage_of(&mut self, ty: &Type, room: Room) -> Option<Expr> {
        if let Type::Outcome(of) = ty {
            return self.outcome_of(of, room);
        }
        if let Type::List(of) = ty
            && self.draws(Feature::Map, 60)
            && let Some(map) = self.map_of(of, room)
        {
            return Some(map);
        }
        self.call_of(ty, room).map(Expr::Stage)
    }

    /// A stage without `?`.
    fn outcome_of(&mut self, ty: &Type, room: Room) -> Option<Expr> {
        if !self.has(Feature::StageResult) {
            return None;
        }
        let stage = self.call_of(ty, room)?;
        self.uses(Feature::StageResult);
        Some(Expr::Stage(Stage { question: false, ..stage }))
    }

    /// A call of one of the functions that yield a type.
    pub(crate) fn call_of(&mut self, ty: &Type, room: Room) -> Option<Stage> {
        let index = self.function_of(ty)?;
        Some(self.call(index, room))
    }

    /// One of the functions that yield a type; those that refuse something are less likely.
    pub(crate) fn function_of(&mut self, ty: &Type) -> Option<usize> {
        if self.stages_left == 0 {
            return None;
        }
        let at_hand = self.at_hand();
        let weight = |function: &Function| {
            let there = function.parameters.iter().all(|ty| at_hand.contains(ty));
            let factor = if there { 5 } else { 1 };
            if function.refuses { factor } else { 2 * factor }
        };
        let fits = self.functions.iter().enumerate().filter(|(_, function)| function.output == *ty);
        let weighted: Vec<(usize, usize)> = fits.map(|(index, function)| (weight(function), index)).collect();
        self.chance.weighted(&weighted)
    }

    /// A call of a function.
    pub(crate) fn call(&mut self, index: usize, room: Room) -> Stage {
        self.stages_left = self.stages_left.saturating_sub(1);
        let (function, parameters) = (self.functions[index].name, self.functions[index].parameters.clone());
        let arguments = parameters.iter().map(|parameter| self.value(parameter, room)).collect();
        Stage { function, arguments, question: true }
    }

    /// `tokio::try_join!(..)?` or `tokio::join!(..)`, as a tuple of what is asked for.
    pub(crate) fn joined_value(&mut self, ty: &Type, room: Room) -> Option<Expr> {
        let Type::Tuple(of) = ty else { return None };
        let yielded = |part: &Type| match part {
            Type::Outcome(inner) => (false, (**inner).clone()),
            other => (true, other.clone()),
        };
        let parts: Vec<(bool, Type)> = of.iter().map(yielded).collect();
        let or_fail = parts.first()?.0;
        let feature = if or_fail { Feature::TryJoin } else { Feature::Join };
        let callable = |ty: &Type| self.functions.iter().any(|function| function.output == *ty);
        let fits = parts.iter().all(|(plain, ty)| *plain == or_fail && callable(ty));
        let here = !self.stands(Standing::Macro) || self.has(Feature::JoinInMacro);
        if !fits || !here || !self.has(feature) || self.stages_left < parts.len() {
            return None;
        }
        self.uses(feature);
        if self.stands(Standing::Macro) {
            self.uses(Feature::JoinInMacro);
        }
        let mut stages = Vec::new();
        for (_, ty) in &parts {
            self.stages_left = self.stages_left.max(1);
            stages.push(self.call_of(ty, Room { stages: false, ..room })?);
        }
        Some(Expr::Join { or_fail, stages })
    }
}
