//! Rust source text as tokens: just enough to find items, without comments and the contents of literals.

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// The line it stands on; the first is 1.
    pub(super) line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword, or a number.
    Word(String),
    /// A string literal, as it is written between its quotes.
    Text(String),
    /// Anything else, a character at a time.
    Mark(char),
}

impl Token {
    pub(super) fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    /// The word, if it is one.
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// The tokens of a source text. A text that is no Rust gives tokens of no meaning, and no error.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader { rest: source, line: 1, tokens: Vec::new() };
    while let Some(next) = reader.rest.chars().next() {
        reader.step(next);
    }
    reader.tokens
}

struct Reader<'s> {
    rest: &'s str,
    line: usize,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn step(&mut self, next: char) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(block_comment(rest));
        } else if let Some(literal) = Literal::at(rest) {
            let text = &rest[literal.open..literal.close];
            self.push(Kind::Text(text.to_owned()));
            self.skip(literal.end);
        } else if next == '\'' {
            self.skip(quote(rest));
        } else if next == '_' || next.is_alphanumeric() {
            let raw = if rest.starts_with("r#") { 2 } else { 0 };
            let part = |c: char| c == '_' || c.is_alphanumeric();
            let end = rest[raw..].find(|c| !part(c)).map_or(rest.len(), |end| raw + end).max(1);
            self.push(Kind::Word(rest[raw.min(end)..end].to_owned()));
            self.skip(end);
        } else {
            if !next.is_whitespace() {
                self.push(Kind::Mark(next));
            }
            self.skip(next.len_utf8());
        }
    }

    fn push(&mut self, kind: Kind) {
        self.tokens.push(Token { kind, line: self.line });
    }

    fn skip(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }
}

/// A string literal: where its text starts and ends, and where it ends itself.
struct Literal {
    open: usize,
    close: usize,
    end: usize,
}

impl Literal {
    /// The string literal that a text starts with: plain, raw, of bytes or for C.
    fn at(text: &str) -> Option<Self> {
        let prefix = ["br", "cr", "b", "c", "r"].iter().find(|prefix| text.starts_with(**prefix));
        let prefix = prefix.copied().unwrap_or("");
        let body = &text[prefix.len()..];
        let hashes = if prefix.ends_with('r') { body.len() - body.trim_start_matches('#').len() } else { 0 };
        let inner = body[hashes..].strip_prefix('"')?;
        let open = prefix.len() + hashes + 1;
        let (close, after) = if prefix.ends_with('r') {
            let quote = format!("\"{}", "#".repeat(hashes));
            (inner.find(&quote).unwrap_or(inner.len()), quote.len())
        } else {
            let mut escaped = false;
            let quote = inner.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            (quote.unwrap_or(inner.len()), 1)
        };
        Some(Self { open, close: open + close, end: (open + close + after).min(text.len()) })
    }
}

/// The length of a comment, in which others may be nested.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a character literal, or of the quote before a lifetime.
fn quote(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            // what is escaped may be a quote
            let escaped = characters.next().map_or(text.len(), |(at, c)| at + c.len_utf8());
            text[escaped..].find('\'').map_or(text.len(), |end| escaped + end + 1)
        }
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> String {
        let told = tokens(source).into_iter().map(|token| match token.kind {
            Kind::Word(word) => word,
            Kind::Text(text) => format!("<{text}>"),
            Kind::Mark(mark) => mark.to_string(),
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_left_out() {
        assert_eq!(words("a // b \"\n/* c /* d */ \" */ e /// f"), "a e");
    }

    #[test]
    fn strings_of_every_kind_are_one_token() {
        assert_eq!(words(r##"a "b\"c" r"\" r#"d"e"# b"f" br#"g"# h"##), r#"a <b\"c> <\> <d"e> <f> <g> h"#);
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        assert_eq!(words(r"f('a', '\'', '\u{1F600}', '{') &'a str 'l: loop"), "f ( , , , ) & a str l : loop");
    }

    #[test]
    fn raw_names_are_names_and_lines_are_counted() {
        let tokens = tokens("/* \n */ \"x\ny\"\nr#fn r2");
        let lines: Vec<_> = tokens.iter().map(|token| token.line).collect();
        assert_eq!(lines, [2, 4, 4]);
        assert_eq!(tokens[1].word(), Some("fn"));
    }

    #[test]
    fn what_is_cut_off_ends_the_text() {
        for source in ["\"a", "r#\"a", "/* a", "'", "'\\", "r#", "b'", "é'é"] {
            let _ = tokens(source);
        }
    }
}
