//! A search that the user may stop.

use indicatif::ProgressBar;

use crate::terminal::Terminal;

/// Says what was lost, if it goes before the work was done.
pub(super) struct Work {
    spinner: ProgressBar,
    terminal: Terminal,
    done: bool,
}

impl Work {
    pub(super) fn begin(terminal: Terminal, what: String) -> Self {
        Self { spinner: terminal.spinner(what), terminal, done: false }
    }

    pub(super) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
        if !self.done {
            self.terminal.note(
                "Stopped. Nothing was lost: what was learned stays where it is, and the last answer too. For an answer \
                 after a fixed time, whatever it is by then, give --time-limit.",
            );
        }
    }
}
