//! As much of an HTTP/1.1 server as clients of AWS need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its path.
    pub path: String,
    /// The header `x-amz-target`, which names an operation of DynamoDB; empty where there is none.
    pub target: String,
    /// Its body.
    pub body: String,
    /// When its head was read.
    pub at: Instant,
}

/// An answer: further headers, each with its line end, and the body. `None` leaves the client waiting.
pub type Answer = Option<(String, String)>;

/// Serves on a free port of loopback, for as long as this process lives.
///
/// # Errors
///
/// What the system says where there is no port.
pub fn serve(answer: impl Fn(Request) -> Answer + Send + Sync + 'static) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // a client that goes away ends its connection
            std::thread::spawn(move || converse(&stream, &*answer).unwrap_or_default());
        }
    });
    Ok(address)
}

fn converse(stream: &TcpStream, answer: &dyn Fn(Request) -> Answer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let at = Instant::now();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut target, mut length) = (String::new(), 0);
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => value.trim().clone_into(&mut target),
                "content-length" => length = value.trim().parse().unwrap_or(0),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let Some((headers, body)) = answer(Request { path, target, body, at }) else {
            std::thread::park();
            return Ok(());
        };
        let length = body.len();
        write!(&mut &*stream, "HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n{body}")?;
        line.clear();
    }
    Ok(())
}
