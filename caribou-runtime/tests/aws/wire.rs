//! A small HTTP server that answers as a test wants it to, and notes what it was asked.

use std::sync::{Arc, Mutex};

use caribou_runtime::local::http::{Ask, Http};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// Headers, their names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What is asked of which service: `Publish`, `PutItem`, `SendMessage`, `PUT`.
    pub(crate) fn action(&self) -> String {
        let target = self.header("x-amz-target");
        if let Some((_, action)) = target.rsplit_once('.') {
            return action.to_owned();
        }
        let body = String::from_utf8_lossy(&self.body);
        let action = body.split('&').find_map(|part| part.strip_prefix("Action="));
        action.unwrap_or_else(|| self.line.split(' ').next().unwrap_or_default()).to_owned()
    }

    /// A parameter of a form, decoded.
    pub(crate) fn parameter(&self, name: &str) -> String {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        let value = body.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        decode(value.unwrap_or_default())
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status, content type, body.
    Whole(u16, &'static str, Vec<u8>),
    /// Nothing, and the connection stays.
    Silence,
    /// Nothing, and the connection ends.
    HangUp,
}

impl Answer {
    pub(crate) fn xml(status: u16, body: &str) -> Self {
        Self::Whole(status, "text/xml", body.as_bytes().to_vec())
    }

    /// A message was published.
    pub(crate) fn published() -> Self {
        let id = "<MessageId>m</MessageId>";
        Self::xml(200, &format!("<PublishResponse><PublishResult>{id}</PublishResult></PublishResponse>"))
    }
}

/// The server.
pub(crate) struct Wire {
    pub(crate) endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Wire {
    /// Answers every request so.
    pub(crate) async fn answering(answer: Answer) -> Self {
        Self::start(None, move |_| answer.clone()).await
    }

    /// Answers with what a function says; hands everything of DynamoDB on to an endpoint that is one.
    pub(crate) async fn start(
        dynamodb: Option<String>,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (notes, answer) = (Arc::clone(&asked), Arc::new(answer));
        let dynamodb = dynamodb.map(|endpoint| Http::new(&endpoint));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (notes, answer, dynamodb) = (Arc::clone(&notes), Arc::clone(&answer), dynamodb.clone());
                tokio::spawn(async move {
                    let mut stream = stream;
                    while let Some(request) = read(&mut stream).await {
                        notes.lock().unwrap().push(request.clone());
                        let given = match &dynamodb {
                            Some(dynamodb) if request.header("x-amz-target").starts_with("DynamoDB") => {
                                forward(dynamodb, request).await
                            }
                            _ => answer(&request),
                        };
                        match given {
                            Answer::Whole(status, kind, body) => {
                                let length = body.len();
                                let head = format!(
                                    "HTTP/1.1 {status} S\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
                                );
                                stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
                            }
                            Answer::Silence => std::future::pending().await,
                            Answer::HangUp => return,
                        }
                    }
                });
            }
        });
        Self { endpoint, asked }
    }

    /// What was asked since the last look.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

async fn forward(to: &Http, request: Asked) -> Answer {
    let mut ask = Ask::new(http::Method::POST, "/").body(request.body);
    for (name, value) in request.headers {
        if ["x-amz-target", "content-type", "authorization", "x-amz-date"].contains(&name.as_str()) {
            ask = ask.header(name.parse().unwrap(), &value);
        }
    }
    let answer = to.ask(ask).await.unwrap();
    Answer::Whole(answer.status.as_u16(), "application/x-amz-json-1.0", answer.body.to_vec())
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut asked = Asked { line, headers, body: Vec::new() };
    asked.body = vec![0; asked.header("content-length").parse().unwrap_or_default()];
    stream.read_exact(&mut asked.body).await.ok()?;
    Some(asked)
}
