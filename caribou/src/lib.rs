//! Serverless workflows as ordinary Rust, each function in the region that suits it best.
