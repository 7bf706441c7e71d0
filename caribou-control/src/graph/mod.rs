//! A workflow's graph as people look at it: as text, as Mermaid, as DOT, as SVG.
//!
//! All of these are pure functions of the [`Graph`](caribou_model::Graph), and say the same of it: stages, the
//! conditions under which an edge is taken, which nodes wait for several arrivals, and what is decided without a
//! function.
//!
//! ```
//! use caribou_model::Graph;
//! # let json = r#"{"workflow":"hello","version":"0.1.0","functions":[{"name":"greet","memory_mb":1769,
//! #   "timeout_s":60,"retries":2}],"nodes":[
//! #   {"name":"input","kind":"entry","slots":0,"output":"String"},
//! #   {"name":"greet","kind":{"stage":{"function":0}},"slots":1,"output":"String"},
//! #   {"name":"result","kind":"result","slots":1,"output":"String"}],
//! #   "edges":[{"from":0,"to":1,"slot":0},{"from":1,"to":2,"slot":0}]}"#;
//!
//! let graph: Graph = serde_json::from_str(json)?;
//! assert!(caribou_control::graph::mermaid(&graph).starts_with("flowchart LR\n"));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod dot;
mod label;
pub(crate) mod layout;
mod mermaid;
mod svg;
mod tree;

pub(crate) use label::{condition, shorten};
pub(crate) use svg::curve;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;
pub use tree::tree;

#[cfg(test)]
mod tests;
