//! What a bootstrap meets when it starts on Lambda, in one process on loopback and as quick as can be, so that nearly all
//! of the time that passes is the bootstrap's own.
//!
//! | module | what it holds |
//! |---|---|
//! | [`http`] | a server of HTTP/1.1, a thread for each connection |
//! | [`runtime_api`] | a host of the Lambda Runtime API with one event to give |
//! | [`services`] | stand-ins for DynamoDB and SNS, which keep nothing |
//! | [`start`] | one start of a bootstrap |

pub mod http;
pub mod runtime_api;
pub mod services;
pub mod start;

/// What goes wrong while measuring.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
