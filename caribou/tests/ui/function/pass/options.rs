//! Every option, and what it becomes.

use caribou::__private::{Architecture, Function};
use caribou::prelude::*;

#[caribou::function(
    name = "press-all",
    memory = "2 GB",
    timeout = "5min",
    ephemeral_storage = 1024,
    architecture = "arm64",
    regions(allow = ["us-east-1", "aws:ca-central-1"], deny = ["us-west-1"]),
    environment(LOG = "info", "MODEL_2" = "small", r#type = "x"),
    retries = 0,
    idempotent,
    crate = ::caribou,
)]
async fn press(text: String) -> Result<String> {
    Ok(text)
}

#[caribou::function]
async fn plain() -> Result<()> {
    Ok(())
}

macro_rules! function {
    ($name:ident, $memory:expr, $timeout:literal) => {
        #[caribou::function(memory = $memory, timeout = $timeout)]
        async fn $name() -> Result<()> {
            Ok(())
        }
    };
}
function!(made, 512, "1 m");

fn main() {
    let spec = press::spec();
    assert_eq!((spec.name.as_str(), spec.memory_mb, spec.timeout_s), ("press-all", 2048, 300));
    assert_eq!((spec.ephemeral_storage_mb, spec.architecture), (1024, Architecture::Arm64));
    let codes: Vec<&str> = spec.allow.iter().chain(&spec.deny).map(|region| region.code()).collect();
    assert_eq!(codes, ["us-east-1", "ca-central-1", "us-west-1"]);
    let variables: Vec<(&str, &str)> =
        spec.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(variables, [("LOG", "info"), ("MODEL_2", "small"), ("type", "x")]);
    assert!(spec.retries == 0 && spec.idempotent);

    let spec = plain::spec();
    assert_eq!((spec.memory_mb, spec.timeout_s, spec.ephemeral_storage_mb, spec.retries), (1769, 60, 512, 2));
    assert_eq!((made::spec().memory_mb, made::spec().timeout_s), (512, 60));
}
