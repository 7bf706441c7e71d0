//! The shim under simulation, and event by event.

mod first_law;
mod protocol;
mod workflows;
