//! The durable log of telemetry lines.

use redb::ReadTransaction;
use serde::{Deserialize, Serialize};

use crate::disk::{DiskError, TELEMETRY, Tables};

/// Lines of one answer at most.
const MOST_LINES: usize = 10_000;
/// Bytes of one answer, after which no further line is added.
const ENOUGH_BYTES: usize = 4 << 20;

/// Lines of telemetry, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telemetry {
    /// The lines, each a JSON document with `"caribou":1`. Empty when there are no more for now.
    pub lines: Vec<String>,
    /// What to ask with for the lines that follow these.
    pub next: u64,
}

/// Whether a line of standard output is telemetry: a JSON object with `"caribou":1`.
pub(crate) fn is_telemetry(line: &str) -> bool {
    #[derive(Deserialize)]
    struct Marked {
        caribou: u8,
    }
    line.starts_with('{') && serde_json::from_str::<Marked>(line).is_ok_and(|marked| marked.caribou == 1)
}

/// Appends lines.
pub(crate) fn append(lines: &[String], tables: &mut Tables<'_>) -> Result<(), redb::Error> {
    for line in lines {
        let number = tables.next();
        tables.telemetry.insert(number, line.as_str())?;
    }
    Ok(())
}

/// The lines after the one numbered `after`; 0 for all.
pub(crate) fn read(transaction: &ReadTransaction, after: u64) -> Result<Telemetry, DiskError> {
    let mut telemetry = Telemetry { lines: Vec::new(), next: after };
    let mut bytes = 0;
    for entry in transaction.open_table(TELEMETRY)?.range(after.saturating_add(1)..)? {
        let (number, line) = entry?;
        telemetry.next = number.value();
        bytes += line.value().len();
        telemetry.lines.push(line.value().to_owned());
        if telemetry.lines.len() >= MOST_LINES || bytes >= ENOUGH_BYTES {
            break;
        }
    }
    Ok(telemetry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_json_is_telemetry() {
        assert!(is_telemetry(r#"{"run":"r","caribou":1}"#));
        for line in ["", "hello", r#"{"caribou":2}"#, r#"{"caribou":1"#, r#"["caribou",1]"#] {
            assert!(!is_telemetry(line), "{line}");
        }
    }
}
