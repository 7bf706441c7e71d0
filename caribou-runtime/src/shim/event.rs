//! What the platform hands to an instance, and what becomes of it.

use caribou_model::{RunId, Timestamp};

/// One delivery of a message or a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The message's or request's text.
    pub body: String,
    /// The delivery's id: the same for every retry that the platform makes of it.
    pub request_id: String,
    /// The message's id: the same for every delivery of one publication. `None` if it did not come from a topic.
    pub message_id: Option<String>,
    /// When the platform will end this invocation.
    pub deadline: Timestamp,
    /// When this instance received it.
    pub received: Timestamp,
    /// Whether it is the first event of its instance.
    pub cold: bool,
}

/// What became of an event. In every case the platform may forget it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The stage is done, or failed for good and the run was told.
    Done,
    /// The work was done, or is being done, by another delivery.
    Duplicate,
    /// Another delivery is at work; the event was sent again, to be looked at when that one's lease has ended.
    Parked {
        /// When the lease ends.
        until: Timestamp,
    },
    /// A request was received, and its run is under way.
    Accepted {
        /// The run.
        run: RunId,
    },
}
