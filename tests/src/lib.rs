//! End-to-end tests, laws and faults.
