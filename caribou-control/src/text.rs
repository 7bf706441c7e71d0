//! Text on pages and in terminals.

use std::fmt::Write;

/// How wide text in a terminal is at most.
pub const COLUMNS: usize = 100;

/// Text with the characters that HTML and SVG give a meaning replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Adds words to a text, in lines of at most [`COLUMNS`] characters where words allow it: the first line starts with
/// `first`, the others with `rest`.
///
/// ```
/// let mut text = String::new();
/// caribou_control::text::wrap(&mut text, "1. ", "   ", "Short.");
/// assert_eq!(text, "1. Short.\n");
/// ```
pub fn wrap(text: &mut String, first: &str, rest: &str, words: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in words.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            let _ = writeln!(text, "{}", line.trim_end());
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_condition_stays_text() {
        assert_eq!(escape("a < b && \"c\""), "a &lt; b &amp;&amp; &quot;c&quot;");
    }

    #[test]
    fn long_text_goes_on_under_its_start() {
        let mut text = String::new();
        wrap(&mut text, "1. ", "   ", &"word ".repeat(30));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 2 && lines[1].starts_with("   word"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS), "{text}");
    }
}
