//! The embedded cloud as its users see it.

#[cfg(test)]
mod expiry;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod interfaces;
#[cfg(test)]
mod invocations;
