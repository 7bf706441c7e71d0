//! A port call as a question to the world, and its answer.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use caribou_runtime::model::{NodeId, Region, Timestamp};
use caribou_runtime::port::{BlobError, Condition, Item, Put, SendError, StageAddress, StoreError};

/// What an invocation asks of the world.
#[derive(Clone, Debug)]
pub enum Question {
    /// Send a message.
    Send {
        /// Where to.
        to: StageAddress,
        /// What.
        body: String,
        /// Not to be delivered earlier.
        not_before: Option<Timestamp>,
    },
    /// Read an item.
    Get(Place),
    /// Write an item.
    Put(Place, Bytes, Condition),
    /// Add to a set.
    Add(Place, u32),
    /// Read a blob. There are none: no value here is large.
    Blob(Place),
    /// Wait.
    Sleep,
}

/// Where something lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// In which region.
    pub region: Region,
    /// Under which key.
    pub key: String,
}

/// What the world answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Question::Send`].
    Sent(Result<(), SendError>),
    /// To [`Question::Get`].
    Item(Result<Option<Item>, StoreError>),
    /// To [`Question::Put`].
    Put(Result<Put, StoreError>),
    /// To [`Question::Add`].
    Set(Result<BTreeSet<u32>, StoreError>),
    /// To [`Question::Blob`].
    Blob(BlobError),
    /// To [`Question::Sleep`].
    Slept,
}

impl Question {
    /// Tells questions apart.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{self:?}").hash(&mut hasher);
        hasher.finish()
    }

    /// The node whose claim it writes.
    pub fn claimed(&self) -> Option<NodeId> {
        let Self::Put(at, ..) = self else { return None };
        let (_, place) = at.key.split_once("/claim/")?.1.rsplit_once('/')?;
        let node = place.split('.').next()?;
        node.parse().ok().map(NodeId)
    }

    /// What comes back instead of the answer when that is lost.
    pub fn lost(&self) -> Option<Answer> {
        let cause = || "the answer was lost".to_owned();
        let store =
            |at: &Place, operation| StoreError { region: at.region.clone(), operation, cause: cause(), refused: false };
        match self {
            Self::Send { to, .. } => {
                Some(Answer::Sent(Err(SendError::Ambiguous { region: to.region.clone(), cause: cause() })))
            }
            Self::Get(at) => Some(Answer::Item(Err(store(at, "get")))),
            Self::Put(at, ..) => Some(Answer::Put(Err(store(at, "put")))),
            Self::Add(at, _) => Some(Answer::Set(Err(store(at, "add")))),
            Self::Blob(_) | Self::Sleep => None,
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { to, .. } => write!(f, "send to {} in {}", to.function, to.region.code()),
            Self::Get(at) => write!(f, "get {}", at.key),
            Self::Put(at, _, condition) => write!(f, "put {} if {condition:?}", at.key),
            Self::Add(at, member) => write!(f, "add {member} to {}", at.key),
            Self::Blob(at) => write!(f, "get blob {}", at.key),
            Self::Sleep => write!(f, "sleep"),
        }
    }
}
