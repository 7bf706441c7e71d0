//! Lines of telemetry, read.

use std::collections::BTreeMap;

use caribou_model::{Graph, RunId, StageRecord};
use serde::Serialize;

/// What was found in lines of telemetry about one version of one workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// The records by run, each once, in an order that does not depend on that of the lines.
    pub runs: BTreeMap<RunId, Vec<StageRecord>>,
    /// Lines that are no records.
    pub unreadable: Vec<Unreadable>,
    /// Records of other workflows or versions.
    pub others: usize,
}

/// A line that is no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Which line it is, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
    /// How it begins.
    pub start: String,
}

impl Log {
    /// The version of the record's format that is read.
    pub const FORMAT: u8 = 1;

    /// Reads lines as the functions wrote them. A line that cannot be read is noted and does no harm; a line that
    /// comes twice counts once.
    pub fn read<'l>(graph: &Graph, lines: impl IntoIterator<Item = &'l str>) -> Self {
        let mut log = Self::default();
        let mut keyed: BTreeMap<RunId, BTreeMap<_, StageRecord>> = BTreeMap::new();
        for (index, line) in lines.into_iter().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            match parse(graph, line) {
                Ok(record) if record.workflow == graph.workflow && record.version == graph.version => {
                    let key = (record.node, record.attempt, record.received, line.trim().to_owned());
                    keyed.entry(record.run.clone()).or_default().insert(key, record);
                }
                Ok(_) => log.others += 1,
                Err(why) => {
                    let start = line.chars().take(80).collect();
                    log.unreadable.push(Unreadable { line: index + 1, why, start });
                }
            }
        }
        log.runs = keyed.into_iter().map(|(run, records)| (run, records.into_values().collect())).collect();
        log
    }
}

fn parse(graph: &Graph, line: &str) -> Result<StageRecord, String> {
    let record: StageRecord = serde_json::from_str(line).map_err(|cause| cause.to_string())?;
    if record.format != Log::FORMAT {
        return Err(format!("it is of format {}, and format {} is read", record.format, Log::FORMAT));
    }
    let ours = record.workflow == graph.workflow && record.version == graph.version;
    let nodes = std::iter::once(record.node).chain(record.successors.iter().map(|successor| successor.to));
    match nodes.into_iter().find(|&node| ours && graph.node(node).is_none()) {
        Some(node) => {
            Err(format!("the workflow has no node {node}; it was built anew under the same version"))
        }
        None => Ok(record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{diamond, lines};

    #[test]
    fn unreadable_lines_are_counted_and_do_no_harm() {
        let mut all = lines("r1", 0);
        let whole = Log::read(&diamond(), all.iter().map(String::as_str));
        all.insert(1, "START RequestId: 1".into());
        all.push(all[0].replace("\"caribou\":1", "\"caribou\":9"));
        all.push(all[0].replace("\"node\":0", "\"node\":77"));
        let log = Log::read(&diamond(), all.iter().map(String::as_str));
        assert_eq!(log.runs, whole.runs);
        assert_eq!(log.unreadable.iter().map(|u| u.line).collect::<Vec<_>>(), [2, 7, 8]);
        assert!(log.unreadable[1].why.contains("format 9"));
        assert!(log.unreadable[2].why.contains("no node 77"));
    }

    #[test]
    fn records_of_other_versions_are_left_out() {
        let mut graph = diamond();
        graph.version = "0.2.0".into();
        let log = Log::read(&graph, lines("r1", 0).iter().map(String::as_str));
        assert!(log.runs.is_empty());
        assert_eq!(log.others, 5);
    }
}
