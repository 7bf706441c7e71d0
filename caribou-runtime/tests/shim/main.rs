//! The shim under simulation, and event by event.

#[cfg(test)]
mod first_law;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod workflows;
