//! Patterns, and what they bind.

use crate::feature::Feature;
use crate::generator::Generator;
use crate::types::Type;

/// A pattern and the variables it binds.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) text: String,
    pub(crate) binds: Vec<(String, Type)>,
}

impl Pattern {
    fn new(text: impl Into<String>, binds: Vec<(String, Type)>) -> Self {
        Self { text: text.into(), binds }
    }
}

impl Generator {
    /// A pattern that always fits, for a `let`.
    pub(crate) fn irrefutable(&mut self, ty: &Type) -> Pattern {
        if self.chance.percent(6) {
            let name = if self.chance.percent(50) { "_".into() } else { self.fresh("_unused") };
            return Pattern::new(name, Vec::new());
        }
        if self.draws(Feature::Pattern, 60)
            && let Some(pattern) = self.parts(ty)
        {
            self.uses(Feature::Pattern);
            return pattern;
        }
        let name = self.name(ty);
        let text = if self.chance.percent(15) { format!("{name}: {}", ty.rust()) } else { name.clone() };
        Pattern::new(text, vec![(name, ty.clone())])
    }

    /// A pattern that takes a value apart.
    fn parts(&mut self, ty: &Type) -> Option<Pattern> {
        let mut binds = Vec::new();
        let mut texts = Vec::new();
        for (part, ty) in ty.parts() {
            let name = if self.chance.percent(75) {
                let name = self.fresh(ty.initial());
                binds.push((name.clone(), ty));
                name
            } else {
                "_".into()
            };
            texts.push(if part.starts_with(char::is_alphabetic) { format!("{part}: {name}") } else { name });
        }
        let text = match ty {
            Type::Tuple(_) => format!("({})", texts.join(", ")),
            Type::Parcel => {
                texts.retain(|text| !text.ends_with(": _"));
                let rest = if texts.len() < 3 { ".." } else { "" };
                let comma = if texts.is_empty() || rest.is_empty() { "" } else { ", " };
                format!("Parcel {{ {}{comma}{rest} }}", texts.join(", "))
            }
            _ => return None,
        };
        Some(Pattern::new(text, binds))
    }

    /// A type that a pattern may or may not fit.
    pub(crate) fn refutable_type(&mut self) -> Type {
        let (number, text) = (Type::Number, Type::Text);
        let mut types = vec![Type::maybe(number.clone()), Type::maybe(text.clone()), Type::Shape];
        if self.has(Feature::StageResult) {
            types.extend([Type::outcome(number), Type::outcome(text)]);
        }
        let at_hand = self.at_hand();
        let there: Vec<Type> = types.iter().filter(|ty| at_hand.contains(ty)).cloned().collect();
        let types = if there.is_empty() || self.chance.percent(30) { types } else { there };
        types[self.chance.below(types.len())].clone()
    }

    /// A pattern that may not fit.
    pub(crate) fn refutable(&mut self, ty: &Type) -> Pattern {
        let arms = self.fitting(ty);
        let arms: Vec<_> =
            arms.into_iter().filter(|pattern| pattern.text.contains(char::is_uppercase)).collect();
        self.chance.pick(&arms).cloned().unwrap_or_else(|| Pattern::new("_", Vec::new()))
    }

    /// A type to `match` on.
    pub(crate) fn matched_type(&mut self) -> Type {
        match self.chance.below(6) {
            0 => Type::Number,
            1 => Type::tuple([Type::Number, Type::Text]),
            2 => Type::tuple([Type::Bool, Type::maybe(Type::Number)]),
            _ => self.refutable_type(),
        }
    }

    /// Patterns of which always one fits.
    pub(crate) fn fitting(&mut self, ty: &Type) -> Vec<Pattern> {
        let (number, text) = (Type::Number, Type::Text);
        match ty {
            Type::Number => {
                let (name, range) =
                    (self.name(&number), ["0", "0 | 2", "1..=4", "..3"][self.chance.below(4)]);
                vec![Pattern::new(range, vec![]), Pattern::new(name.clone(), vec![(name, number)])]
            }
            Type::Maybe(of) => {
                let name = self.name(of);
                let some = Pattern::new(format!("Some({name})"), vec![(name, (**of).clone())]);
                let none = Pattern::new("None", vec![]);
                let mut arms = if self.chance.percent(50) { vec![some, none] } else { vec![none, some] };
                if **of == number && self.chance.percent(30) {
                    arms.insert(0, Pattern::new("Some(0 | 3)", vec![]));
                }
                arms
            }
            Type::Outcome(of) => {
                let (name, failure) = (self.name(of), self.fresh("failure"));
                vec![
                    Pattern::new(format!("Ok({name})"), vec![(name, (**of).clone())]),
                    Pattern::new(format!("Err({failure})"), vec![(failure, Type::Failure)]),
                ]
            }
            Type::Shape => {
                let [size, width] = [0; 2].map(|_| self.fresh("number"));
                let [called, label] = [0; 2].map(|_| self.fresh("text"));
                let mut arms = vec![
                    Pattern::new(format!("Shape::Round({size})"), vec![(size, number.clone())]),
                    Pattern::new(format!("Shape::Named({called})"), vec![(called, text.clone())]),
                    Pattern::new(
                        format!("Shape::Boxed {{ width: {width}, label: {label} }}"),
                        vec![(width, number), (label, text)],
                    ),
                    Pattern::new("Shape::Flat", vec![]),
                ];
                self.chance.shuffle(&mut arms);
                if self.chance.percent(60) {
                    arms.truncate(1 + self.chance.below(3));
                    let rest = self.name(ty);
                    arms.push(if self.chance.percent(50) {
                        Pattern::new("_", vec![])
                    } else {
                        Pattern::new(rest.clone(), vec![(rest, ty.clone())])
                    });
                }
                arms
            }
            Type::Tuple(of) if of[0] == Type::Bool => {
                let (name, either) = (self.fresh("number"), self.fresh("maybe"));
                vec![
                    Pattern::new(format!("(true, Some({name}))"), vec![(name, number)]),
                    Pattern::new("(_, None)", vec![]),
                    Pattern::new(format!("(false, {either})"), vec![(either, of[1].clone())]),
                ]
            }
            _ => {
                let [name, called] = [self.fresh("number"), self.fresh("text")];
                vec![
                    Pattern::new("(0, _)", vec![]),
                    Pattern::new(format!("({name}, {called})"), vec![(name, number), (called, text)]),
                ]
            }
        }
    }
}
