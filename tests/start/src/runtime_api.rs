//! The Lambda Runtime API for one instance and one event.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::http::{Answer, Request, serve};

/// A host that gives its one event to whoever asks first.
#[derive(Debug)]
pub struct RuntimeApi {
    /// Where it listens.
    pub address: SocketAddr,
    /// What was called, and when.
    pub calls: Receiver<Call>,
}

/// A call to it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its path.
    pub path: String,
    /// What was sent.
    pub body: String,
    /// When.
    pub at: Instant,
}

impl RuntimeApi {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// What the system says where there is no port.
    pub fn with(event: String) -> std::io::Result<Self> {
        let (tell, calls) = channel();
        let event = Mutex::new(Some(event));
        let address = serve(move |Request { path, body, at, .. }: Request| -> Answer {
            let next = path.ends_with("/invocation/next");
            // nobody listens any more once the first event is handled
            let _ = tell.send(Call { path, body, at });
            if !next {
                return Some((String::new(), String::new()));
            }
            let event = event.lock().ok()?.take()?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            let deadline = now.as_millis() + 60_000;
            let headers = format!(
                "content-type: application/json\r\nlambda-runtime-aws-request-id: measure\r\n\
                 lambda-runtime-deadline-ms: {deadline}\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:123456789012:function:measured\r\n"
            );
            Some((headers, event))
        })?;
        Ok(Self { address, calls })
    }
}
