//! One moto for all tests of this program; each has an account of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server that ends with this process: its shell waits for the end of its input.
struct Server {
    url: String,
    _shell: Child,
}

/// How long moto may take to listen. It loads some hundred modules of Python first.
const START_WITHIN: Duration = Duration::from_mins(1);
const SCRIPT: &str = r#""$0" -H 127.0.0.1 -p "$1" >/dev/null 2>&1 & server=$!; cat >/dev/null; kill $server"#;

/// The URL of moto, and an account that nobody else uses. `None` if there is no moto: a notice was printed then.
pub(crate) fn account() -> Option<(&'static str, String)> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static ACCOUNTS: AtomicU32 = AtomicU32::new(1);
    let server = SERVER.get_or_init(start).as_ref()?;
    let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
    Some((&server.url, format!("{number:012}")))
}

fn start() -> Option<Server> {
    let Ok(program) = std::env::var("MOTO_SERVER") else {
        assert!(
            std::env::var("CARIBOU_MOTO").map_or(true, |value| value != "require"),
            "CARIBOU_MOTO=require, but MOTO_SERVER does not name moto's program"
        );
        eprintln!("SKIPPED: the deployer's tests need moto; set MOTO_SERVER to its program `moto_server`");
        return None;
    };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let shell =
        Command::new("sh").args(["-c", SCRIPT, &program, &port.to_string()]).stdin(Stdio::piped()).spawn();
    let server = Server { url: format!("http://127.0.0.1:{port}"), _shell: shell.unwrap() };
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < START_WITHIN, "{program} does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    without_docker(port);
    Some(server)
}

/// Lets moto answer calls of functions by itself: otherwise it starts containers.
fn without_docker(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let body = r#"{"lambda":{"use_docker":false}}"#;
    let length = body.len();
    let request = format!(
        "POST /moto-api/config HTTP/1.1\r\nHost: moto\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(r#""use_docker": false"#), "{answer}");
}
