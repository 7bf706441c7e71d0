//! Asks the user before something is changed.

use std::io::{BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Asks a question and waits for the answer, which has to be this word. Whoever is not there to answer says `--yes`
/// beforehand.
pub(crate) async fn ask(question: &str, word: &str) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(
            "nobody is there to be asked: standard input is no terminal; say --yes if you know what is going to happen"
                .to_owned(),
        ));
    }
    let _ = write!(std::io::stderr().lock(), "{question} ");
    // a thread of its own, so that Ctrl-C ends the wait
    let (answered, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _ = answered.send(read.map(|_| line));
    });
    match answer.await {
        Ok(Ok(line)) => Ok(line.trim().eq_ignore_ascii_case(word)),
        Ok(Err(cause)) => Err(CliError::File { path: "standard input".into(), cause }),
        Err(_) => Ok(false),
    }
}
