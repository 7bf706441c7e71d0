//! moto: something that speaks as AWS does, on loopback.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A server that ends with the test: its shell waits for the end of its input.
pub(crate) struct Moto {
    port: u16,
    shell: Child,
}

/// How long moto may take to listen. It loads some hundred modules of Python first.
const START_WITHIN: Duration = Duration::from_mins(2);
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
        let moto = Self { port, shell: shell.spawn().expect("sh runs") };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < START_WITHIN, "moto does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        moto.post("/moto-api/config", &[], r#"{"lambda":{"use_docker":false}}"#);
        Some(moto)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
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

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
