//! How the body of a message travels where only the characters of XML 1.0 do, as on SNS and SQS.
//!
//! A body with any other character, such as U+FFFE or a control character, travels in base64 behind a mark. All others
//! travel as they are.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What a body in base64 begins with. No message, request or JSON text does.
const MARK: &str = "caribou-base64:";

/// The body as it travels.
pub(crate) fn pack(body: &str) -> Cow<'_, str> {
    if body.chars().all(is_carried) && !body.starts_with(MARK) {
        Cow::Borrowed(body)
    } else {
        Cow::Owned(format!("{MARK}{}", STANDARD_NO_PAD.encode(body)))
    }
}

/// The body as it was. One that only looks packed is told as it is: who reads it refuses it.
pub(crate) fn unpack(body: String) -> String {
    let packed = body.strip_prefix(MARK).and_then(|text| STANDARD_NO_PAD.decode(text).ok());
    packed.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(body)
}

/// Whether a character is one of XML 1.0.
fn is_carried(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_xml_refuses_travels_in_base64_and_all_else_as_it_is() {
        assert_eq!(pack("{\"text\":\"ä\n\u{1F98C}\"}"), "{\"text\":\"ä\n\u{1F98C}\"}");
        for refused in ["\u{0}", "\u{B}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"] {
            assert!(pack(refused).bytes().all(|byte| byte.is_ascii_graphic()), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn every_body_arrives_as_it_was(body in "\\PC*|.*|(caribou-base64:)+[a-z]*|[\u{0}-\u{20}\u{FFF0}-\u{10FFFF}]*") {
            prop_assert!(pack(&body).chars().all(is_carried));
            prop_assert_eq!(unpack(pack(&body).into_owned()), body);
        }
    }
}
