//! The functions that programs call: small, strict, and different wherever their arguments are.
//!
//! Their signatures are those of `caribou_test_generator::Function`.

use caribou::Result;

use crate::recorder::noted;
use crate::values::{Parcel, Shape};

/// Numbers stay small, so that programs can compare them and count with them.
const LIMIT: u64 = 1000;

/// Mixes numbers into a small one.
fn mixed(numbers: &[u64]) -> u64 {
    numbers.iter().fold(7, |sum, number| (sum * 31 + number % LIMIT) % 97)
}

fn sum(text: &str) -> u64 {
    mixed(&text.bytes().map(u64::from).collect::<Vec<_>>())
}

macro_rules! functions {
    ($($(#[doc = $doc:literal])* $name:ident($($argument:ident: $ty:ty),*) -> $output:ty = $body:expr;)*) => {
        $(
            $(#[doc = $doc])*
            #[caribou::function]
            pub async fn $name($($argument: $ty),*) -> Result<$output> {
                let arguments = serde_json::json!([$($argument),*]);
                noted(stringify!($name), &arguments, $body)
            }
        )*
    };
}

functions! {
    /// Twice as much.
    double(number: u64) -> u64 = Ok(number % LIMIT * 2);
    /// The sum.
    add(a: u64, b: u64) -> u64 = Ok(a % LIMIT + b % LIMIT);
    /// Something of all three, in order.
    blend(a: u64, b: u64, c: u64) -> u64 = Ok(mixed(&[a, b, c]));
    /// Always the same.
    constant() -> u64 = Ok(11);
    /// The length.
    measure(text: String) -> u64 = Ok(text.len() as u64);
    /// The sum of a list.
    total(list: Vec<u64>) -> u64 = Ok(list.iter().map(|number| number % LIMIT).sum());
    /// Something of all parts.
    weigh(parcel: Parcel) -> u64 = Ok(mixed(&[parcel.id, sum(&parcel.label), mixed(&parcel.weights)]));
    /// The number, or 0.
    or_zero(number: Option<u64>) -> u64 = Ok(number.map_or(0, |number| number + 1));
    /// One more, but for multiples of nine.
    check(number: u64) -> u64 = if number.is_multiple_of(9) { Err(format!("check refuses {number}")) } else { Ok(number + 1) };
    /// A number in letters.
    spell(number: u64) -> String = Ok(format!("n{number}"));
    /// Two texts as one.
    link(a: String, b: String) -> String = Ok(format!("{a}:{b}").chars().take(40).collect());
    /// A shape's name.
    describe(shape: Shape) -> String = Ok(shape.name());
    /// A text with a number.
    label(text: String, number: u64) -> String = Ok(format!("{number}.{text}").chars().take(40).collect());
    /// The text, unless it has as many letters as bad luck.
    accept(text: String) -> String = if text.len() % 7 == 6 { Err(format!("accept refuses `{text}`")) } else { Ok(text) };
    /// None to three numbers.
    spread(number: u64) -> Vec<u64> = Ok((0..number % 4).map(|index| number % LIMIT + index).collect());
    /// A list with its end first.
    turn(list: Vec<u64>) -> Vec<u64> = Ok(list.into_iter().rev().collect());
    /// The words of a text.
    words(text: String) -> Vec<String> = Ok(text.split_whitespace().map(str::to_owned).collect());
    /// A parcel for each text.
    parcels(texts: Vec<String>) -> Vec<Parcel> = Ok(
        texts.into_iter().map(|label| Parcel { id: sum(&label), weights: vec![label.len() as u64], label }).collect()
    );
    /// A parcel.
    pack(id: u64, label: String) -> Parcel = Ok(Parcel { id, weights: vec![id % 5, label.len() as u64], label });
    /// A parcel with other weights.
    refill(parcel: Parcel, weights: Vec<u64>) -> Parcel = Ok(Parcel { weights, ..parcel });
    /// What kind of parcel it is.
    sort(parcel: Parcel) -> Shape = Ok(match parcel.weights.len() {
        0 => Shape::Flat,
        1 => Shape::Round(parcel.id),
        2 => Shape::Named(parcel.label),
        _ => Shape::Boxed { width: parcel.id, label: parcel.label },
    });
    /// A shape of some kind.
    form(number: u64, text: String) -> Shape = Ok(match number % 4 {
        0 => Shape::Flat,
        1 => Shape::Round(number),
        2 => Shape::Named(text),
        _ => Shape::Boxed { width: number, label: text },
    });
    /// Where the first `e` is.
    find(text: String) -> Option<u64> = Ok(text.find('e').map(|at| at as u64));
    /// A text for an even number.
    look_up(number: u64) -> Option<String> = Ok(number.is_multiple_of(2).then(|| format!("row {number}")));
    /// A number and a text.
    split(number: u64) -> (u64, String) = Ok((number / 2, "x".repeat(number as usize % 5)));
    /// Whether there is a text worth it.
    consider(text: Option<String>) -> bool = Ok(text.is_some_and(|text| text.len() % 2 == 0));
    /// Yields nothing.
    tell(text: String) -> () = Ok(());
    /// Takes nothing and yields nothing.
    nod() -> () = Ok(());
    /// Takes much and yields nothing.
    audit(parcel: Parcel, shape: Shape) -> () = Ok(());
    /// Yields nothing, and refuses some.
    verify(number: u64) -> () = if number % 9 == 4 { Err(format!("verify refuses {number}")) } else { Ok(()) };
}
