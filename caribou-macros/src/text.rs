//! Tokens as an author would have written them.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// Prints tokens on one line, spaced as rustfmt would.
pub(crate) fn of(tokens: impl ToTokens) -> String {
    let mut printer = Printer::default();
    printer.stream(tokens.to_token_stream());
    printer.text
}

/// What came last, as far as the next space depends on it.
#[derive(Clone, Copy, Default, PartialEq)]
enum Last {
    /// Nothing, an opening bracket, a dot or a prefix operator: no space follows.
    #[default]
    Tight,
    /// A word, a literal or a closing bracket: something that can be an operand.
    Operand,
    /// The name of a type: a `<` after it opens generics.
    Type,
    /// A comma or an operator between two operands: a space follows.
    Loose,
}

#[derive(Default)]
struct Printer {
    text: String,
    last: Last,
    generics: usize,
    /// Whether the parameters of a closure are being printed.
    parameters: bool,
}

impl Printer {
    fn stream(&mut self, stream: TokenStream) {
        let mut operator = String::new();
        for token in stream {
            if let TokenTree::Punct(punct) = &token {
                operator.push(punct.as_char());
                let inner = self.generics > 0 && operator != ":";
                if punct.spacing() == Spacing::Joint && !inner && operator != "::" {
                    continue;
                }
            }
            if !operator.is_empty() {
                self.operator(&operator);
                operator.clear();
            }
            match token {
                TokenTree::Punct(_) => {}
                TokenTree::Group(group) => self.group(&group),
                TokenTree::Ident(ident) => self.word(&ident.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
            }
        }
        if !operator.is_empty() {
            self.operator(&operator);
        }
    }

    fn group(&mut self, group: &proc_macro2::Group) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace => ("{ ", " }"),
            Delimiter::None => ("", ""),
        };
        let brace = group.delimiter() == Delimiter::Brace;
        if self.last == Last::Loose || (brace && self.last != Last::Tight) {
            self.text.push(' ');
        }
        self.text.push_str(open);
        self.last = Last::Tight;
        let generics = std::mem::take(&mut self.generics);
        self.stream(group.stream());
        self.generics = generics;
        self.text.push_str(close);
        self.last = Last::Operand;
    }

    fn word(&mut self, word: &str) {
        if self.last != Last::Tight {
            self.text.push(' ');
        }
        self.text.push_str(word);
        let typelike = word.starts_with(|c: char| c.is_ascii_uppercase());
        let keyword =
            matches!(word, "mut" | "ref" | "if" | "else" | "match" | "in" | "return" | "as" | "move");
        self.last = match (typelike, keyword) {
            (true, _) => Last::Type,
            (_, true) => Last::Loose,
            _ => Last::Operand,
        };
    }

    fn operator(&mut self, operator: &str) {
        let operand = matches!(self.last, Last::Operand | Last::Type);
        let (before, last) = match operator {
            ".." | "..=" => (self.last == Last::Loose, Last::Tight),
            "." | "::" => (false, Last::Tight),
            "<" if self.last == Last::Type || self.text.ends_with("::") => {
                self.generics += 1;
                (false, Last::Tight)
            }
            ">" if self.generics > 0 => {
                self.generics -= 1;
                (false, Last::Type)
            }
            "," | ";" | ":" => (false, Last::Loose),
            "?" => (false, Last::Operand),
            "!" if operand => (false, Last::Tight),
            "|" if self.parameters => {
                self.parameters = false;
                (false, Last::Loose)
            }
            "|" if !operand => {
                self.parameters = true;
                (self.last == Last::Loose, Last::Tight)
            }
            "&" | "&&" | "*" | "-" | "!" | "'" | "#" | "||" if !operand => {
                (self.last == Last::Loose, Last::Tight)
            }
            _ => (true, Last::Loose),
        };
        if before {
            self.text.push(' ');
        }
        self.text.push_str(operator);
        self.last = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_as_they_were_written() {
        for text in [
            "document.text.clone()",
            "a && !b.is_empty()",
            "Some(Vec::<u8>::new())",
            "Vec<Option<u8>>",
            "Vec<a::B<c::D>>",
            "photo.width > 2 && photo.height < 3",
            "format!(\"{x}\", 1)",
            "(A, B)",
            "Kind::Right { m, .. }",
            "1..n",
            "-x + *y",
            "f(&x[0], 2)?",
            "if a { 1 } else { 2 }",
            "list.iter().map(|x| x + (1 | 2))",
        ] {
            let tokens: TokenStream = text.parse().unwrap();
            assert_eq!(of(tokens), text);
        }
    }
}
