//! DynamoDB and SNS as they answer where nothing was stored before: every condition holds, and nothing is kept. Their own
//! time does not count in what is measured, so they take none.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::http::{Request, serve};

/// The stand-ins, and what they were asked.
#[derive(Clone, Debug)]
pub struct Services {
    /// Where they listen.
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What the services were asked.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The names of the operations, in order.
    pub operations: Vec<String>,
    /// The bodies of the messages that were published.
    pub published: Vec<String>,
}

impl Services {
    /// Starts them.
    ///
    /// # Errors
    ///
    /// What the system says where there is no port.
    pub fn start() -> std::io::Result<Self> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let address = serve(move |request: Request| {
            let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, operation)) = request.target.split_once('.') {
                seen.operations.push(operation.to_owned());
                let nothing = r#"{"Items":[],"Count":0,"ScannedCount":0}"#;
                let body = if operation == "Query" { nothing } else { "{}" };
                return Some(("content-type: application/x-amz-json-1.0\r\n".into(), body.into()));
            }
            seen.operations.push(field(&request.body, "Action"));
            seen.published.push(field(&request.body, "Message"));
            let body = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
                        <MessageId>m-1</MessageId></PublishResult><ResponseMetadata><RequestId>r-1</RequestId>\
                        </ResponseMetadata></PublishResponse>";
            Some(("content-type: text/xml\r\n".into(), body.into()))
        })?;
        Ok(Self { address, seen })
    }

    /// What they were asked since this was called last.
    pub fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A field of a form, decoded.
fn field(form: &str, name: &str) -> String {
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16)).unwrap_or(0);
                (digit() * 16 + digit()) as u8
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_form_is_decoded() {
        let form = "Action=Publish&Message=%7B%22a%22%3A+%22%C3%A9%22%7D&TopicArn=t";
        assert_eq!(field(form, "Message"), "{\"a\": \"é\"}");
        assert_eq!(field(form, "Action"), "Publish");
        assert_eq!(field(form, "Subject"), "");
    }
}
