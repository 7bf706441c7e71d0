//! What came of it all.

use std::collections::BTreeMap;
use std::fmt;

use caribou_local::DeadLetter;
use caribou_runtime::model::{NodeId, StageRecord};

use crate::cloud::Served;
use crate::storm::Blows;

pub(crate) struct Report {
    pub(crate) blows: Blows,
    pub(crate) seconds: f64,
    /// Attempts at stages that left a line of telemetry: those that were killed left none.
    pub(crate) executions: usize,
    outcomes: BTreeMap<String, usize>,
    /// Which messages were given up, and why.
    dead_letters: Vec<String>,
}

impl Report {
    /// Reads the telemetry of all that the cloud has done.
    pub(crate) async fn of(cloud: &Served, blows: Blows, seconds: f64) -> Self {
        let (mut outcomes, mut executions, mut after) = (BTreeMap::new(), 0, 0);
        loop {
            let telemetry = cloud.control.telemetry(after).await.unwrap();
            if telemetry.lines.is_empty() {
                break;
            }
            after = telemetry.next;
            for line in &telemetry.lines {
                let record: StageRecord = serde_json::from_str(line).unwrap();
                executions += usize::from(record.node != NodeId::ENTRY);
                *outcomes.entry(format!("{:?}", record.outcome).to_lowercase()).or_insert(0) += 1;
            }
        }
        let letters = cloud.control.dead_letters().await.unwrap();
        let letter = |letter: &DeadLetter| {
            let run = letter.body.split_once("chaos-").map_or("?", |(_, run)| run);
            let run = run.split('"').next().unwrap_or_default();
            format!("run {run} at {}, {:?}: {}", letter.to.function, letter.at, letter.reason)
        };
        let dead_letters = letters.iter().map(letter).collect();
        Self { blows, seconds, executions, outcomes, dead_letters }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Blows { clouds_killed, clouds_stopped, downtimes, down, instances, injected } = self.blows;
        writeln!(f, "time                          {:.0} s", self.seconds)?;
        writeln!(f, "stage executions              {} ({:?})", self.executions, self.outcomes)?;
        writeln!(f, "messages delivered twice      {}", injected.duplicated)?;
        writeln!(f, "instances killed at a call    {}", injected.killed)?;
        writeln!(f, "instances killed at random    {instances}")?;
        writeln!(f, "regions down                  {downtimes} times, {:.1} s", down.as_secs_f64())?;
        writeln!(f, "calls to a region down        {}", injected.refused)?;
        writeln!(f, "clouds killed, stopped        {clouds_killed}, {clouds_stopped}")?;
        write!(f, "dead letters                  {}", self.dead_letters.len())?;
        self.dead_letters.iter().try_for_each(|letter| write!(f, "\n  {letter}"))
    }
}
