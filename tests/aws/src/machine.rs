//! AWS on one machine: moto, the front before it, a cloud that hosts functions, and the bridge between.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use caribou_local::{Cloud, Config, Control, Faults};
use caribou_model::{LatencyTable, Region};
use tempfile::TempDir;

use crate::front::Outage;
use crate::{Bridge, Clients, Front, Moto, Wrong, census};

/// The region in which workflows are at home.
pub const VIRGINIA: Region = Region::aws("us-east-1");
/// Another region.
pub const CALIFORNIA: Region = Region::aws("us-west-1");
/// Another region.
pub const OREGON: Region = Region::aws("us-west-2");
/// Another region.
pub const QUEBEC: Region = Region::aws("ca-central-1");
/// The regions of the machine.
pub static REGIONS: [Region; 4] = [VIRGINIA, CALIFORNIA, OREGON, QUEBEC];

/// AWS on one machine. When it is dropped by a test that fails, it shows what the functions printed.
#[derive(Debug)]
pub struct Machine {
    /// The parts of AWS that moto lacks.
    pub bridge: Bridge,
    /// What everybody calls.
    pub front: Front,
    /// The cloud that hosts the functions.
    pub control: Control,
    clients: BTreeMap<Region, Clients>,
    _cloud: Cloud,
    moto: Moto,
    state: TempDir,
}

impl Machine {
    /// Starts it. `None`, after a notice, where there is no moto.
    ///
    /// # Errors
    ///
    /// What keeps it from starting.
    pub async fn start() -> Result<Option<Self>, Wrong> {
        let state = TempDir::new()?;
        let Some(moto) = Moto::start(state.path()).await? else { return Ok(None) };
        let cloud = Cloud::start(Config {
            state: state.path().join("cloud"),
            port: 0,
            regions: REGIONS.to_vec(),
            latencies: LatencyTable::new(),
            latency_scale: 0.0,
            most_instances: 4,
        })
        .await?;
        let control = Control::new(&cloud.endpoint());
        let (front, seen) = Front::start(moto.endpoint()).await?;
        // the bridge is AWS itself: what it calls is not counted
        let clients: BTreeMap<Region, Clients> = REGIONS
            .iter()
            .map(|region| (region.clone(), Clients::new(moto.endpoint(), region, "AWS")))
            .collect();
        let code = state.path().join("code");
        std::fs::create_dir_all(&code)?;
        let bridge = Bridge::start(clients.clone(), control.clone(), front.endpoint(), code, seen).await?;
        Ok(Some(Self { bridge, front, control, clients, _cloud: cloud, moto, state }))
    }

    /// A directory of its own.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// AWS's own clients of a region: what they do is not counted, and no outage is theirs.
    ///
    /// # Panics
    ///
    /// If the machine has no such region.
    pub fn clients(&self, region: &Region) -> &Clients {
        &self.clients[region]
    }

    /// Everything that is deployed, without what the bridge put there.
    ///
    /// # Errors
    ///
    /// If moto does not answer.
    pub async fn census(&self) -> Result<Vec<String>, Wrong> {
        self.bridge.withdraw().await?;
        census(&self.clients).await
    }

    /// Takes these regions down, and all others up: they accept no call, and start no function.
    ///
    /// # Errors
    ///
    /// If the cloud does not answer.
    pub async fn set_down(&self, down: &[(Region, Outage)], faults: Faults) -> Result<(), Wrong> {
        self.front.set_down(down.iter().cloned());
        let down = down.iter().map(|(region, _)| region.clone()).collect();
        Ok(self.control.faults(&Faults { down, ..faults }).await?)
    }

    /// Waits until nothing is under way: no event in the cloud, nothing visible or in work in a queue that feeds a function.
    ///
    /// # Errors
    ///
    /// If that takes longer than `within`.
    pub async fn settled(&self, within: Duration) -> Result<(), Wrong> {
        let patience = Instant::now() + within;
        loop {
            let left = patience.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.control.settled(left).await? {
                return Err(format!("it is not settled: {:?}", self.control.status().await?).into());
            }
            if self.bridge.queued().await? == 0 && self.control.settled(Duration::ZERO).await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What every function printed last, its telemetry left out.
    pub fn logs(&self) -> String {
        let mut logs = String::new();
        gather(&self.state.path().join("cloud/logs"), &mut logs);
        logs
    }
}

fn gather(directory: &Path, logs: &mut String) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, logs);
        } else if let Ok(log) = std::fs::read(&path) {
            let end = String::from_utf8_lossy(&log[log.len().saturating_sub(3000)..]).into_owned();
            // writing to a string cannot fail
            let _ = writeln!(logs, "--- {}\n{end}", path.display());
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}--- moto\n{}\n--- lost: {:?}", self.logs(), self.moto.log(), self.bridge.lost());
        }
    }
}
