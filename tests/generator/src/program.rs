//! Whole programs.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::branch::End;
use crate::chance::Chance;
use crate::feature::{Feature, Features};
use crate::generator::{Generator, Room};
use crate::syntax::{Block, Expr, Stage, Statement};
use crate::types::Type;

/// The fewest stages of a program.
const FEWEST_STAGES: usize = 3;
/// The most stages of a program.
const MOST_STAGES: usize = 14;

/// A workflow, and inputs for it.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// What makes it again.
    pub seed: u64,
    /// Names and types of its parameters.
    pub parameters: Vec<(String, Type)>,
    /// What it yields.
    pub result: Type,
    /// Its body.
    pub body: Block,
    /// What it uses of the language.
    pub features: Features,
}

impl Program {
    /// The program of a seed.
    pub fn new(name: &str, seed: u64, features: &Features) -> Self {
        let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        loop {
            let program = Self { seed, ..Self::draw(name, mixed, features) };
            if (FEWEST_STAGES..=MOST_STAGES).contains(&program.stages()) {
                return program;
            }
            mixed = mixed.rotate_left(29).wrapping_add(1);
        }
    }

    fn draw(name: &str, seed: u64, features: &Features) -> Self {
        let mut generator = Generator::new(seed, features);
        generator.scope.open();
        let mut parameters = Vec::new();
        for _ in 0..[0, 1, 1, 1, 2, 2, 3][generator.chance.below(7)] {
            let ty = Type::any(&mut generator.chance);
            let name = generator.fresh(&format!("given_{}", ty.initial()));
            generator.declare(&[(name.clone(), ty.clone())]);
            parameters.push((name, ty));
        }
        let ty = Type::any(&mut generator.chance);
        generator.result = match generator.chance.below(10) {
            0 => Type::Unit,
            1..5 => Type::Text,
            _ => ty,
        };
        let body = generator.body();
        let (result, features) = (generator.result, generator.used);
        Self { name: name.into(), seed, parameters, result, body, features }
    }

    /// How many stages it has.
    pub fn stages(&self) -> usize {
        self.calls().values().sum()
    }

    /// How many stages call each function.
    pub fn calls(&self) -> BTreeMap<&'static str, usize> {
        let mut calls = BTreeMap::new();
        self.body.count(&mut calls);
        calls
    }

    /// Inputs for it, as a client sends them.
    pub fn inputs(&self, count: usize) -> Vec<Json> {
        let mut chance = Chance::new(self.seed);
        let mut input = |_| match &self.parameters[..] {
            [] => Json::Null,
            [(_, ty)] => ty.input(&mut chance),
            several => {
                let fields = several.iter().map(|(name, ty)| (name.clone(), ty.input(&mut chance)));
                Json::Object(fields.collect::<Map<_, _>>())
            }
        };
        let mut inputs: Vec<Json> = Vec::new();
        for input in (0..count).map(&mut input) {
            if !inputs.contains(&input) {
                inputs.push(input);
            }
        }
        inputs
    }
}

impl Generator {
    fn body(&mut self) -> Block {
        let mut block = Block::default();
        // Stages kept for the end.
        let kept = match self.chance.below(3) {
            0 if self.has(Feature::TailBranch) => 4,
            0 | 1 => 1,
            _ => 0,
        };
        for _ in 0..14 {
            if self.stages_left > kept {
                self.statement(&mut block.statements);
            }
        }
        block.end = Some(Box::new(self.outcome()));
        block
    }

    /// What ends the workflow: a value of type `Result`.
    pub(crate) fn outcome(&mut self) -> Expr {
        let result = self.result.clone();
        if self.draws(Feature::TailBranch, if self.nesting == 0 { 60 } else { 20 })
            && let Some(branch) = self.branch(&End::Result)
        {
            return branch;
        }
        if self.chance.percent(30)
            && let Some(stage) = self.final_stage()
        {
            return stage;
        }
        if self.draws(Feature::Fallible, 25) {
            self.uses(Feature::Fallible);
            if result == Type::Number {
                let value = self.value(&Type::Number, Room::FULL);
                return Expr::around("checked($)", value);
            }
            if self.nesting > 0 && self.chance.percent(30) {
                return Expr::text("Err(Error::permanent(\"glue: no way\"))");
            }
        }
        let value = match result {
            Type::Text if self.chance.percent(85) => self.summary(),
            _ => self.value(&result, Room::FULL),
        };
        Expr::around("Ok($)", value)
    }

    /// A stage without `?` that yields the workflow's result.
    pub(crate) fn final_stage(&mut self) -> Option<Expr> {
        let result = self.result.clone();
        let stage = self.call_of(&result, Room::FULL)?;
        Some(Expr::Stage(Stage { question: false, ..stage }))
    }
}

impl Block {
    /// Whether it is but one expression.
    pub(crate) fn only(&self) -> Option<&Expr> {
        if self.statements.is_empty() { self.end.as_deref() } else { None }
    }
}

impl Statement {
    /// Whether it stands without a semicolon.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Expr(expr) if expr.is_branch())
    }
}
