//! What goes wrong, in an order that a seed fixes; when exactly it hits, the machine decides.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use caribou_local::{FaultCounts, Faults};
use caribou_runtime::Client;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use crate::cloud::{REGIONS, Served};

/// How likely a message is delivered twice.
const DUPLICATE: f64 = 0.02;
/// How likely an instance is killed at one of its calls to the cloud. Three of these at one event, killings at random times
/// included, are more than its function's retries: a hundred runs have a chance of one in thousands for that.
const KILL: f64 = 0.004;
/// The mean time between two killings of an instance at random.
const BETWEEN_KILLS: Duration = Duration::from_millis(1500);
/// How long a region is down.
const DOWN: Duration = Duration::from_secs(2);
/// The pause between two blows after the first round.
const CALM: Duration = Duration::from_secs(10);

/// A fault that comes at once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blow {
    /// A region is down for a while: its place among all.
    Down(usize),
    /// `kill -9` of the cloud.
    Kill,
    /// A clean stop of the cloud.
    Stop,
}

/// What has happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Blows {
    pub(crate) clouds_killed: u32,
    pub(crate) clouds_stopped: u32,
    pub(crate) downtimes: u32,
    pub(crate) down: Duration,
    /// Instances killed at random times, from outside.
    pub(crate) instances: u32,
    /// What the cloud did by itself because it was asked to.
    pub(crate) injected: FaultCounts,
}

/// How things stand, for those who have runs in the cloud.
#[derive(Clone)]
pub(crate) struct Weather {
    client: watch::Receiver<Client>,
    seen_all: watch::Receiver<bool>,
}

impl Weather {
    /// A client of the cloud that runs, or of the last one that did.
    pub(crate) fn client(&self) -> Client {
        self.client.borrow().clone()
    }

    /// Waits until every kind of fault has come once.
    pub(crate) async fn seen_all(&self) {
        self.seen_all.clone().wait_for(|seen| *seen).await.unwrap();
    }
}

pub(crate) struct Storm {
    cloud: Served,
    state: PathBuf,
    random: Pcg64,
    pause: Duration,
    client: watch::Sender<Client>,
    seen_all: watch::Sender<bool>,
    blows: Blows,
}

impl Storm {
    /// A storm over a cloud, with a pause between two blows.
    pub(crate) fn over(cloud: Served, state: &Path, seed: u64, pause: Duration) -> (Self, Weather) {
        let (client, seen_all) = (watch::Sender::new(cloud.client()), watch::Sender::new(false));
        let weather = Weather { client: client.subscribe(), seen_all: seen_all.subscribe() };
        let (state, random, blows) = (state.into(), Pcg64::seed_from_u64(seed), Blows::default());
        (Self { cloud, state, random, pause, client, seen_all, blows }, weather)
    }

    /// Rages until `over`. Returns the cloud, in peace, and what has happened.
    pub(crate) async fn rage(mut self, over: impl Fn() -> bool) -> (Served, Blows) {
        self.ask(None).await;
        while !over() {
            let mut blows = [Blow::Down(0), Blow::Kill, Blow::Down(1), Blow::Stop, Blow::Down(2)];
            blows.shuffle(&mut self.random);
            for blow in blows {
                if over() {
                    break;
                }
                self.kill_instances(self.pause).await;
                self.strike(blow).await;
            }
            self.seen_all.send_replace(true);
            // The first round shall be over while there is something to disturb; then there is time.
            self.pause = CALM;
        }
        self.count().await;
        self.cloud.control.faults(&Faults::default()).await.unwrap();
        (self.cloud, self.blows)
    }

    async fn strike(&mut self, blow: Blow) {
        match blow {
            Blow::Down(region) => {
                let began = Instant::now();
                self.ask(Some(region)).await;
                self.kill_instances(DOWN).await;
                self.ask(None).await;
                self.blows.downtimes += 1;
                self.blows.down += began.elapsed();
            }
            Blow::Kill | Blow::Stop => {
                self.count().await;
                if blow == Blow::Kill {
                    self.blows.clouds_killed += 1;
                    self.cloud.kill();
                } else {
                    self.blows.clouds_stopped += 1;
                    self.cloud.stop().await;
                }
                self.cloud = Served::on(&self.state).await;
                self.client.send_replace(self.cloud.client());
                self.ask(None).await;
            }
        }
    }

    /// Asks the cloud for its faults.
    async fn ask(&mut self, down: Option<usize>) {
        let down = down.map(|region| REGIONS[region].clone()).into_iter().collect();
        let faults = Faults { down, duplicate: DUPLICATE, kill: KILL, seed: self.random.random() };
        self.cloud.control.faults(&faults).await.unwrap();
    }

    /// Kills instances at random times, for a while.
    async fn kill_instances(&mut self, during: Duration) {
        let end = Instant::now() + during;
        loop {
            let next = BETWEEN_KILLS.mul_f64(2.0 * self.random.random::<f64>());
            let left = end.saturating_duration_since(Instant::now());
            tokio::time::sleep(next.min(left)).await;
            if next >= left {
                return;
            }
            let instances = children(self.cloud.id());
            if !instances.is_empty() {
                let instance = instances[self.random.random_range(0..instances.len())];
                self.blows.instances += u32::from(kill_process(instance, Signal::KILL).is_ok());
            }
        }
    }

    /// Notes what the cloud did by itself, before it forgets.
    async fn count(&mut self) {
        let FaultCounts { duplicated, killed, refused } = self.cloud.control.status().await.unwrap().faults;
        let injected = &mut self.blows.injected;
        injected.duplicated += duplicated;
        injected.killed += killed;
        injected.refused += refused;
    }
}

/// The processes that a process has started and that live.
fn children(parent: u32) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let id: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut words = rest.split(' ');
        let (state, started_by) = (words.next()?, words.next()?);
        (state != "Z" && started_by == parent.to_string()).then(|| Pid::from_raw(id)).flatten()
    });
    processes.collect()
}
