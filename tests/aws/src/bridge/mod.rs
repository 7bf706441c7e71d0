//! The parts of AWS that moto lacks: functions run, messages of topics and queues reach them, failures their destinations.
//!
//! Everything is read from moto, as it was deployed: the functions with their configuration, environment and code, the
//! subscriptions, the mappings of queues and the destinations of failures. Each function runs in the embedded cloud with
//! exactly that environment. To each topic the bridge subscribes an HTTP endpoint of its own beside the function: moto
//! delivers to it, and the bridge makes the event of it that Lambda would.
//!
//! | module | what it holds |
//! |---|---|
//! | here | [`Bridge`]: starts and ends it, knows what is deployed |
//! | `discovery` | reads what is deployed from moto |
//! | `hosted` | a function as it is deployed |
//! | `delivery` | notifications, notices of failures, function URLs: what comes in over HTTP |
//! | `queue` | polls a queue as a mapping says |
//! | `event` | the events that Lambda makes |

mod delivery;
mod discovery;
mod event;
mod hosted;
mod queue;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use caribou_local::{Called, Control};
use caribou_model::Region;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::hosted::Hosted;
use self::queue::Poller;
use crate::front::{Seen, SeenEvent};
use crate::{Clients, Wrong};

/// The name under which a function is known: its region and its deployed name.
type Name = (Region, String);

/// A running bridge. It ends when it is dropped.
pub struct Bridge {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What a bridge knows.
pub(crate) struct Shared {
    control: Control,
    /// What instances call in AWS's place.
    front: String,
    clients: BTreeMap<Region, Clients>,
    /// Where bootstraps are unpacked.
    code: PathBuf,
    /// Where it listens itself.
    endpoint: String,
    known: Mutex<Known>,
    /// One look at a time.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    functions: BTreeMap<Name, Hosted>,
    pollers: BTreeMap<String, Poller>,
    lost: Vec<String>,
    delay: Duration,
}

impl Bridge {
    /// Starts one between the moto at `moto`, with the clients of all regions, and the cloud behind `control`.
    pub(crate) async fn start(
        clients: BTreeMap<Region, Clients>,
        control: Control,
        front: &str,
        code: PathBuf,
        seen: mpsc::UnboundedReceiver<Seen>,
    ) -> Result<Self, Wrong> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let shared = Arc::new(Shared {
            control,
            front: front.to_owned(),
            clients,
            code,
            endpoint: format!("http://{}", listener.local_addr()?),
            known: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
        });
        let routes = delivery::routes(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // it never ends by itself
            let _ = axum::serve(listener, routes).await;
        });
        let watcher = tokio::spawn(watch(Arc::clone(&shared), seen));
        Ok(Self { shared, tasks: vec![server, watcher] })
    }

    /// Reads from moto what is deployed in all regions. The bridge does that by itself for what is deployed through the
    /// front; this is for what was removed, and for who goes round it.
    ///
    /// # Errors
    ///
    /// What cannot be read or hosted.
    pub async fn look(&self) -> Result<(), Wrong> {
        for region in self.shared.clients.keys() {
            self.shared.look(region).await?;
        }
        Ok(())
    }

    /// Gives the functions of a workflow new instances, as AWS does from time to time: they know no plan.
    ///
    /// # Errors
    ///
    /// If the cloud does not answer.
    pub async fn renew(&self, workflow: &str) -> Result<(), Wrong> {
        for deployment in self.shared.control.deployments().await? {
            if deployment.address.workflow == workflow {
                self.shared.control.deploy(&deployment).await?;
            }
        }
        Ok(())
    }

    /// The functions that it hosts: region and deployed name.
    pub fn functions(&self) -> Vec<(Region, String)> {
        self.shared.known().functions.keys().cloned().collect()
    }

    /// What was given up and went nowhere: no destination, no redrive.
    pub fn lost(&self) -> Vec<String> {
        self.shared.known().lost.clone()
    }

    /// Holds each notification back for up to so long, so that they come in another order than they were published in.
    pub fn set_delay(&self, most: Duration) {
        self.shared.known().delay = most;
    }

    /// The address of a function's URL on this machine.
    pub fn url(&self, region: &Region, function: &str) -> String {
        format!("{}/urls/{}/{function}", self.shared.endpoint, region.code())
    }

    /// How many messages are in the queues that feed functions, those for later among them.
    ///
    /// # Errors
    ///
    /// If moto does not answer.
    pub async fn queued(&self) -> Result<u64, Wrong> {
        use aws_sdk_sqs::types::QueueAttributeName as Attribute;
        let queues: Vec<_> =
            self.shared.known().pollers.values().map(|poller| poller.mapping.clone()).collect();
        let mut messages = 0;
        for mapping in queues {
            let sqs = &self.shared.clients(&mapping.region)?.sqs;
            let asked = sqs.get_queue_attributes().queue_url(queue::url(&mapping.queue)?);
            let answer = asked.attribute_names(Attribute::All).send().await?;
            for attribute in [
                Attribute::ApproximateNumberOfMessages,
                Attribute::ApproximateNumberOfMessagesNotVisible,
                Attribute::ApproximateNumberOfMessagesDelayed,
            ] {
                let count = answer.attributes().and_then(|attributes| attributes.get(&attribute));
                messages += count.map_or(Ok(0), |count| count.parse::<u64>())?;
            }
        }
        Ok(messages)
    }

    /// Takes its own subscriptions back, so that moto has only what others put there.
    ///
    /// # Errors
    ///
    /// If moto does not answer.
    pub async fn withdraw(&self) -> Result<(), Wrong> {
        let _one = self.shared.looking.lock().await;
        for region in self.shared.clients.keys() {
            self.shared.unsubscribe(region).await?;
        }
        Ok(())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.shared.known().pollers.clear();
    }
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge").field("endpoint", &self.shared.endpoint).finish_non_exhaustive()
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clients(&self, region: &Region) -> Result<&Clients, Wrong> {
        self.clients.get(region).ok_or_else(|| format!("{region} is no region of this machine").into())
    }

    /// Notes what went nowhere.
    fn lose(&self, what: String) {
        eprintln!("bridge: lost: {what}");
        self.known().lost.push(what);
    }

    /// Calls a function and waits for its answer. `None` if it is not hosted.
    async fn call(&self, region: &Region, function: &str, event: &[u8]) -> Option<Called> {
        let name = function.rsplit(':').next().unwrap_or(function).to_owned();
        let hosted = self.known().functions.get(&(region.clone(), name)).cloned()?;
        let event = serde_json::from_slice::<Box<RawValue>>(event).ok()?;
        let within = Duration::from_secs(u64::from(hosted.timeout_s) + 120);
        match self.control.call(&hosted.address, &event, within).await {
            Ok(called) => Some(called),
            Err(error) => Some(Called::Failed { kind: "Unavailable".to_owned(), reason: error.to_string() }),
        }
    }

    /// A message was sent to a queue.
    fn sent(&self, queue_arn: &str, delay: Duration) {
        if let Some(poller) = self.known().pollers.get(queue_arn) {
            poller.sent(delay);
        }
    }
}

async fn watch(shared: Arc<Shared>, mut seen: mpsc::UnboundedReceiver<Seen>) {
    while let Some(Seen { event, done }) = seen.recv().await {
        match event {
            SeenEvent::Deployed(region, deployed) => {
                if let Err(wrong) = shared.deployed(&region, &deployed).await {
                    eprintln!("bridge: in {region}: {wrong}");
                }
            }
            SeenEvent::Called { region, function, event, answer } => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    // who asked may have gone
                    let _ = answer.send(shared.call(&region, &function, &event).await);
                });
            }
            SeenEvent::Sent { region, queue, delay_s } => {
                let arn = format!("arn:aws:sqs:{}:{}:{queue}", region.code(), crate::ACCOUNT);
                shared.sent(&arn, Duration::from_secs(delay_s));
            }
        }
        // who asked may have gone
        let _ = done.send(());
    }
}
