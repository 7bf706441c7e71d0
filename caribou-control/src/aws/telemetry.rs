//! Telemetry of a workflow on AWS: read from CloudWatch's logs, and kept beside the notes, so that it is read once.

use std::time::Duration;

use caribou_model::{Graph, StageRecord, Timestamp};

use super::error::AwsError;
use super::logs::{Lines, Logs, Which};
use crate::calendar::before;
use crate::learn::Limits;
use crate::state::{State, StateError, Telemetry};

/// Why telemetry cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// CloudWatch did not answer.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// It could not be kept, or what was kept cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

/// How late a line may come to CloudWatch.
const LATE: Duration = Duration::from_mins(10);
/// The period that is read first. Each further one, back in time, is twice as long.
const FIRST: Duration = Duration::from_mins(10);
/// The most lines that are kept.
const MOST: usize = 200_000;

/// Brings what is kept up to date, and gives it: the newest lines, no older than what is learned from, at most as many as
/// `learn` can use.
///
/// What is new is read backwards from now, so that the bound leaves out the oldest.
///
/// # Errors
///
/// [`TelemetryError`].
pub async fn read(
    logs: &Logs,
    state: &State,
    graph: &Graph,
    now: Timestamp,
    progress: &mut (dyn FnMut(usize) + Send),
) -> Result<Vec<String>, TelemetryError> {
    let kept = state.telemetry(graph)?;
    let Limits { age, runs, .. } = Limits::default();
    let most = (runs * graph.nodes.len().max(1)).min(MOST);
    let oldest = before(now, age);
    let from = before(kept.until, LATE).max(oldest);
    let mut new = Vec::new();
    let (mut to, mut period) = (now, FIRST);
    while to > from && new.len() < most {
        let begin = before(to, period).max(from);
        let Lines { mut lines, .. } = logs.read(Which::Telemetry, begin, to, most - new.len()).await?;
        lines.reverse();
        new.extend(lines.into_iter().map(|line| line.text));
        progress(new.len());
        (to, period) = (begin, period * 2);
    }
    new.reverse();
    let kept = Telemetry { until: now, lines: merged(kept.lines, new, oldest, most) };
    state.write_telemetry(graph, &kept)?;
    Ok(kept.lines)
}

/// What was kept and what is new, each line once, in the order of time; the newest of them.
fn merged(kept: Vec<String>, new: Vec<String>, oldest: Timestamp, most: usize) -> Vec<String> {
    let mut dated: Vec<(Timestamp, String)> = kept
        .into_iter()
        .chain(new)
        .filter_map(|line| Some((serde_json::from_str::<StageRecord>(&line).ok()?.received, line)))
        .filter(|(received, _)| *received >= oldest)
        .collect();
    dated.sort();
    dated.dedup();
    dated.drain(..dated.len().saturating_sub(most));
    dated.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::lines;

    #[test]
    fn what_is_read_twice_is_kept_once_and_what_is_old_is_left_out() {
        let [old, new] = [("r1", 0), ("r2", 100_000)].map(|(run, at)| lines(run, at));
        let (count, all) = (new.len(), [old.clone(), new.clone()].concat());
        let merge = |oldest, most| merged(all.clone(), new.clone(), Timestamp::from_millis(oldest), most);
        assert_eq!(merge(0, 100).len(), old.len() + count);
        let kept = merge(100_000, 100);
        assert!(kept.len() == count && kept.iter().all(|line| line.contains("r2")), "{kept:?}");
        assert_eq!(merge(0, 2), kept[count - 2..]);
        assert!(merged(vec!["no record".into()], Vec::new(), Timestamp::default(), 9).is_empty());
    }
}
