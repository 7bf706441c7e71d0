//! What an instance prints: everything to the function's log, telemetry to that of telemetry too.

use std::io::{self, PipeReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::unix::pipe::Receiver;

use crate::disk::Disk;
use crate::logs::Log;
use crate::scheduler::InstanceId;
use crate::telemetry;

/// The longest line that is kept whole, in bytes.
const LONGEST_LINE: usize = 1 << 20;
/// Bytes of the last words that are kept for the reason of a crash, and those that are told.
const LAST_WORDS: usize = 16 * 1024;
const TOLD: usize = 1000;

/// Both outputs of one instance.
pub(crate) struct Output {
    stdout: Mutex<Source>,
    stderr: Mutex<Source>,
    last_words: Mutex<String>,
    instance: InstanceId,
    log: Arc<Log>,
    disk: Disk,
}

struct Source {
    pipe: PipeReader,
    partial: Vec<u8>,
}

impl Output {
    /// The outputs behind these pipes, read as they fill in tasks of the current runtime.
    pub(crate) fn follow(
        instance: InstanceId,
        stdout: PipeReader,
        stderr: PipeReader,
        log: Arc<Log>,
        disk: Disk,
    ) -> io::Result<Arc<Self>> {
        let receivers = [
            Receiver::from_owned_fd(stdout.try_clone()?.into())?,
            Receiver::from_owned_fd(stderr.try_clone()?.into())?,
        ];
        let source = |pipe| Mutex::new(Source { pipe, partial: Vec::new() });
        let last_words = Mutex::new(String::new());
        let output = Arc::new(Self {
            stdout: source(stdout),
            stderr: source(stderr),
            last_words,
            instance,
            log,
            disk,
        });
        let [stdout, stderr] = receivers;
        tokio::spawn(follow(Arc::clone(&output), stdout, |output| &output.stdout));
        tokio::spawn(follow(Arc::clone(&output), stderr, |output| &output.stderr));
        Ok(output)
    }

    /// Takes in everything that was printed before this call. What it was told to write is submitted to the disk
    /// before it returns, and so is on disk before whatever is submitted after it.
    pub(crate) fn drain(&self) {
        for source in [&self.stdout, &self.stderr] {
            let mut source = lock(source);
            let Source { pipe, partial } = &mut *source;
            read_lines(|buffer| pipe.read(buffer), partial, |lines| self.take(lines));
        }
    }

    /// The last that was printed besides telemetry; of a panic its message rather than the end of its backtrace.
    pub(crate) fn last_words(&self) -> String {
        last_words(lock(&self.last_words).trim()).to_owned()
    }

    fn take(&self, lines: Vec<String>) {
        for line in &lines {
            self.log.append(self.instance, line);
        }
        let (telemetry, other): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| telemetry::is_telemetry(line));
        if !telemetry.is_empty() {
            self.disk.submit(
                move |tables| telemetry::append(&telemetry, tables),
                |outcome| {
                    if let Err(error) = outcome {
                        tracing::error!(%error, "lines of telemetry are lost");
                    }
                },
            );
        }
        for line in other {
            let mut words = lock(&self.last_words);
            words.push_str(&line);
            words.push('\n');
            if words.len() > LAST_WORDS {
                let cut = words.ceil_char_boundary(words.len() - LAST_WORDS);
                words.drain(..cut);
            }
        }
    }
}

fn last_words(text: &str) -> &str {
    if let Some(panic) = text.rfind(" panicked at ") {
        let start = text[..panic].rfind('\n').map_or(0, |end| end + 1);
        let told = &text[start..];
        let told = told.split_once("\nstack backtrace:").map_or(told, |(message, _)| message);
        return &told[..told.floor_char_boundary(TOLD)];
    }
    &text[text.ceil_char_boundary(text.len().saturating_sub(TOLD))..]
}

async fn follow(output: Arc<Output>, receiver: Receiver, source: fn(&Output) -> &Mutex<Source>) {
    let mut open = true;
    while open && receiver.readable().await.is_ok() {
        let mut source = lock(source(&output));
        open =
            read_lines(|buffer| receiver.try_read(buffer), &mut source.partial, |lines| output.take(lines));
    }
}

/// Reads what is there, and takes it in by whole lines. `false` when the other end is closed.
fn read_lines(
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    partial: &mut Vec<u8>,
    mut take: impl FnMut(Vec<String>),
) -> bool {
    let mut buffer = [0; 16 * 1024];
    loop {
        match read(&mut buffer) {
            Ok(0) => {
                if !partial.is_empty() {
                    take(vec![line(&std::mem::take(partial))]);
                }
                return false;
            }
            Ok(count) => {
                partial.extend_from_slice(&buffer[..count]);
                take(whole_lines(partial));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

fn whole_lines(partial: &mut Vec<u8>) -> Vec<String> {
    let end = match partial.iter().rposition(|byte| *byte == b'\n') {
        Some(last) => last + 1,
        None if partial.len() > LONGEST_LINE => partial.len(),
        None => return Vec::new(),
    };
    let rest = partial.split_off(end);
    let whole = std::mem::replace(partial, rest);
    let whole = whole.strip_suffix(b"\n").unwrap_or(&whole);
    whole.split(|byte| *byte == b'\n').map(line).collect()
}

fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_panic_the_message_is_told_and_else_the_end() {
        let panic = "thread 'main' (7) panicked at src/main.rs:1:1:\nno luck";
        let printed = format!("before\n{panic}\nstack backtrace:\n   0: somewhere");
        assert_eq!(last_words(&printed), panic);
        assert_eq!(last_words(&"x".repeat(2 * TOLD)).len(), TOLD);
    }

    #[test]
    fn output_is_taken_in_by_whole_lines() {
        let mut partial = b"one\ntwo\nthr".to_vec();
        assert_eq!(whole_lines(&mut partial), ["one", "two"]);
        assert_eq!(whole_lines(&mut partial), Vec::<String>::new());
        partial.extend(b"ee\n");
        assert_eq!(whole_lines(&mut partial), ["three"]);
    }
}
