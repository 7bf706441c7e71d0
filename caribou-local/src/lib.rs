//! The embedded cloud: regions, topics, stores, blobs and a Lambda Runtime API host on one machine.
//!
//! What a developer sees here is what happens on AWS, less the bill: the *real bootstraps* run as processes, one per
//! function, region and concurrent event, behind the Lambda Runtime API; messages are delivered at least once as SNS
//! events; calls between regions take as long as the latency table says. Everything is on disk before it is
//! acknowledged, and a restart loses nothing.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cloud`], [`config`] | [`Cloud`]: starts and ends it |
//! | [`control`] | [`Control`]: deploys, watches, asks for faults |
//! | `server` | the interfaces on one port: `runtime_api`, `region_api`, `control_api` |
//! | `platform` | deployments, topics and instances behind them |
//! | `scheduler` | which event goes to which instance, and when |
//! | `instance`, `output` | one process, and what it prints |
//! | `message`, `event` | what waits in a queue; the event that Lambda makes of it |
//! | `services` | whose services a function uses, and what becomes of its failed events |
//! | `disk` | one writer that batches everything into few commits |
//! | `store`, `blobs`, `telemetry`, `logs` | what is kept |
//! | `distance`, [`faults`] | latencies; what goes wrong on demand |

pub mod cloud;
pub mod config;
pub mod control;
pub mod deployment;
pub mod error;
pub mod faults;

mod blobs;
mod control_api;
mod disk;
mod distance;
mod event;
mod instance;
mod logs;
mod message;
mod output;
mod platform;
mod refusal;
mod region_api;
mod runtime_api;
mod scheduler;
mod server;
mod services;
mod store;
mod telemetry;

pub use caribou_model as model;
pub use cloud::{Cloud, CloudStatus};
pub use config::Config;
pub use control::{Called, Control, ControlError};
pub use deployment::FunctionDeployment;
pub use disk::DiskUse;
pub use error::CloudError;
pub use faults::{FaultCounts, Faults};
pub use message::DeadLetter;
pub use services::{AsynchronousEvents, Services};
pub use telemetry::Telemetry;
