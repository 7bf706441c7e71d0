//! Renders photographs as PNG files of two to three megabytes, every other one by night.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use image_press::scene::{Light, Scene};

const USAGE: &str = "usage: image-press-render --out DIR --count N [--seed S]

Renders N photographs into DIR as photo-0001.png and so on, by day and by night in turn.
The same seed (1 unless given) always gives the same files.";

/// Width and height of a photograph, in pixels.
const SIZE: (u32, u32) = (1440, 960);

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Order {
    out: PathBuf,
    count: u32,
    seed: u64,
}

impl Order {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut out, mut count, mut seed) = (None, None, 1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--out" => out = Some(PathBuf::from(value()?)),
                "--count" => count = Some(number(&argument, &value()?)?),
                "--seed" => seed = number(&argument, &value()?)?,
                _ => return Err(format!("unknown argument `{argument}`")),
            }
        }
        Ok(Self { out: out.ok_or("--out is missing")?, count: count.ok_or("--count is missing")?, seed })
    }
}

fn number<T: std::str::FromStr<Err: std::fmt::Display>>(argument: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|e| format!("{argument} `{text}`: {e}"))
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let order = match Order::parse(std::env::args().skip(1)) {
        Ok(order) => order,
        Err(fault) => {
            eprintln!("{fault}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match render(&order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn render(order: &Order) -> Result<(), String> {
    let unwritable = |path: &Path, e: std::io::Error| format!("{} cannot be written: {e}", path.display());
    std::fs::create_dir_all(&order.out).map_err(|e| unwritable(&order.out, e))?;
    for index in 0..order.count {
        let light = if index % 2 == 0 { Light::Day } else { Light::Night };
        let seed = order.seed.wrapping_mul(0x1_0000_0001).wrapping_add(index.into());
        let file = Scene { seed, light }.png(SIZE.0, SIZE.1).map_err(|e| e.to_string())?;
        let path = order.out.join(format!("photo-{:04}.png", index + 1));
        std::fs::write(&path, file).map_err(|e| unwritable(&path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Order, String> {
        Order::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_seed_may_be_left_out() {
        let order = Order { out: "photos".into(), count: 12, seed: 1 };
        assert_eq!(parse("--out photos --count 12"), Ok(order));
    }

    #[test]
    fn a_faulty_command_line_is_explained() {
        assert_eq!(parse("--out photos").unwrap_err(), "--count is missing");
        assert_eq!(parse("--out").unwrap_err(), "--out needs a value");
        assert!(parse("--out photos --count many").unwrap_err().starts_with("--count `many`: "));
        assert!(parse("--bogus").unwrap_err().contains("--bogus"));
    }
}
