//! What becomes of a message after an attempt at it.

use std::sync::Arc;

use bytes::Bytes;
use caribou_runtime::local::SystemClock;
use caribou_runtime::port::{Clock, StageAddress};

use super::Platform;
use crate::message::{self, Failure, Verdict};

impl Platform {
    /// Removes a message that was handled, and tells its caller, if it has one, what the function answered.
    pub(super) fn complete(self: &Arc<Self>, number: u64, address: StageAddress, answer: Bytes) {
        if self.answer(number, &address, Ok(answer)).is_none() {
            return;
        }
        let platform = Arc::clone(self);
        self.disk.submit(
            move |tables| message::complete(number, tables),
            move |outcome| match outcome {
                Ok(()) => platform.settle(&address),
                Err(error) => tracing::error!(%error, "a message will be delivered again after a restart"),
            },
        );
    }

    /// Notes a failed attempt at a message.
    pub(super) fn fail(self: &Arc<Self>, number: u64, address: StageAddress, failure: Failure) {
        let Some(Err(failure)) = self.answer(number, &address, Err(failure)) else { return };
        let on_failure = self.on_failure(&address);
        let platform = Arc::clone(self);
        let threads = tokio::runtime::Handle::current();
        self.disk.submit(
            move |tables| message::fail(number, failure, &on_failure, SystemClock.now(), tables),
            move |outcome| match outcome {
                Ok(Verdict { again, dead_letter, notice }) => {
                    let mut state = platform.state();
                    state.dead_letters += usize::from(dead_letter);
                    if let Some(not_before) = again {
                        state.scheduler.enqueue(number, &address, not_before);
                        drop(state);
                        platform.work.notify_one();
                    } else if notice {
                        drop(state);
                        threads.spawn(platform.notify(number, address));
                    } else {
                        drop(state);
                        platform.settle(&address);
                    }
                }
                Err(error) => tracing::error!(%error, "a message will be delivered again after a restart"),
            },
        );
    }

    pub(super) fn settle(&self, address: &StageAddress) {
        self.state().scheduler.settle(address);
        self.unsettled.send_modify(|count| *count = count.saturating_sub(1));
    }
}
