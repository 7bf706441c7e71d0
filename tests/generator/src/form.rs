//! Glue: the ordinary Rust between stages.

use crate::types::Type;
use Type::{Bool, Failure, Number, Parcel, Shape, Text};
use Use::{Borrow, Still, Value};

/// How a form uses an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// By value: it may be moved, and may hold stages.
    Value,
    /// Borrowed until the form is evaluated: what follows in it cannot move anything.
    Borrow,
    /// By value and perhaps several times or not at all: no stages, no moves.
    Still,
}

/// A shape of expression; each `$` is an operand.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) text: &'static str,
    pub(crate) operands: Vec<(Use, Type)>,
    /// It has a closure.
    pub(crate) closure: bool,
    /// Its operands stand in a macro.
    pub(crate) in_macro: bool,
    /// It leaves the workflow if it fails.
    pub(crate) question: bool,
}

impl Form {
    fn new<const N: usize>(text: &'static str, operands: [(Use, Type); N]) -> Self {
        Self {
            text,
            operands: operands.into(),
            closure: ["|n|", "|t|", "|e|"].iter().any(|head| text.contains(head)),
            in_macro: ["format!", "vec!", "matches!"].iter().any(|name| text.starts_with(name)),
            question: text.ends_with('?'),
        }
    }

    /// Whether it is a struct literal.
    pub(crate) fn is_literal(&self) -> bool {
        self.text.starts_with(char::is_uppercase) && self.text.ends_with('}')
    }

    /// How likely it is, where some types are at hand: one whose operands would be constants is not worth much.
    pub(crate) fn weight(&self, at_hand: &[Type]) -> usize {
        let constants = self.operands.iter().filter(|(_, ty)| !at_hand.contains(ty)).count();
        if constants == 0 { 6 } else { usize::from(constants < self.operands.len()) + 1 }
    }

    /// The forms that yield a type.
    pub(crate) fn of(ty: &Type) -> Vec<Self> {
        match ty {
            Type::Number => number(),
            Type::Bool => boolean(),
            Type::Text => text(),
            Type::Parcel => parcel(),
            Type::Shape => shape(),
            Type::List(of) => list(of),
            Type::Maybe(of) => maybe(of),
            Type::Tuple(of) => match &of[..] {
                [a, b] => vec![Self::new("($, $)", [(Value, a.clone()), (Value, b.clone())])],
                _ => Vec::new(),
            },
            Type::Unit | Type::Outcome(_) | Type::Failure => Vec::new(),
        }
    }
}

fn numbers() -> Type {
    Type::list(Number)
}

fn number() -> Vec<Form> {
    let f = Form::new::<1>;
    let g = Form::new::<2>;
    vec![
        g("$.wrapping_add($)", [(Value, Number), (Value, Number)]),
        g("($ ^ $)", [(Value, Number), (Value, Number)]),
        g("$.abs_diff($)", [(Value, Number), (Value, Number)]),
        g("$.max($)", [(Value, Number), (Value, Number)]),
        f("($ % 7)", [(Value, Number)]),
        f("($ + 1)", [(Value, Number)]),
        f("($ / 2)", [(Value, Number)]),
        f("u64::from($)", [(Value, Bool)]),
        f("($.len() as u64)", [(Borrow, Text)]),
        f("($.len() as u64)", [(Borrow, numbers())]),
        f("($.len() as u64)", [(Borrow, Type::list(Text))]),
        f("$.iter().copied().sum::<u64>()", [(Borrow, numbers())]),
        f("$.first().copied().unwrap_or_default()", [(Borrow, numbers())]),
        g("($.iter().filter(|n| **n > $).count() as u64)", [(Borrow, numbers()), (Still, Number)]),
        g("$.unwrap_or($)", [(Value, Type::maybe(Number)), (Value, Number)]),
        f("$.map_or(0, |n| n + 1)", [(Value, Type::maybe(Number))]),
        g("$.map_or($, |t| t.len() as u64)", [(Value, Type::maybe(Text)), (Value, Number)]),
        g("$.unwrap_or($)", [(Value, Type::outcome(Number)), (Value, Number)]),
        f(
            "(match &($) { Shape::Flat => 0, Shape::Round(size) => *size, other => other.name().len() as u64 })",
            [(Borrow, Shape)],
        ),
        f("parsed(&$)?", [(Borrow, Text)]),
        f("$.parse::<u64>()?", [(Borrow, Text)]),
        f("checked($)?", [(Value, Number)]),
        f("$?", [(Value, Type::outcome(Number))]),
    ]
}

fn boolean() -> Vec<Form> {
    let f = Form::new::<1>;
    let g = Form::new::<2>;
    vec![
        f("($ > 5)", [(Value, Number)]),
        f("($ % 2 == 0)", [(Value, Number)]),
        g("($ < $)", [(Value, Number), (Value, Number)]),
        g("($ == $)", [(Borrow, Text), (Borrow, Text)]),
        f("$.is_empty()", [(Borrow, Text)]),
        f("$.is_empty()", [(Borrow, numbers())]),
        f("$.contains('e')", [(Borrow, Text)]),
        f("$.is_some()", [(Borrow, Type::maybe(Number))]),
        f("$.is_none()", [(Borrow, Type::maybe(Text))]),
        f("(!$)", [(Value, Bool)]),
        g("($ && $)", [(Value, Bool), (Still, Bool)]),
        g("($ || $)", [(Value, Bool), (Still, Bool)]),
        f("matches!($, Shape::Round(size) if size > 3)", [(Borrow, Shape)]),
        f("$.iter().any(|n| n % 3 == 0)", [(Borrow, numbers())]),
        f("$.is_ok()", [(Borrow, Type::outcome(Number))]),
        f("$.is_err()", [(Borrow, Type::outcome(Text))]),
    ]
}

fn text() -> Vec<Form> {
    let f = Form::new::<1>;
    let g = Form::new::<2>;
    vec![
        f("format!(\"<{}>\", $)", [(Borrow, Number)]),
        g("format!(\"{}-{}\", $, $)", [(Borrow, Text), (Borrow, Number)]),
        g("format!(\"{0} {1:?} {0}\", $, $)", [(Borrow, Text), (Borrow, Type::maybe(Number))]),
        f("format!(\"{:?}\", $)", [(Borrow, Parcel)]),
        f("$.to_string()", [(Value, Number)]),
        f("$.to_uppercase()", [(Borrow, Text)]),
        f("($ + \"!\")", [(Value, Text)]),
        g("($ + &$)", [(Value, Text), (Borrow, Text)]),
        f("$.unwrap_or_default()", [(Value, Type::maybe(Text))]),
        f("$.join(\"+\")", [(Borrow, Type::list(Text))]),
        f("$.chars().rev().collect::<String>()", [(Borrow, Text)]),
        g("$.map_or_else(|| $, |n| format!(\"{n}\"))", [(Value, Type::maybe(Number)), (Still, Text)]),
        f("$.name()", [(Borrow, Shape)]),
        f("$.to_string()", [(Borrow, Failure)]),
        f("$.unwrap_or_else(|e| e.to_string())", [(Value, Type::outcome(Text))]),
        f("$?", [(Value, Type::outcome(Text))]),
    ]
}

fn parcel() -> Vec<Form> {
    let (id, label, weights) = ((Value, Number), (Value, Text), (Value, numbers()));
    vec![
        Form::new("Parcel { id: $, label: $, weights: $ }", [id.clone(), label.clone(), weights.clone()]),
        Form::new("Parcel { weights: $, label: $, id: $ }", [weights, label.clone(), id.clone()]),
        Form::new("Parcel { id: $, ..$ }", [id.clone(), (Value, Parcel)]),
        Form::new("Parcel { id: $, label: $, weights: Vec::new() }", [id, label]),
        Form::new("$?", [(Value, Type::outcome(Parcel))]),
    ]
}

fn shape() -> Vec<Form> {
    vec![
        Form::new("Shape::Round($)", [(Value, Number)]),
        Form::new("Shape::Named($)", [(Value, Text)]),
        Form::new("Shape::Boxed { width: $, label: $ }", [(Value, Number), (Value, Text)]),
    ]
}

fn list(of: &Type) -> Vec<Form> {
    let this = || Type::list(of.clone());
    let mut forms = vec![
        Form::new("vec![$]", [(Value, of.clone())]),
        Form::new("vec![$, $]", [(Value, of.clone()), (Value, of.clone())]),
        Form::new("$.into_iter().rev().collect::<Vec<_>>()", [(Value, this())]),
    ];
    match of {
        Number => forms.extend([
            Form::new("vec![$; 2]", [(Value, Number)]),
            Form::new("$.iter().map(|n| n + 1).collect::<Vec<_>>()", [(Borrow, this())]),
            Form::new("$.iter().map(|n| n ^ $).collect::<Vec<u64>>()", [(Borrow, this()), (Still, Number)]),
            Form::new("(0..$ % 4).collect::<Vec<_>>()", [(Value, Number)]),
            Form::new("[$, $].concat()", [(Value, this()), (Value, this())]),
        ]),
        Text => forms.extend([
            Form::new("$.iter().map(|n| format!(\"{n}\")).collect::<Vec<_>>()", [(Borrow, numbers())]),
            Form::new("$.split(' ').map(str::to_owned).collect::<Vec<_>>()", [(Borrow, Text)]),
        ]),
        Type::Tuple(parts) => {
            if let [a, b] = &parts[..] {
                let operands = [(Value, Type::list(a.clone())), (Value, Type::list(b.clone()))];
                forms.push(Form::new("$.into_iter().zip($).collect::<Vec<_>>()", operands));
            }
        }
        _ => {}
    }
    forms
}

fn maybe(of: &Type) -> Vec<Form> {
    let mut forms = vec![
        Form::new("Some($)", [(Value, of.clone())]),
        Form::new("$.first().cloned()", [(Borrow, Type::list(of.clone()))]),
        Form::new("$.ok()", [(Value, Type::outcome(of.clone()))]),
    ];
    if *of == Number {
        forms.extend([
            Form::new("$.checked_sub($)", [(Value, Number), (Value, Number)]),
            Form::new("$.filter(|n| n % 2 == 0)", [(Value, Type::maybe(Number))]),
            Form::new("$.map(|n| n ^ $)", [(Value, Type::maybe(Number)), (Still, Number)]),
        ]);
    }
    forms
}
