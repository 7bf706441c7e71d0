//! Many runs, a few at a time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use caribou_model::{RunId, Timestamp};
use caribou_runtime::Pin;
use caribou_runtime::client::Client;
use caribou_runtime::run::RunStatus;
use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use serde_json::Value;

use super::example::Photo;
use crate::cloud::CloudProcess;
use crate::error::CliError;
use crate::phrase;
use crate::session::Session;
use crate::terminal::Terminal;

/// Runs to be made, each with its photograph.
///
/// Whether a run will be a probe follows from its id alone, so the photographs go round in each group by itself: probes
/// and planned runs see the same ones, equally often.
pub(super) struct Batch<'p> {
    name: &'static str,
    runs: Vec<(RunId, usize, bool)>,
    photos: &'p [Photo],
}

/// Runs that were made.
pub(super) struct Made {
    ended: Vec<Ended>,
    ids: BTreeSet<RunId>,
    restarts: usize,
}

/// How one run ended.
pub(super) struct Ended {
    pub(super) run: RunId,
    /// Which photograph it was about.
    pub(super) photo: usize,
    pub(super) result: Result<Value, String>,
}

/// Runs under way at a time: enough to keep two processors busy, not so many that they wait for each other.
const IN_FLIGHT: usize = 3;
/// The smallest control group.
const FEWEST_PROBES: usize = 8;
/// How long a run may take, restarts of the cloud included.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often a waiting client asks.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait before asking a cloud again that did not answer.
const PAUSE: Duration = Duration::from_millis(200);
/// After how long without an end it is looked whether the cloud still runs.
const LOOK: Duration = Duration::from_secs(2);

impl<'p> Batch<'p> {
    /// So many runs.
    pub(super) fn without_plan(name: &'static str, count: usize, photos: &'p [Photo]) -> Self {
        let runs = ids(name).take(count).enumerate().map(|(index, id)| (id, index % photos.len(), false));
        Self { name, runs: runs.collect(), photos }
    }

    /// So many runs that are not probes, and the probes that come with them, eight at least.
    pub(super) fn under_plan(
        name: &'static str,
        count: usize,
        probe_share: f64,
        photos: &'p [Photo],
    ) -> Self {
        let mut runs = Vec::new();
        let [mut probes, mut planned] = [0, 0];
        for id in ids(name) {
            if planned >= count && probes >= FEWEST_PROBES {
                break;
            }
            let probe = Pin::draw(&id) < probe_share;
            let group = if probe { &mut probes } else { &mut planned };
            runs.push((id, *group % photos.len(), probe));
            *group += 1;
        }
        Self { name, runs, photos }
    }

    /// How many of the runs will be probes.
    pub(super) fn probes(&self) -> usize {
        self.runs.iter().filter(|(_, _, probe)| *probe).count()
    }

    /// Makes the runs. The cloud is started again whenever it is found to have ended; with `kill_after` it is killed
    /// when that share of the runs has ended.
    pub(super) async fn run(
        self,
        session: &Session,
        cloud: &CloudProcess,
        kill_after: Option<f64>,
        terminal: Terminal,
    ) -> Result<Made, CliError> {
        let since = Instant::now();
        let client = session.client();
        let bar = terminal.bar(format!("runs {} the plan", self.name), self.runs.len());
        let kill_at = kill_after.map(|share| (self.runs.len() as f64 * share) as usize);
        let one = One { session, client: &client, cloud, bar: &bar, restarts: AtomicUsize::new(0) };
        let one = &one;
        let done = &AtomicUsize::new(0);
        let all = self.runs.iter().map(|(id, photo, _)| {
            let input = &self.photos[*photo].input;
            async move {
                let result = one.run(id, input).await;
                one.bar.inc(1);
                if kill_at == Some(done.fetch_add(1, Ordering::Relaxed)) {
                    cloud.kill();
                }
                Ended { run: id.clone(), photo: *photo, result }
            }
        });
        let ended: Vec<Ended> =
            stream::iter(all.collect::<Vec<_>>()).buffer_unordered(IN_FLIGHT).collect().await;
        bar.finish_and_clear();
        let restarts = one.restarts.load(Ordering::Relaxed);
        let seconds = since.elapsed().as_secs_f64();
        let succeeded = ended.iter().filter(|ended| ended.result.is_ok()).count();
        let what = if self.name == "before" { "before any plan" } else { "under the plan" };
        let restarted = match restarts {
            0 => String::new(),
            _ => format!("; the embedded cloud ended and was started again ({restarts}x)"),
        };
        terminal.step(format!(
            "{} {what} in {seconds:.0} s ({:.1} s each), {succeeded} succeeded{restarted}",
            phrase::count(ended.len(), "run"),
            seconds / ended.len().max(1) as f64
        ));
        let ids = ended.iter().map(|ended| ended.run.clone()).collect();
        Ok(Made { ended, ids, restarts })
    }
}

/// What it takes to make one run.
struct One<'a> {
    session: &'a Session,
    client: &'a Client,
    cloud: &'a CloudProcess,
    bar: &'a ProgressBar,
    restarts: AtomicUsize,
}

impl One<'_> {
    async fn run(&self, id: &RunId, input: &Value) -> Result<Value, String> {
        let since = Instant::now();
        // the id makes a repeated start the same run
        while let Err(error) = self.client.start(Some(id.clone()), input.clone()).await {
            if since.elapsed() > PATIENCE {
                return Err(error.to_string());
            }
            self.recover().await?;
        }
        loop {
            match self.client.wait(id, POLL, LOOK).await {
                Ok(RunStatus::Succeeded { result, .. }) => return Ok(result),
                Ok(RunStatus::Failed { stage, error, .. }) => {
                    return Err(format!(
                        "failed at {}: {error}",
                        stage.as_deref().unwrap_or("an unknown stage")
                    ));
                }
                Ok(RunStatus::Running { .. } | RunStatus::Unknown) if since.elapsed() > PATIENCE => {
                    return Err(format!("did not end within {} s", PATIENCE.as_secs()));
                }
                Err(error) if since.elapsed() > PATIENCE => return Err(error.to_string()),
                Ok(RunStatus::Unknown) => {
                    // a cloud that does not answer now is looked after below
                    if let Ok(Some(why)) = self.session.given_up(id, Timestamp::default()).await {
                        return Err(why);
                    }
                    self.recover().await?;
                }
                Ok(RunStatus::Running { .. }) | Err(_) => self.recover().await?,
            }
        }
    }

    /// Starts the cloud again if it has ended, and waits a moment.
    async fn recover(&self) -> Result<(), String> {
        if self.cloud.revive().await.map_err(|error| error.to_string())? {
            self.restarts.fetch_add(1, Ordering::Relaxed);
            self.bar.set_message("the embedded cloud was started again");
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

impl Made {
    pub(super) fn len(&self) -> usize {
        self.ended.len()
    }

    pub(super) fn ended(&self) -> impl Iterator<Item = &Ended> {
        self.ended.iter()
    }

    pub(super) fn has(&self, run: &RunId) -> bool {
        self.ids.contains(run)
    }

    /// How often the cloud was started again.
    pub(super) fn restarts(&self) -> usize {
        self.restarts
    }
}

/// Ids of one batch, without an end.
fn ids(name: &str) -> impl Iterator<Item = RunId> {
    (1_u32..).map_while(move |number| format!("{name}-{number:04}").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos(count: usize) -> Vec<Photo> {
        (0..count).map(|_| Photo::default()).collect()
    }

    #[test]
    fn a_batch_under_a_plan_has_a_control_group_of_the_same_photographs() {
        let photos = photos(6);
        let batch = Batch::under_plan("after", 60, 0.2, &photos);
        assert!(batch.probes() >= FEWEST_PROBES);
        assert!(batch.runs.len() - batch.probes() >= 60);
        let of = |probe: bool, photo: usize| {
            batch.runs.iter().filter(|run| run.2 == probe && run.1 == photo).count()
        };
        for photo in 1..6 {
            assert!(of(true, 0).abs_diff(of(true, photo)) <= 1);
            assert!(of(false, 0).abs_diff(of(false, photo)) <= 1);
        }
    }
}
