//! What becomes of a message after an attempt at it.

use std::sync::Arc;

use caribou_runtime::local::SystemClock;
use caribou_runtime::port::{Clock, StageAddress};

use super::Platform;
use crate::message::{self, Failure, Verdict};

impl Platform {
    /// Removes a message that was handled.
    pub(super) fn complete(self: &Arc<Self>, number: u64, address: StageAddress) {
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
        let platform = Arc::clone(self);
        self.disk.submit(
            move |tables| message::fail(number, failure, SystemClock.now(), tables),
            move |outcome| match outcome {
                Ok(Verdict { again, dead_letter }) => {
                    let mut state = platform.state();
                    state.dead_letters += usize::from(dead_letter);
                    if let Some(not_before) = again {
                        state.scheduler.enqueue(number, &address, not_before);
                        drop(state);
                        platform.work.notify_one();
                    } else {
                        drop(state);
                        platform.settle(&address);
                    }
                }
                Err(error) => tracing::error!(%error, "a message will be delivered again after a restart"),
            },
        );
    }

    fn settle(&self, address: &StageAddress) {
        self.state().scheduler.settle(address);
        self.unsettled.send_modify(|count| *count = count.saturating_sub(1));
    }
}
