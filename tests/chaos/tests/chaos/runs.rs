//! Many runs, started and watched through a cloud that comes and goes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use caribou_runtime::model::RunId;
use caribou_runtime::{Client, RunStatus};
use tokio::sync::Semaphore;

use crate::press::Press;
use crate::storm::Weather;

/// How many requests are under way at the same time.
const AT_A_TIME: usize = 16;
/// How many of the oldest runs are looked at in one round.
const LOOKED_AT: usize = 64;
/// How long no run may end: in a queue that is served in order all of them are half done before the first one ends.
const PATIENCE: Duration = Duration::from_mins(30);

pub(crate) struct Runs {
    pub(crate) press: Press,
    pub(crate) count: usize,
    /// How many are started only after every kind of fault has come once.
    pub(crate) held_back: usize,
}

impl Runs {
    /// Starts all runs, and holds the end of each against the plain call. Returns what is wrong with those that ended
    /// otherwise.
    pub(crate) async fn end(self, weather: Weather) -> Vec<String> {
        let press = Arc::new(self.press);
        let first = self.count - self.held_back;
        start(&press, &weather, 0..first).await;
        let (late, count) = ((Arc::clone(&press), weather.clone()), self.count);
        let late = tokio::spawn(async move {
            late.1.seen_all().await;
            start(&late.0, &late.1, first..count).await;
        });
        let mut open: VecDeque<usize> = (0..self.count).collect();
        let mut wrong = Vec::new();
        let mut last_end = std::time::Instant::now();
        while !open.is_empty() {
            for run in open.drain(..LOOKED_AT.min(open.len())).collect::<Vec<_>>() {
                let Some(ended) = end_of(&press, &weather.client(), run).await else {
                    open.push_back(run);
                    continue;
                };
                last_end = std::time::Instant::now();
                wrong.extend(ended.err());
            }
            let waited = last_end.elapsed();
            if waited > PATIENCE {
                wrong.extend(open.drain(..).map(|run| format!("{} hangs", id(run))));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        late.await.unwrap();
        wrong
    }
}

fn id(run: usize) -> RunId {
    format!("chaos-{run}").parse().unwrap()
}

/// Starts runs as a client does that does not give up: under the same id until the request is accepted.
async fn start(press: &Arc<Press>, weather: &Weather, runs: std::ops::Range<usize>) {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut started = tokio::task::JoinSet::new();
    for run in runs {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let (press, weather) = (Arc::clone(press), weather.clone());
        started.spawn(async move {
            while weather.client().start(Some(id(run)), press.input(run)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            drop(place);
        });
    }
    started.join_all().await;
}

/// Whether a run has ended, and as the plain call does.
async fn end_of(press: &Press, client: &Client, run: usize) -> Option<Result<(), String>> {
    match client.status(&id(run)).await {
        // The cloud is away, or home is down.
        Err(_) | Ok(RunStatus::Unknown | RunStatus::Running { .. }) => None,
        Ok(RunStatus::Succeeded { result, .. }) if result == press.result(run) => Some(Ok(())),
        Ok(RunStatus::Succeeded { result, .. }) => {
            Some(Err(format!("{} ended with {result} instead of {}", id(run), press.result(run))))
        }
        Ok(RunStatus::Failed { stage, error, .. }) => {
            Some(Err(format!("{} failed at {stage:?}: {error}", id(run))))
        }
    }
}
