//! moto: something that speaks as AWS does, on loopback. It starts no functions, so a front answers in their place, as bootstraps
//! do that are called with nothing; `tests/aws` of the workspace runs them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A server that ends with the test: its shell waits for the end of its input.
pub(crate) struct Moto {
    port: u16,
    front: u16,
    shell: Child,
}

/// How long moto may take to listen. It loads some hundred modules of Python first.
const START_WITHIN: Duration = Duration::from_mins(2);
/// What a bootstrap answers to an event that holds nothing.
const REFUSAL: &str = r#"{"errorType":"caribou.Refused","errorMessage":"it has no records"}"#;
const SCRIPT: &str = r#""$0" -H 127.0.0.1 -p "$1" >/dev/null 2>&1 & server=$!; cat >/dev/null; kill $server"#;

impl Moto {
    /// Starts one. `None` if there is no program: a notice is printed then, or it is a failure if `CARIBOU_MOTO` is
    /// `require`.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("MOTO_SERVER").map(PathBuf::from) else {
            let required = std::env::var("CARIBOU_MOTO").is_ok_and(|value| value == "require");
            assert!(!required, "CARIBOU_MOTO requires moto, and MOTO_SERVER does not name its program");
            eprintln!(
                "SKIPPED: this test of the command line needs moto; set MOTO_SERVER to its program `moto_server`"
            );
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]).arg(program).arg(port.to_string()).stdin(Stdio::piped());
        let front = TcpListener::bind("127.0.0.1:0").unwrap();
        let moto =
            Self { port, front: front.local_addr().unwrap().port(), shell: shell.spawn().expect("sh runs") };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < START_WITHIN, "moto does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::spawn(move || stand_before(port, &front));
        moto.post("/moto-api/config", &[], r#"{"lambda":{"use_docker":false}}"#);
        Some(moto)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.front)
    }

    /// Asks a service that speaks JSON; the action as its API names it.
    pub(crate) fn ask(&self, service: &str, region: &str, target: &str, body: &Value) -> Value {
        let credential = format!(
            "Authorization: AWS4-HMAC-SHA256 Credential=test/20261125/{region}/{service}/aws4_request, SignedHeaders=host, \
             Signature=0"
        );
        let target = format!("X-Amz-Target: {target}");
        let headers = [credential.as_str(), target.as_str(), "Content-Type: application/x-amz-json-1.1"];
        let answer = self.post("/", &headers, &body.to_string());
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    fn post(&self, path: &str, headers: &[&str], body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("moto listens");
        let headers: Vec<String> = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let headers = headers.concat();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("moto reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("moto answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        assert!(head.starts_with("HTTP/1.1 2"), "{answer}");
        body.to_owned()
    }
}

/// Hands requests on to moto, each over a connection of its own; calls of functions are answered here.
fn stand_before(moto: u16, front: &TcpListener) {
    for client in front.incoming().flatten() {
        std::thread::spawn(move || hand_on(client, moto));
    }
}

fn hand_on(mut client: TcpStream, moto: u16) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let header =
        |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let length = head.lines().filter_map(header).find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path.split('?').next().is_some_and(|path| path.ends_with("/invocations")) {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: {}\r\n\r\n{REFUSAL}",
            REFUSAL.len()
        );
        return client.write_all(answer.as_bytes());
    }
    let lines = head.trim_end().lines().filter(|line| !line.to_lowercase().starts_with("connection:"));
    let head: Vec<&str> = lines.chain(["Connection: close", "", ""]).collect();
    let mut server = TcpStream::connect(("127.0.0.1", moto))?;
    server.write_all(head.join("\r\n").as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut client).map(drop)
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
