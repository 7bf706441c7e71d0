//! The functions that programs call.

use crate::types::Type;

/// The signature of a caribou function; the package that runs the programs has its body.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The types of its parameters.
    pub parameters: Vec<Type>,
    /// What it yields.
    pub output: Type,
    /// Whether it refuses some arguments for good.
    pub refuses: bool,
}

impl Function {
    fn new<const N: usize>(name: &'static str, parameters: [Type; N], output: Type) -> Self {
        Self { name, parameters: parameters.into(), output, refuses: false }
    }

    fn refusing(self) -> Self {
        Self { refuses: true, ..self }
    }

    /// All of them.
    pub fn all() -> Vec<Self> {
        use Type::{Bool, Number, Parcel, Shape, Text, Unit};
        let (list, maybe) = (Type::list, Type::maybe);
        vec![
            Self::new("double", [Number], Number),
            Self::new("add", [Number, Number], Number),
            Self::new("blend", [Number, Number, Number], Number),
            Self::new("constant", [], Number),
            Self::new("measure", [Text], Number),
            Self::new("total", [list(Number)], Number),
            Self::new("weigh", [Parcel], Number),
            Self::new("or_zero", [maybe(Number)], Number),
            Self::new("check", [Number], Number).refusing(),
            Self::new("spell", [Number], Text),
            Self::new("link", [Text, Text], Text),
            Self::new("describe", [Shape], Text),
            Self::new("label", [Text, Number], Text),
            Self::new("accept", [Text], Text).refusing(),
            Self::new("spread", [Number], list(Number)),
            Self::new("turn", [list(Number)], list(Number)),
            Self::new("words", [Text], list(Text)),
            Self::new("parcels", [list(Text)], list(Parcel)),
            Self::new("pack", [Number, Text], Parcel),
            Self::new("refill", [Parcel, list(Number)], Parcel),
            Self::new("sort", [Parcel], Shape),
            Self::new("form", [Number, Text], Shape),
            Self::new("find", [Text], maybe(Number)),
            Self::new("look_up", [Number], maybe(Text)),
            Self::new("split", [Number], Type::tuple([Number, Text])),
            Self::new("consider", [maybe(Text)], Bool),
            Self::new("tell", [Text], Unit),
            Self::new("nod", [], Unit),
            Self::new("audit", [Parcel, Shape], Unit),
            Self::new("verify", [Number], Unit).refusing(),
        ]
    }
}
