//! What the bootstrap of the smallest workflow weighs and how long it takes to start, beside an empty one.
//!
//! ```text
//! cargo bench -p caribou-start
//! ```
//!
//! It builds the one with `caribou build`, the other with the same profile (or takes `caribou-smallest` and `caribou-empty` from
//! the folder that `CARIBOU_BOOTSTRAPS` names), and starts them by turns: the empty one is `lambda_runtime` and a handler that returns its event, the other runs a stage
//! whose message came from SNS (claim it in DynamoDB, call the function, record the outcome, publish to the next). The
//! services are stand-ins on loopback without TLS that answer at once, so the time is the bootstrap's. On AWS itself the
//! first TLS connection comes on top, with the root certificates that it reads.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use caribou_start::Outcome;
use caribou_start::services::Services;
use caribou_start::start::{Start, start};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

const STARTS: usize = 100;
const BOOTSTRAPS: [&str; 2] = ["caribou-empty", "caribou-smallest"];

/// What is told of a start.
type Figure = fn(&Start) -> f64;

fn main() -> ExitCode {
    // `cargo test --benches` is no time to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Outcome<()> {
    let [empty, smallest] = match std::env::var_os("CARIBOU_BOOTSTRAPS") {
        Some(folder) => BOOTSTRAPS.map(|name| Path::new(&folder).join(name)),
        None => build()?,
    };
    let services = Services::start()?;
    let event = stage_event(&smallest, &services)?;
    let (mut bare, mut full) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        bare.push(start(&empty, "add", services.address, &event)?);
        full.push(start(&smallest, "add", services.address, &event)?);
    }
    let seen = services.take();
    let of_one = seen.operations.len() / STARTS;
    println!("a stage: {}", seen.operations.get(..of_one).unwrap_or_default().join(", "));
    println!("median (95th percentile) of {STARTS} starts each, by turns");
    println!("{:<22}{:>16}{:>16}{:>9}", "", "empty", "smallest", "ratio");
    line("binary, MB", &[size(&empty)?], &[size(&smallest)?]);
    line("zipped, MB", &[zipped(&empty)?], &[zipped(&smallest)?]);
    let column = |starts: &[Start], figure: Figure| starts.iter().map(figure).collect::<Vec<_>>();
    let rows: [(&str, Figure); 3] = [
        ("first question, ms", |start| milliseconds(start.asked)),
        ("first event done, ms", |start| milliseconds(start.answered)),
        ("resident, MB", |start| start.resident as f64 / 1e6),
    ];
    for (name, figure) in rows {
        line(name, &column(&bare, figure), &column(&full, figure));
    }
    Ok(())
}

/// Builds both: the smallest workflow's as its author would, the empty one with the same profile.
fn build() -> Outcome<[PathBuf; 2]> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let package = workspace.join("tests/smallest");
    let cargo = || {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&workspace).stderr(Stdio::inherit());
        command
    };
    let said = |command: &mut Command| -> Outcome<String> {
        let output = command.output()?;
        let text = String::from_utf8(output.stdout)?;
        if output.status.success() {
            Ok(text)
        } else {
            Err(format!("the bootstraps do not build: {text}").into())
        }
    };
    let caribou = said(cargo().args(["run", "-p", "caribou-cli", "--", "build", "--json"]).arg(&package))?;
    let built: Value = serde_json::from_str(&caribou)?;
    let smallest = built["workflows"][0]["archives"][0]["executable"].as_str().ok_or("no executable")?;
    let messages = said(
        cargo()
            .args(["build", "--profile", "lambda", "--bin", "caribou-empty", "--message-format=json"])
            .arg("--manifest-path")
            .arg(workspace.join("tests/start/Cargo.toml")),
    )?;
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let empty = messages.find_map(|message| message["executable"].as_str().map(PathBuf::from));
    Ok([empty.ok_or("cargo names no executable")?, smallest.into()])
}

/// What Lambda hands to the first stage's function: the message that the entry publishes, in SNS's wrapping.
fn stage_event(bootstrap: &Path, services: &Services) -> Outcome<String> {
    let request =
        json!({ "caribou": 1, "request": { "workflow": "smallest", "run": "measured", "input": 3 } });
    start(bootstrap, "add", services.address, &request.to_string())?;
    let seen = services.take();
    println!("an entry: {}", seen.operations.join(", "));
    let message = seen.published.first().ok_or("the entry publishes nothing")?;
    Ok(json!({ "Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:measured:1",
        "Sns": { "Type": "Notification", "MessageId": "m-1", "TopicArn": "arn:aws:sns:us-east-1:123456789012:measured",
            "Subject": null, "Message": message, "Timestamp": "2026-01-01T00:00:00.000Z", "MessageAttributes": {} },
    }] })
    .to_string())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn size(path: &Path) -> Outcome<f64> {
    Ok(std::fs::metadata(path)?.len() as f64 / 1e6)
}

/// The size of the archive that `caribou build` makes.
fn zipped(path: &Path) -> Outcome<f64> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", SimpleFileOptions::default().compression_level(Some(9)))?;
    zip.write_all(&std::fs::read(path)?)?;
    Ok(zip.finish()?.into_inner().len() as f64 / 1e6)
}

fn line(name: &str, empty: &[f64], smallest: &[f64]) {
    let ratio = percentile(smallest, 50) / percentile(empty, 50);
    println!("{name:<22}{:>16}{:>16}{ratio:>8.2}x", told(empty), told(smallest));
}

fn told(figures: &[f64]) -> String {
    match figures {
        [only] => format!("{only:.2}"),
        _ => format!("{:.1} ({:.1})", percentile(figures, 50), percentile(figures, 95)),
    }
}

fn percentile(figures: &[f64], share: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) * share / 100).copied().unwrap_or(f64::NAN)
}
