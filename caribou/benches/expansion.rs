//! What the attributes cost an author at every `cargo check`: a workflow of 30 stages with them, and the same code without.
//!
//! `cargo bench -p caribou --bench expansion`. The two are checked in turns, so that whatever else the machine does, it
//! does to both.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const STAGES: usize = 30;
const ROUNDS: usize = 15;

fn main() {
    // `cargo test` builds benches as well, and runs them with `--test`
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("expansion");
    if let Err(error) = measure(&folder) {
        eprintln!("cannot measure in {}: {error}", folder.display());
        std::process::exit(1);
    }
}

fn measure(folder: &Path) -> std::io::Result<()> {
    let source = write(folder)?;
    let variants = [("without", &[][..]), ("with", &["--features", "attributes"][..])];
    for (name, features) in variants {
        check(folder, name, features)?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for ((name, features), times) in variants.iter().zip(&mut times) {
            let text = std::fs::read(&source)?;
            std::fs::write(&source, text)?;
            times.push(check(folder, name, features)?);
        }
    }
    let [without, with] = times.map(median);
    println!("a workflow of {STAGES} stages, `cargo check` after a change, median of {ROUNDS}:");
    println!("  without the attributes {:>7.1} ms", without.as_secs_f64() * 1e3);
    println!("  with the attributes    {:>7.1} ms", with.as_secs_f64() * 1e3);
    println!(
        "  the attributes cost    {:>7.1} ms, a factor of {:.2}",
        (with.as_secs_f64() - without.as_secs_f64()) * 1e3,
        with.as_secs_f64() / without.as_secs_f64()
    );
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn check(folder: &Path, name: &str, features: &[&str]) -> std::io::Result<Duration> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["check", "--offline", "--quiet"]).args(features);
    command.current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target").join(name));
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed();
    if status.success() { Ok(took) } else { Err(std::io::Error::other("`cargo check` failed")) }
}

/// Writes the package; tells where its source is.
fn write(folder: &Path) -> std::io::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(folder.join("src"))?;
    std::fs::copy(here.join("../Cargo.lock"), folder.join("Cargo.lock"))?;
    std::fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"expansion\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[features]\nattributes = []\n\n\
             [dependencies]\ncaribou = {{ path = {:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
             [workspace]\n",
            here.to_string_lossy()
        ),
    )?;
    let source = folder.join("src/lib.rs");
    std::fs::write(&source, program())?;
    Ok(source)
}

/// 30 stages: chains, sync nodes, branches, matches, maps and early exits.
fn program() -> String {
    let mut text = String::from(
        "use caribou::prelude::*;\n\n\
         #[derive(Clone, serde::Serialize, serde::Deserialize)]\n\
         pub struct Parcel { pub id: u64, pub text: String, pub parts: Vec<u64> }\n\n",
    );
    for stage in 0..STAGES {
        let _ = writeln!(
            text,
            "#[cfg_attr(feature = \"attributes\", caribou::function)]\n\
             pub async fn stage_{stage}(parcel: Parcel, extra: u64) -> Result<Parcel> {{\n\
             \x20   Ok(Parcel {{ id: parcel.id + extra, ..parcel }})\n}}\n"
        );
    }
    text += "#[cfg_attr(feature = \"attributes\", caribou::workflow)]\npub async fn press(input: Parcel) -> Result<Parcel> {\n    let p = input;\n";
    for group in 0..STAGES / 5 {
        let first = group * 5;
        let [second, third, fourth, fifth] = [1, 2, 3, 4].map(|n| first + n);
        let _ = writeln!(
            text,
            "    let left = stage_{first}(p.clone(), {first}).await?;\n\
             \x20   let right = stage_{second}(p.clone(), left.id).await?;\n\
             \x20   if right.id == {first} {{ return Ok(right); }}\n\
             \x20   let chosen = match right.parts.first() {{\n\
             \x20       Some(part) if *part > 3 => stage_{third}(right.clone(), *part).await?,\n\
             \x20       _ => left.clone(),\n\
             \x20   }};\n\
             \x20   let parts = caribou::map(chosen.parts.clone(), |part| stage_{fourth}(left.clone(), part)).await?;\n\
             \x20   let total = parts.iter().map(|part| part.id).sum::<u64>() + right.id;\n\
             \x20   let p = stage_{fifth}(chosen, total).await?;"
        );
    }
    text + "    Ok(p)\n}\n"
}
