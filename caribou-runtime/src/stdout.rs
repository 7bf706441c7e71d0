//! Telemetry to standard output, where the platform collects it.

use std::io::Write;

use caribou_model::StageRecord;

use crate::port::Telemetry;

/// Writes every record as one line of JSON, in one piece.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stdout;

impl Telemetry for Stdout {
    fn record(&self, record: &StageRecord) {
        let Ok(mut line) = serde_json::to_vec(record) else {
            tracing::error!(run = %record.run, stage = record.stage, "a telemetry record is no JSON; it is lost");
            return;
        };
        line.push(b'\n');
        let mut stdout = std::io::stdout().lock();
        if let Err(error) = stdout.write_all(&line).and_then(|()| stdout.flush()) {
            tracing::error!(run = %record.run, stage = record.stage, %error, "a telemetry record is lost");
        }
    }
}
