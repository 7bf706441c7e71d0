//! Workflows on AWS's own interfaces, on one machine.
