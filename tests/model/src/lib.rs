//! A model check of the protocol: the shim itself, in every interleaving of its port calls with a few duplicates and faults.
//!
//! Nothing is modelled but the world around the shim. A *state* holds what the store has, which messages are on their way, and
//! for each invocation the answers that its port calls got so far; the invocation is what the shim makes of these answers,
//! and is made again from them whenever it takes a step. So states can be compared, and each is looked at once.
//!
//! From every state these *steps* lead on: any invocation's next port call is answered (of several that it makes at a time,
//! any); while there are duplicates left, a message that is sent is delivered twice; while there are faults left, a port
//! call has its effect and its answer is lost, or an invocation is given up by the platform, which delivers its event again
//! (what was given up may go on at any later time, or never: a crash and a frozen instance are the same here); when only
//! parked messages are left, time passes until the first of them is due.
//!
//! | module | what it holds |
//! |---|---|
//! | [`workflows`] | what is run: small workflows in which every value says which attempt made it |
//! | [`call`], [`ports`] | a port call as a question, and its answer |
//! | [`invocation`] | one delivery of an event and the answers that it got |
//! | [`state`] | the store, the invocations, the faults that are left; the steps from it |
//! | [`law`] | what must hold in every state, and where nothing is left to do |
//! | [`reduction`] | which orders of steps make no difference |
//! | [`explorer`] | the search, and the way to a violation |
//! | [`variant`] | protocols that are broken on purpose, which the checks must find |

pub mod call;
pub mod explorer;
pub mod invocation;
pub mod law;
pub mod ports;
pub mod reduction;
pub mod state;
pub mod variant;
pub mod workflows;

pub use explorer::{Explored, Model, Violation};
pub use variant::Variant;
