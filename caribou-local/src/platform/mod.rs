//! The embedded cloud behind its HTTP interfaces: topics, queues and instances.

mod calls;
mod invocation;
mod notices;
mod settling;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caribou_model::{Region, Timestamp};
use caribou_runtime::lambda::REFUSED;
use caribou_runtime::local::SystemClock;
use caribou_runtime::local::wire::LARGEST_MESSAGE;
use caribou_runtime::port::{Clock, StageAddress};
use http::StatusCode;
use tokio::sync::{Notify, oneshot, watch};

use self::calls::Call;
use self::invocation::Instance;
use crate::blobs::BlobFiles;
use crate::deployment::{self, FunctionDeployment};
use crate::disk::{Disk, DiskError};
use crate::distance::Distances;
use crate::faults::{Dice, Faults};
use crate::instance::{self, Deployed, Limit};
use crate::logs::Log;
use crate::message::{self, Failure, Form, Message, Mode};
use crate::refusal::Refusal;
use crate::scheduler::{InstanceId, Scheduler, Step};
use crate::{CloudError, CloudStatus, Config};

/// How long the scheduler sleeps if it has nothing to wait for.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);

/// Everything that the interfaces share.
pub(crate) struct Platform {
    pub(crate) config: Config,
    pub(crate) blobs: BlobFiles,
    pub(crate) distances: Distances,
    /// Somebody asked over HTTP that the cloud stop.
    pub(crate) stop_requested: Notify,
    endpoint: String,
    disk: Disk,
    state: Mutex<State>,
    /// There may be something to schedule.
    work: Notify,
    /// Messages that are in a queue or in flight.
    unsettled: watch::Sender<usize>,
}

struct State {
    scheduler: Scheduler,
    deployed: HashMap<StageAddress, (Arc<Deployed>, Arc<Log>)>,
    instances: HashMap<InstanceId, Instance>,
    dice: Dice,
    dead_letters: usize,
    calls: HashMap<u64, Call>,
    last_call: u64,
}

impl Platform {
    /// The platform on this state, with everything that an earlier one left there.
    pub(crate) fn open(config: Config, endpoint: String, disk: Disk) -> Result<Arc<Self>, CloudError> {
        let unusable =
            |error: DiskError| CloudError::State { path: config.state.clone(), cause: error.to_string() };
        let blobs = BlobFiles::open(config.state.join("blobs"))
            .map_err(|error| CloudError::io(config.state.join("blobs"), &error))?;
        let stored = disk.read().map_err(unusable)?;
        let dead_letters = message::dead_letters(&stored).map_err(unusable)?.len();
        let mut state = State {
            scheduler: Scheduler::new(config.most_instances, first_instance()),
            deployed: HashMap::new(),
            instances: HashMap::new(),
            dice: Dice::new(Faults::default()),
            dead_letters,
            calls: HashMap::new(),
            last_call: calls::FIRST,
        };
        for (deployment, executable) in deployment::deployed(&stored).map_err(unusable)? {
            state.install(&config, deployment, executable);
        }
        let queued = message::queued(&stored).map_err(unusable)?;
        let distances = Distances::new(&config)?;
        let platform = Arc::new(Self {
            config,
            blobs,
            distances,
            stop_requested: Notify::new(),
            endpoint,
            disk,
            state: Mutex::new(state),
            work: Notify::new(),
            unsettled: watch::Sender::new(queued.len()),
        });
        for (number, message) in queued {
            if platform.awaits_destination(&message) {
                platform.state().scheduler.track(&message.to);
                tokio::spawn(Arc::clone(&platform).notify(number, message.to));
            } else {
                platform.state().scheduler.accept(number, &message.to, message.not_before);
            }
        }
        Ok(platform)
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(crate) fn log(&self, address: &StageAddress) -> Arc<Log> {
        let known = self.state().deployed.get(address).map(|(_, log)| Arc::clone(log));
        known.unwrap_or_else(|| Arc::new(Log::new(&self.config.state.join("logs"), address)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Deployments

    /// Deploys a function, or deploys it anew.
    pub(crate) async fn deploy(&self, deployment: FunctionDeployment) -> Result<(), Refusal> {
        deployment.check()?;
        self.known(&deployment.address.region)?;
        let (bootstrap, kept) = (deployment.bootstrap.clone(), self.config.state.join("bootstraps"));
        let kept = tokio::task::spawn_blocking(move || deployment::keep_bootstrap(&bootstrap, &kept)).await;
        let executable = kept.map_err(|_| Refusal::from(DiskError::Stopping))??;
        let stored = message::json(&(&deployment, &executable));
        let key = deployment::key(&deployment.address);
        self.disk
            .write(move |tables| Ok(tables.deployments.insert(key.as_str(), stored.as_slice()).map(drop)?))
            .await?;
        self.state().install(&self.config, deployment, executable);
        Ok(())
    }

    /// Removes a function whose queue is empty.
    pub(crate) async fn remove(&self, address: &StageAddress) -> Result<(), Refusal> {
        let pending = self.state().scheduler.pending(address);
        match pending {
            None => return Err(self.not_deployed(address)),
            Some(0) => {}
            Some(pending) => {
                return Err(Refusal::new(
                    StatusCode::CONFLICT,
                    format!("`{}` in {} still has {pending} messages", address.function, address.region),
                    "wait until its queue is empty",
                ));
            }
        }
        let key = deployment::key(address);
        self.disk.write(move |tables| Ok(tables.deployments.remove(key.as_str()).map(drop)?)).await?;
        let mut state = self.state();
        let idle = state.scheduler.remove(address);
        state.end(&idle);
        state.deployed.remove(address);
        Ok(())
    }

    /// What is deployed, in order of address.
    pub(crate) fn deployments(&self) -> Vec<FunctionDeployment> {
        let mut all: Vec<_> =
            self.state().deployed.values().map(|(known, _)| known.deployment.clone()).collect();
        all.sort_by(|a, b| a.address.cmp(&b.address));
        all
    }

    // Regions

    /// Refuses a region that does not exist.
    pub(crate) fn known(&self, region: &Region) -> Result<(), Refusal> {
        if self.config.regions.contains(region) {
            return Ok(());
        }
        let regions: Vec<_> = self.config.regions.iter().map(ToString::to_string).collect();
        Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("there is no region {region} in this embedded cloud"),
            format!("it has {}; restart it with more regions if need be", regions.join(", ")),
        ))
    }

    /// Refuses a region that is not known or is down.
    pub(crate) fn up(&self, region: &Region) -> Result<(), Refusal> {
        self.known(region)?;
        if self.state().dice.refuses(region) {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{region} is down, a fault that was asked for"),
                "set other faults to bring it back",
            ));
        }
        Ok(())
    }

    pub(crate) fn set_faults(&self, faults: Faults) -> Result<(), Refusal> {
        if let Some(mistake) = faults.mistake() {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, mistake, "correct it"));
        }
        for region in &faults.down {
            self.known(region)?;
        }
        let mut state = self.state();
        state.scheduler.set_down(faults.down.clone());
        state.dice.replace(faults);
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    // Topics

    /// Takes a message in. It is on disk when this returns, and will be delivered.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        to: StageAddress,
        body: String,
        not_before: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        if body.len() > LARGEST_MESSAGE {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the message has {} bytes; a topic takes at most {LARGEST_MESSAGE}", body.len()),
                "send large values as blobs",
            ));
        }
        self.enqueue(to, body, Form::Publication, not_before).await.map(drop)
    }

    /// Takes an event for a function in, and gives its request id. It is on disk when this returns, and will be handled.
    pub(crate) async fn invoke(self: &Arc<Self>, to: StageAddress, event: String) -> Result<String, Refusal> {
        self.up(&to.region)?;
        self.enqueue(to, event, Form::Event, None).await
    }

    async fn enqueue(
        self: &Arc<Self>,
        to: StageAddress,
        body: String,
        form: Form,
        not_before: Option<Timestamp>,
    ) -> Result<String, Refusal> {
        let duplicate = {
            let mut state = self.state();
            if !state.deployed.contains_key(&to) {
                drop(state);
                return Err(self.not_deployed(&to));
            }
            state.dice.duplicate()
        };
        let now = SystemClock.now();
        let not_before = not_before.unwrap_or(now);
        let id = random_id();
        let deliveries: Vec<Message> = (0..=u32::from(duplicate))
            .map(|_| Message {
                to: to.clone(),
                id: id.clone(),
                request_id: random_id(),
                published: now,
                not_before,
                failures: 0,
                mode: Mode::Handle,
                form,
            })
            .collect();
        let request_id = deliveries[0].request_id.clone();
        let (sender, receiver) = oneshot::channel();
        let platform = Arc::clone(self);
        self.disk.submit(
            move |tables| deliveries.iter().map(|delivery| delivery.insert(&body, tables)).collect(),
            move |outcome: Result<Vec<u64>, DiskError>| {
                let outcome = outcome.map(|numbers| platform.accept(&numbers, &to, not_before));
                let _ = sender.send(outcome);
            },
        );
        receiver.await.unwrap_or(Err(DiskError::Stopping))?;
        Ok(request_id)
    }

    fn accept(&self, numbers: &[u64], to: &StageAddress, not_before: Timestamp) {
        self.unsettled.send_modify(|count| *count += numbers.len());
        let mut state = self.state();
        for number in numbers {
            state.scheduler.accept(*number, to, not_before);
        }
        drop(state);
        self.work.notify_one();
    }

    fn not_deployed(&self, address: &StageAddress) -> Refusal {
        let StageAddress { workflow, version, function, region } = address;
        let deployed: Vec<_> = self.deployments().into_iter().map(|known| known.address).collect();
        let here = deployed.iter().filter(|known| known.region == *region);
        let mut names: Vec<_> =
            here.map(|known| format!("{} {} `{}`", known.workflow, known.version, known.function)).collect();
        names.dedup();
        let remedy = match names.len() {
            0 => format!("deploy it; nothing is deployed in {region}"),
            _ => format!("deploy it; in {region} there are {}", names.join(", ")),
        };
        let error = format!("function `{function}` of {workflow} {version} is not deployed in {region}");
        Refusal::new(StatusCode::NOT_FOUND, error, remedy)
    }

    // Scheduling

    /// Gives events to instances for as long as the cloud runs.
    pub(crate) async fn schedule(self: Arc<Self>) {
        loop {
            let wake = self.dispatch();
            let now = SystemClock.now();
            tokio::select! {
                () = self.work.notified() => {}
                () = SystemClock.sleep(wake.since(now)) => {}
            }
        }
    }

    /// Does everything that can be done now, and tells when there is more to do.
    fn dispatch(self: &Arc<Self>) -> Timestamp {
        let now = SystemClock.now();
        let mut undeliverable = Vec::new();
        let mut state = self.state();
        while let Some(step) = state.scheduler.step(now) {
            match step {
                Step::Start { instance, address, message } => {
                    if let Some((deployed, limit)) = state.prepare(instance, &address, message) {
                        tokio::spawn(instance::run(Arc::clone(self), instance, deployed, limit));
                    } else {
                        state.scheduler.gone(instance);
                        undeliverable.push((message, address));
                    }
                }
                Step::Deliver { instance, message } => {
                    if let Some(instance) = state.instances.get_mut(&instance) {
                        instance.deliver(message);
                    }
                }
                Step::End { instance } => state.end(&[instance]),
                Step::Undeliverable { message, address } => undeliverable.push((message, address)),
            }
        }
        let wake = state.scheduler.wake().unwrap_or_else(|| now.plus(LONGEST_SLEEP));
        drop(state);
        for (message, address) in undeliverable {
            let reason = "its function is not deployed any more".to_owned();
            self.fail(message, (*address).clone(), Failure { kind: REFUSED.to_owned(), reason });
        }
        wake
    }

    /// What is going on.
    pub(crate) fn status(&self) -> CloudStatus {
        let unsettled = *self.unsettled.borrow();
        let state = self.state();
        let queued = state.scheduler.queued();
        CloudStatus {
            queued,
            in_flight: unsettled.saturating_sub(queued),
            dead_letters: state.dead_letters,
            instances: state.scheduler.instances(),
            faults: state.dice.counts,
            disk: self.disk.used(),
        }
    }

    /// Waits until no message is in a queue or in flight.
    pub(crate) async fn until_settled(&self) {
        let _ = self.unsettled.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl State {
    fn install(&mut self, config: &Config, deployment: FunctionDeployment, executable: PathBuf) {
        let address = deployment.address.clone();
        let idle = self.scheduler.deploy(&address);
        self.end(&idle);
        let log = Arc::new(Log::new(&config.state.join("logs"), &address));
        self.deployed.insert(address, (Arc::new(Deployed { deployment, executable }), log));
    }

    fn prepare(
        &mut self,
        id: InstanceId,
        address: &StageAddress,
        message: u64,
    ) -> Option<(Arc<Deployed>, watch::Receiver<Limit>)> {
        let (deployed, log) = self.deployed.get(address)?;
        let (limit, receiver) = watch::channel(instance::start_limit());
        let instance = Instance::new(Arc::clone(deployed), Arc::clone(log), limit, message);
        let deployed = Arc::clone(deployed);
        self.instances.insert(id, instance);
        Some((deployed, receiver))
    }

    fn end(&mut self, instances: &[InstanceId]) {
        for id in instances {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.end();
            }
        }
    }
}

/// A number to count instances from, such that none that outlived an earlier cloud is taken for one of this.
fn first_instance() -> InstanceId {
    InstanceId::from(rand::random::<u32>()) << 24
}

/// A random id in the form that AWS gives to messages and requests.
fn random_id() -> String {
    let id: u128 = rand::random();
    let text = format!("{id:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| &text[part]).join("-")
}
