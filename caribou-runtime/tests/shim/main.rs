//! The shim under simulation, and event by event.

#[cfg(test)]
mod caught;
#[cfg(test)]
mod first_law;
#[cfg(test)]
mod map;
#[cfg(test)]
mod map_workflows;
#[cfg(test)]
mod platform;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod shaky;
#[cfg(test)]
mod workflows;
