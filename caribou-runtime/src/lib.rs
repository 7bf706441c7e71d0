//! The shim inside every function instance: messages, routing, claims, sync nodes, ports and their adapters.
