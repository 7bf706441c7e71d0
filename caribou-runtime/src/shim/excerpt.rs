//! What is kept of a long error text.

/// The most bytes of an error that are kept and told.
const LONGEST: usize = 8 * 1024;

/// What the word takes that it was cut.
const WORD: usize = 64;

/// The text itself, or its beginning if it is longer than 8 KiB, with a word that it was cut.
pub(crate) fn excerpt(mut text: String) -> String {
    if text.len() > LONGEST {
        let whole = text.len();
        text.truncate(text.floor_char_boundary(LONGEST - WORD));
        return format!("{text}.. (cut, of {whole} bytes)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(excerpt("short".into()), "short");
        let text = excerpt(format!("a{}", "\u{e9}".repeat(5_000)));
        assert!(text.starts_with('a') && text.ends_with("\u{e9}.. (cut, of 10001 bytes)"), "{text}");
        assert_eq!(text.find(".."), Some(8_127));
        assert_eq!(excerpt(text.clone()), text);
    }
}
