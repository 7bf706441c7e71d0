//! The framework: collectors, learning, migration, deployment.
