//! The state of a program that is being made, and the small choices that everything else is made of.

use crate::chance::Chance;
use crate::feature::{Feature, Features};
use crate::function::Function;
use crate::scope::{Kind, Place, Scope};
use crate::syntax::Expr;
use crate::types::{self, Type};

/// Makes one program.
pub(crate) struct Generator {
    pub(crate) chance: Chance,
    pub(crate) features: Features,
    pub(crate) used: Features,
    pub(crate) functions: Vec<Function>,
    pub(crate) scope: Scope,
    /// Stages that may still be written.
    pub(crate) stages_left: usize,
    /// What the workflow yields.
    pub(crate) result: Type,
    /// How deep blocks are nested.
    pub(crate) nesting: u8,
    /// A variable that must not be read now.
    pub(crate) hidden: Option<String>,
    /// What holds where the generator is now.
    standing: Vec<Standing>,
    names: usize,
}

/// What holds within something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No variable that changes may be read.
    Constant,
    /// Nothing may be moved.
    Fixed,
    /// This is the middle of an expression.
    Within,
    /// These are the arguments of a macro.
    Macro,
}

/// What an expression may hold where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Stage calls, branches, and what may leave early.
    pub(crate) stages: bool,
    /// Uses that move a variable.
    pub(crate) moves: bool,
    /// A branch or a struct literal as the whole.
    pub(crate) bare: bool,
    /// Forms within forms.
    pub(crate) depth: u8,
}

impl Room {
    pub(crate) const FULL: Self = Self { stages: true, moves: true, bare: true, depth: 2 };
    /// Glue alone.
    pub(crate) const GLUE: Self = Self { stages: false, moves: true, bare: true, depth: 2 };
    /// Glue that leaves everything where it is.
    pub(crate) const STILL: Self = Self { stages: false, moves: false, bare: true, depth: 1 };

    pub(crate) fn deeper(self) -> Self {
        Self { bare: true, depth: self.depth.saturating_sub(1), ..self }
    }
}

impl Generator {
    /// A generator that draws from `features` what this program uses.
    pub(crate) fn new(seed: u64, features: &Features) -> Self {
        let mut chance = Chance::new(seed);
        let mut features: Features = features.iter().filter(|_| chance.percent(65)).collect();
        if !features.has(Feature::OrderedAlias) && features.has(Feature::Alias) {
            let (alias, ordering) = ([Feature::Alias], Feature::ORDERING);
            let dropped = if chance.percent(75) { &alias[..] } else { &ordering[..] };
            for feature in dropped {
                features.remove(*feature);
            }
        }
        let stages_left = 3 + chance.below(10);
        Self {
            chance,
            features,
            used: Features::from_iter([]),
            functions: Function::all(),
            scope: Scope::default(),
            stages_left,
            result: Type::Unit,
            nesting: 0,
            hidden: None,
            standing: Vec::new(),
            names: 0,
        }
    }

    /// Whether something holds here.
    pub(crate) fn stands(&self, standing: Standing) -> bool {
        self.standing.contains(&standing)
    }

    /// Makes something within which more holds.
    pub(crate) fn standing<T>(
        &mut self,
        more: impl IntoIterator<Item = Standing>,
        make: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let depth = self.standing.len();
        self.standing.extend(more);
        let value = make(self);
        self.standing.truncate(depth);
        value
    }

    /// What an expression before a block may hold.
    pub(crate) fn scrutinee(&self) -> Room {
        Room { bare: self.has(Feature::Enclosed), ..Room::FULL }
    }

    /// Whether this program may use a feature.
    pub(crate) fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    /// Whether to use a feature here, where `percent` of the programs that may do.
    pub(crate) fn draws(&mut self, feature: Feature, percent: u32) -> bool {
        self.has(feature) && self.chance.percent(percent)
    }

    /// Notes that the program uses a feature.
    pub(crate) fn uses(&mut self, feature: Feature) {
        self.used.insert(feature);
    }

    /// A name for a value, perhaps one that was used before.
    pub(crate) fn name(&mut self, ty: &Type) -> String {
        if self.draws(Feature::Shadow, 30) {
            let names = self.scope.reusable();
            if let Some(name) = self.chance.pick(&names).cloned() {
                self.uses(Feature::Shadow);
                return name;
            }
        }
        self.fresh(ty.initial())
    }

    /// A name that nothing else has.
    pub(crate) fn fresh(&mut self, initial: &str) -> String {
        self.names += 1;
        format!("{initial}_{}", self.names)
    }

    /// A place of a type, those that nothing read yet more likely than others.
    pub(crate) fn place(&mut self, fits: impl Fn(&Place) -> bool) -> Option<Place> {
        let hidden = self.hidden.as_deref();
        let constant = self.stands(Standing::Constant);
        let is_hidden =
            |place: &Place| place.text.split('.').next() == hidden || constant && place.kind == Kind::Mutable;
        let places: Vec<Place> =
            self.scope.places().into_iter().filter(|place| fits(place) && !is_hidden(place)).collect();
        let weighted: Vec<(usize, usize)> = places
            .iter()
            .enumerate()
            .map(|(index, place)| (if place.unread { 5 } else { 1 }, index))
            .collect();
        self.chance.weighted(&weighted).map(|index| places[index].clone())
    }

    /// The types of everything that can be read.
    pub(crate) fn at_hand(&self) -> Vec<Type> {
        self.scope.places().into_iter().map(|place| place.ty).collect()
    }

    /// A constant.
    pub(crate) fn literal(&mut self, ty: &Type) -> Expr {
        Expr::text(self.constant(ty))
    }

    fn constant(&mut self, ty: &Type) -> String {
        match ty {
            Type::Unit => "()".into(),
            Type::Bool => self.chance.percent(50).to_string(),
            Type::Number => format!("{}_u64", self.chance.below(12)),
            Type::Text if self.chance.percent(50) => {
                format!("String::from({:?})", types::text(&mut self.chance))
            }
            Type::Text => format!("{:?}.to_owned()", types::text(&mut self.chance)),
            Type::Parcel => {
                let [id, label, weights] =
                    [Type::Number, Type::Text, Type::list(Type::Number)].map(|part| self.constant(&part));
                format!("Parcel {{ id: {id}, label: {label}, weights: {weights} }}")
            }
            Type::Shape if self.chance.percent(50) => "Shape::Flat".into(),
            Type::Shape => format!("Shape::Round({})", self.constant(&Type::Number)),
            Type::List(of) if self.chance.percent(30) => format!("Vec::<{}>::new()", of.rust()),
            Type::List(of) => {
                let items: Vec<_> = (0..=self.chance.below(3)).map(|_| self.constant(of)).collect();
                format!("vec![{}]", items.join(", "))
            }
            Type::Maybe(of) if self.chance.percent(50) => format!("None::<{}>", of.rust()),
            Type::Maybe(of) => format!("Some({})", self.constant(of)),
            Type::Tuple(of) => {
                let parts: Vec<_> = of.iter().map(|part| self.constant(part)).collect();
                format!("({})", parts.join(", "))
            }
            Type::Outcome(of) => format!("Ok::<{}, Error>({})", of.rust(), self.constant(of)),
            Type::Failure => "Error::permanent(\"glue: made up\")".into(),
        }
    }
}
