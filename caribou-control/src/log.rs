//! What functions print, in one stream across regions.

use std::collections::BTreeMap;

use caribou_model::{Region, RunId, StageRecord, Timestamp};
use caribou_runtime::port::StageAddress;
use serde::Serialize;

/// One line of a function's log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LogLine {
    /// When it was printed.
    pub at: Timestamp,
    /// In which region.
    pub region: Region,
    /// By which function.
    pub function: String,
    /// By which instance of it.
    pub instance: String,
    /// What it says.
    pub text: String,
}

impl LogLine {
    /// Reads a line of a log of the embedded cloud. `None` if it is none.
    pub fn read(of: &StageAddress, line: &str) -> Option<Self> {
        let (at, rest) = line.split_once(' ')?;
        let (instance, text) = rest.split_once(' ')?;
        let at: jiff::Timestamp = at.parse().ok()?;
        Some(Self {
            at: Timestamp::from_millis(at.as_millisecond().try_into().ok()?),
            region: of.region.clone(),
            function: of.function.clone(),
            instance: instance.to_owned(),
            text: text.to_owned(),
        })
    }

    /// The attempt that the line tells of, if it is a line of telemetry.
    pub fn record(&self) -> Option<StageRecord> {
        self.text.starts_with('{').then(|| serde_json::from_str(&self.text).ok()).flatten()
    }

    /// Whether the platform wrote it: an event begins, an event ends, what it took.
    pub fn is_of_platform(&self) -> bool {
        [START, END, REPORT, INIT].iter().any(|prefix| self.text.starts_with(prefix))
    }
}

/// What the platform's own lines begin with.
const START: &str = "START RequestId: ";
const END: &str = "END RequestId: ";
const REPORT: &str = "REPORT RequestId: ";
const INIT: &str = "INIT_START ";

/// Lines in the order of time; those of one instant in the order in which they came.
pub fn in_order(lines: &mut [LogLine]) {
    lines.sort_by(|a, b| (a.at, &a.region, &a.function).cmp(&(b.at, &b.region, &b.function)));
}

/// Finds what is new in a log that is read again and again.
#[derive(Debug, Default)]
pub struct Fresh {
    seen: BTreeMap<LogLine, usize>,
}

impl Fresh {
    /// The lines that were not there before. `lines` is all that there is of a period which begins no later than lines may
    /// still come for; the next one may begin later.
    pub fn of(&mut self, lines: Vec<LogLine>) -> Vec<LogLine> {
        let mut now: BTreeMap<LogLine, usize> = BTreeMap::new();
        let mut fresh = Vec::new();
        for line in lines {
            let count = now.entry(line.clone()).or_default();
            *count += 1;
            // an instance may well say the same twice in a millisecond
            if *count > self.seen.get(&line).copied().unwrap_or(0) {
                fresh.push(line);
            }
        }
        self.seen = now;
        fresh
    }
}

/// Picks the lines that have to do with one run out of those of all runs.
///
/// An instance handles one event at a time, so all that it prints between two events of its log belongs together. It belongs to
/// the run if a line of telemetry says so; where the event came to none, because the instance was killed or ran out
/// of time, if a line mentions the run.
#[derive(Debug)]
pub struct OfRun {
    run: RunId,
    events: BTreeMap<(Region, String, String), Event>,
}

/// What an instance has printed since its event began.
#[derive(Debug, Default)]
struct Event {
    held: Vec<LogLine>,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    #[default]
    Open,
    Mentioned,
    Ours,
    Other,
}

/// How many lines of an event are held back until it is known whose it is. More belong to no one run.
const MOST_HELD: usize = 10_000;

impl OfRun {
    /// For the lines of this run.
    pub fn new(run: RunId) -> Self {
        Self { run, events: BTreeMap::new() }
    }

    /// Takes the next line of an instance, in the order in which that printed; gives those that are known to be the run's.
    pub fn take(&mut self, line: LogLine) -> Vec<LogLine> {
        let key = (line.region.clone(), line.function.clone(), line.instance.clone());
        let event = self.events.entry(key).or_default();
        if line.text.starts_with(START) {
            *event = Event::default();
        }
        match line.record() {
            Some(record) if record.run == self.run => event.verdict = Verdict::Ours,
            Some(_) if event.verdict != Verdict::Ours => event.verdict = Verdict::Other,
            None if event.verdict == Verdict::Open && mentions(&line.text, &self.run) => {
                event.verdict = Verdict::Mentioned;
            }
            _ => {}
        }
        let over = line.text.starts_with(REPORT);
        if event.held.len() < MOST_HELD {
            event.held.push(line);
        }
        let ours = match event.verdict {
            Verdict::Ours => true,
            Verdict::Mentioned => over,
            Verdict::Open | Verdict::Other => false,
        };
        let given = if ours { std::mem::take(&mut event.held) } else { Vec::new() };
        if over {
            *event = Event::default();
        }
        given
    }

    /// What is left when no more lines come: of events that mention the run and have not ended.
    pub fn rest(self) -> Vec<LogLine> {
        let mentioned = self.events.into_values().filter(|event| event.verdict == Verdict::Mentioned);
        mentioned.flat_map(|event| event.held).collect()
    }
}

/// Whether a text names a run as a word of its own.
fn mentions(text: &str, run: &RunId) -> bool {
    let of_id = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices(run.as_str()).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        !before.is_some_and(of_id) && !after.is_some_and(of_id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{HOME, lines};

    fn line(instance: &str, at: u64, text: &str) -> LogLine {
        LogLine {
            at: Timestamp::from_millis(at),
            region: HOME,
            function: "a".into(),
            instance: instance.into(),
            text: text.into(),
        }
    }

    fn picked(run: &str, all: &[LogLine]) -> Vec<String> {
        let mut of_run = OfRun::new(run.parse().unwrap());
        let mut picked: Vec<LogLine> = all.iter().flat_map(|line| of_run.take(line.clone())).collect();
        picked.extend(of_run.rest());
        picked.into_iter().map(|line| line.text).collect()
    }

    /// Two instances at a time: one works for `r1` and then for `r10`, the other for `r10`.
    fn two_instances() -> Vec<LogLine> {
        let [ours, other] = ["r1", "r10"].map(|run| lines(run, 0).remove(0));
        vec![
            line("i", 1, "START RequestId: 1 Version: $LATEST"),
            line("j", 1, "START RequestId: 2 Version: $LATEST"),
            line("i", 2, "looking at a photo"),
            line("j", 2, "looking at another, after that of r1"),
            line("j", 3, &other),
            line("i", 3, &ours),
            line("i", 4, "END RequestId: 1"),
            line("j", 4, "REPORT RequestId: 2\tDuration: 1 ms"),
            line("i", 4, "REPORT RequestId: 1\tDuration: 1 ms"),
            line("i", 5, "START RequestId: 3 Version: $LATEST"),
            line("i", 6, &other),
            line("i", 7, "REPORT RequestId: 3\tDuration: 1 ms"),
        ]
    }

    #[test]
    fn all_lines_of_an_event_belong_to_the_run_that_its_telemetry_names() {
        let picked = picked("r1", &two_instances());
        assert_eq!(picked.len(), 5, "{picked:?}");
        assert_eq!(picked[1], "looking at a photo");
        assert_eq!(picked[4], "REPORT RequestId: 1\tDuration: 1 ms");
    }

    #[test]
    fn an_event_without_telemetry_belongs_to_the_run_that_it_mentions() {
        let crash = [
            line("i", 1, "START RequestId: 1 Version: $LATEST"),
            line("i", 2, "run=r1 the parcel is heavy"),
            line("i", 3, "REPORT RequestId: 1\tDuration: 1 ms Status: timeout"),
            line("i", 4, "START RequestId: 2 Version: $LATEST"),
            line("i", 5, "run=r11 the parcel is light"),
        ];
        assert_eq!(picked("r1", &crash).len(), 3);
        assert_eq!(picked("r11", &crash), [&crash[3].text, &crash[4].text].map(String::as_str));
        assert!(picked("r", &crash).is_empty());
    }

    #[test]
    fn a_line_of_the_embedded_cloud_is_read() {
        let of = StageAddress {
            workflow: "w".into(),
            version: "0.1.0".into(),
            function: "a".into(),
            region: HOME,
        };
        let read = |text| LogLine::read(&of, text);
        assert_eq!(read("1970-01-01T00:00:01.250Z 7  two words"), Some(line("7", 1250, " two words")));
        assert_eq!(read("1970-01-01T00:00:01.250Z 7 "), Some(line("7", 1250, "")));
        assert!(read("panicked at src/main.rs").is_none() && read("").is_none());
    }

    #[test]
    fn lines_are_ordered_by_time_and_then_as_they_came() {
        let mut all = vec![line("i", 2, "late"), line("j", 1, "first"), line("i", 1, "second")];
        in_order(&mut all);
        assert_eq!(all.iter().map(|line| &*line.text).collect::<Vec<_>>(), ["first", "second", "late"]);
    }

    #[test]
    fn a_line_is_new_once_even_if_it_is_said_twice() {
        let [first, twice, late] = [line("i", 1, "first"), line("i", 2, "twice"), line("j", 1, "late")];
        let mut fresh = Fresh::default();
        assert_eq!(fresh.of(vec![first.clone(), twice.clone()]), [first.clone(), twice.clone()]);
        let more = fresh.of(vec![first, late.clone(), twice.clone(), twice.clone()]);
        assert_eq!(more, [late, twice.clone()]);
        assert!(fresh.of(vec![twice.clone(), twice]).is_empty());
    }

    #[test]
    fn a_line_of_telemetry_is_told_from_others() {
        assert!(line("i", 1, &lines("r1", 0)[0]).record().is_some());
        assert!(line("i", 1, "{\"caribou\":1}").record().is_none());
        assert!(line("i", 1, "INIT_START Runtime Version: x").is_of_platform());
    }
}
