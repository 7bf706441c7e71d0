//! Versions of the C library.

use std::fmt;

use serde::{Serialize, Serializer};

/// A version of glibc.
///
/// ```
/// use caribou_control::build::Glibc;
///
/// assert!(Glibc::of("GLIBC_2.4") < Glibc::of("GLIBC_2.34"));
/// assert_eq!(Glibc::of("GCC_3.0"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glibc {
    major: u16,
    minor: u16,
    patch: u16,
}

impl Glibc {
    /// What Lambda's `provided.al2023` has.
    pub const PROVIDED: Self = Self { major: 2, minor: 34, patch: 0 };

    /// The version that brought a symbol version, as an ELF file names it; `None` if it is not one of glibc's. What is
    /// for glibc's own parts only, and what is unknown, is of no version that Lambda has.
    pub fn of(symbol_version: &str) -> Option<Self> {
        let name = symbol_version.strip_prefix("GLIBC_")?;
        let newest = Self { major: u16::MAX, minor: 0, patch: 0 };
        let mut numbers = name.split('.').map(str::parse::<u16>);
        let version = match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor)), None, None) => Self { major, minor, patch: 0 },
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Self { major, minor, patch },
            _ if name == "ABI_DT_RELR" => Self { major: 2, minor: 36, patch: 0 },
            _ => newest,
        };
        Some(version)
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.major, self.patch) {
            (u16::MAX, _) => f.write_str("of its own making"),
            (major, 0) => write!(f, "{major}.{}", self.minor),
            (major, patch) => write!(f, "{major}.{}.{patch}", self.minor),
        }
    }
}

impl Serialize for Glibc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let of = |text| Glibc::of(text).unwrap();
        assert!(of("GLIBC_2.2.5") < of("GLIBC_2.9") && of("GLIBC_2.9") < of("GLIBC_2.34"));
        assert_eq!(of("GLIBC_2.34"), Glibc::PROVIDED);
        assert_eq!(of("GLIBC_2.3.4").to_string(), "2.3.4");
    }

    #[test]
    fn what_has_no_number_is_too_new() {
        assert_eq!(Glibc::of("GLIBC_ABI_DT_RELR").unwrap().to_string(), "2.36");
        assert!(Glibc::of("GLIBC_PRIVATE").unwrap() > Glibc::of("GLIBC_2.99").unwrap());
        assert_eq!(Glibc::of("GCC_3.0"), None);
    }
}
