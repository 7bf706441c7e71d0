//! The shim under simulation, and event by event.

#[cfg(test)]
mod caught;
#[cfg(test)]
mod change;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod first_law;
#[cfg(test)]
mod idempotent;
#[cfg(test)]
mod letters;
#[cfg(test)]
mod map;
#[cfg(test)]
mod map_workflows;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod overhead;
#[cfg(test)]
mod patience;
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
mod versions;
#[cfg(test)]
mod warm;
#[cfg(test)]
mod workflows;
