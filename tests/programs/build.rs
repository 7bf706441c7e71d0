//! Writes the programs that the test compiles.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use caribou_test_generator::Batch;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in [Batch::SEED, Batch::COUNT, Batch::FEATURES, Batch::EXCEPT] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let batch = Batch::from_env(|name| env::var(name).ok())?;
    let directory = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo says where to write")?);
    fs::write(directory.join("programs.rs"), batch.to_string())?;
    Ok(())
}
