//! Notes every call of a function, plain or deployed.
//!
//! A simulation runs on one thread, and its shims say which attempt they are about to make just before they call the
//! function. A call that nobody announced is one of a plain call.

use std::cell::RefCell;
use std::sync::Arc;

use caribou::{Context, Error, Result};
use caribou_runtime::model::StageRecord;
use caribou_runtime::port::{Ports, Telemetry};
use serde::Serialize;

thread_local! {
    static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
    static ANNOUNCED: RefCell<Option<Attempt>> = const { RefCell::new(None) };
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The attempt it was; nothing for a plain call.
    pub attempt: Option<Attempt>,
    /// The function.
    pub function: &'static str,
    /// Its arguments, as JSON.
    pub arguments: String,
    /// Why it refused them, if it did.
    pub refusal: Option<String>,
}

/// Whose function is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The run.
    pub run: String,
    /// The stage.
    pub stage: String,
}

impl Note {
    /// Function and arguments.
    pub fn call(&self) -> String {
        format!("{}{}", self.function, self.arguments)
    }
}

/// Takes what was noted since the last time.
pub fn take() -> Vec<Note> {
    ANNOUNCED.take();
    NOTES.take()
}

/// Notes a call; functions go through it.
pub fn noted<T>(
    function: &'static str,
    arguments: &impl Serialize,
    result: std::result::Result<T, String>,
) -> Result<T> {
    let arguments = serde_json::to_string(arguments)?;
    let refusal = result.as_ref().err().cloned();
    let note = Note { attempt: ANNOUNCED.take(), function, arguments, refusal };
    NOTES.with_borrow_mut(|notes| notes.push(note));
    result.map_err(Error::permanent)
}

/// Listens to what shims announce.
pub fn listen(ports: Ports) -> Ports {
    Ports { telemetry: Arc::new(Recorder(ports.telemetry.clone())), ..ports }
}

struct Recorder(Arc<dyn Telemetry>);

impl Telemetry for Recorder {
    fn record(&self, record: &StageRecord) {
        self.0.record(record);
    }

    fn started(&self, attempt: &Context) {
        let (run, stage) = (attempt.run.to_string(), attempt.stage.clone());
        ANNOUNCED.set(Some(Attempt { run, stage }));
        self.0.started(attempt);
    }
}
