//! A queue that feeds a function.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use caribou_local::Called;
use caribou_model::Region;
use caribou_runtime::port::StageAddress;
use serde_json::Value;
use serde_json::value::to_raw_value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Shared, event};
use crate::Wrong;

/// How often a queue is looked at into which nobody has put anything, as far as the bridge knows.
const IDLE: Duration = Duration::from_secs(20);
/// How long a message that stays is not seen. On AWS it is the queue's visibility timeout, which is minutes.
const STAYS_S: i32 = 1;

/// What feeds which function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mapping {
    pub(super) region: Region,
    /// The queue's ARN.
    pub(super) queue: String,
    pub(super) function: StageAddress,
    pub(super) timeout_s: u32,
    /// Messages of one event at most.
    pub(super) batch: i32,
    /// Whether the function's answer says which messages stay.
    pub(super) partial: bool,
}

/// Feeds a function from a queue, for as long as it lives.
pub(super) struct Poller {
    pub(super) mapping: Mapping,
    due: mpsc::UnboundedSender<Instant>,
    task: JoinHandle<()>,
}

impl Poller {
    pub(super) fn start(shared: Arc<Shared>, mapping: Mapping) -> Self {
        let (due, dues) = mpsc::unbounded_channel();
        let task = tokio::spawn(run(shared, mapping.clone(), dues));
        Self { mapping, due, task }
    }

    /// A message was sent that is to be seen after a while.
    pub(super) fn sent(&self, delay: Duration) {
        // a poller that has ended needs to know nothing
        let _ = self.due.send(Instant::now() + delay);
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(shared: Arc<Shared>, mapping: Mapping, mut dues: mpsc::UnboundedReceiver<Instant>) {
    let mut waiting: BTreeSet<Instant> = BTreeSet::new();
    loop {
        match feed(&shared, &mapping).await {
            Ok(Fed { some: true, stay: false }) => continue,
            Ok(Fed { some, stay }) => {
                if some || stay {
                    waiting.insert(
                        Instant::now() + Duration::from_secs(STAYS_S as u64) + Duration::from_millis(50),
                    );
                }
            }
            Err(wrong) => eprintln!("bridge: queue {}: {wrong}", mapping.queue),
        }
        let now = Instant::now();
        let next = waiting.first().copied().unwrap_or(now + IDLE).min(now + IDLE);
        tokio::select! {
            due = dues.recv() => match due {
                Some(due) => { waiting.insert(due); }
                None => return,
            },
            () = tokio::time::sleep_until(next) => {}
        }
        let now = Instant::now();
        while waiting.first().is_some_and(|due| *due <= now) {
            waiting.pop_first();
        }
    }
}

struct Fed {
    /// There were messages.
    some: bool,
    /// Some of them stay.
    stay: bool,
}

/// Hands one batch of messages to the function.
async fn feed(shared: &Arc<Shared>, mapping: &Mapping) -> Result<Fed, Wrong> {
    let sqs = &shared.clients(&mapping.region)?.sqs;
    let queue = url(&mapping.queue)?;
    let received = sqs
        .receive_message()
        .queue_url(&queue)
        .max_number_of_messages(mapping.batch)
        .visibility_timeout(i32::try_from(mapping.timeout_s)? * 6)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All")
        .send()
        .await?;
    let messages = received.messages();
    if messages.is_empty() {
        return Ok(Fed { some: false, stay: false });
    }
    let event = to_raw_value(&event::of_queue(mapping, messages))?;
    let within = Duration::from_secs(u64::from(mapping.timeout_s) + 120);
    let stay = match shared.control.call(&mapping.function, &event, within).await {
        Ok(called) => staying(mapping, messages, &called),
        Err(error) => {
            eprintln!("bridge: queue {}: {error}", mapping.queue);
            ids(messages)
        }
    };
    for message in messages {
        let Some(receipt) = message.receipt_handle() else { continue };
        if message.message_id().is_some_and(|id| stay.contains(id)) {
            let visible = sqs.change_message_visibility().queue_url(&queue).receipt_handle(receipt);
            visible.visibility_timeout(STAYS_S).send().await?;
        } else {
            sqs.delete_message().queue_url(&queue).receipt_handle(receipt).send().await?;
        }
    }
    Ok(Fed { some: true, stay: !stay.is_empty() })
}

fn ids(messages: &[Message]) -> BTreeSet<String> {
    messages.iter().filter_map(|message| message.message_id()).map(str::to_owned).collect()
}

/// The messages that stay in the queue: those that the answer names; all if it names none of them rightly, or there is none.
fn staying(mapping: &Mapping, messages: &[Message], called: &Called) -> BTreeSet<String> {
    let all = ids(messages);
    let answer = match called {
        Called::Answered(answer) => answer,
        Called::Failed { .. } => return all,
    };
    if !mapping.partial || answer.trim().is_empty() {
        return BTreeSet::new();
    }
    let Ok(answer) = serde_json::from_str::<Value>(answer) else { return all };
    let Some(failures) = answer.get("batchItemFailures").filter(|failures| !failures.is_null()) else {
        return BTreeSet::new();
    };
    let named: Option<BTreeSet<String>> = failures.as_array().and_then(|failures| {
        failures.iter().map(|failure| failure["itemIdentifier"].as_str().map(str::to_owned)).collect()
    });
    match named {
        Some(named) if named.is_subset(&all) => named,
        _ => all,
    }
}

/// The URL of a queue, of which moto reads the end.
pub(super) fn url(arn: &str) -> Result<String, Wrong> {
    let mut parts = arn.split(':').skip(3);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(region), Some(account), Some(name)) => {
            Ok(format!("https://sqs.{region}.amazonaws.com/{account}/{name}"))
        }
        _ => Err(format!("`{arn}` is no ARN of a queue").into()),
    }
}
