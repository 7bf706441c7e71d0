//! The deployer against moto's AWS. The variable `MOTO_SERVER` names moto's program; without it the tests say that they are
//! skipped, and with `CARIBOU_MOTO=require` they fail.

#![allow(clippy::unwrap_used, reason = "tests")]

mod deploying;
mod desk;
mod drift;
mod everything;
mod interruption;
mod moto;
mod removal;
mod wire;
mod workflow;
