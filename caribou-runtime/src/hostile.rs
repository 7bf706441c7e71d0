//! What the decoders do with bytes that nobody wrote: no panic, no allocation out of proportion, and what can be read is
//! read again as the same.
//!
//! `CARIBOU_FUZZ_CASES` asks for more cases of each than the usual number.

use std::fmt::Debug;

use allocation_counter::measure;
use caribou_model::{Epoch, Hour, NodeId, Placement, Region, Timestamp};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::message::{MapItem, Message};
use crate::run::{End, Failure, RunRecord};
use crate::shim::claim::{Claim, Outcome, Progress, StoredDelivery, StoredItems};
use crate::shim::sync::Arrival;
use crate::stored::StoredValue;
use crate::{BlobReference, Pin, Request, codec};

/// Bytes that a decoder may have in use at the same time, for each byte of its input: a JSON number of one digit is a
/// value of 32 bytes in a list that has just grown to twice its size.
const PER_BYTE: u64 = 128;
/// Bytes that it may have in use besides, for whatever does not depend on the input: texts of errors above all.
const BESIDES: u64 = 16 * 1024;

fn cases() -> ProptestConfig {
    let more = std::env::var("CARIBOU_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(more.unwrap_or(2_000)) }
}

/// Decodes within the bound.
#[track_caller]
fn frugally<T>(length: usize, decode: impl FnOnce() -> T) -> T {
    let mut decoded = None;
    let used = measure(|| decoded = Some(decode())).bytes_max;
    let bound = PER_BYTE * length as u64 + BESIDES;
    assert!(used <= bound, "{used} bytes in use for {length} bytes of input");
    decoded.unwrap()
}

fn message_comes_back(body: &str) {
    if let Ok(message) = frugally(body.len(), || Message::decode(body)) {
        let again = message.encode().unwrap();
        assert_eq!(Message::decode(&again).unwrap(), message, "{body}");
    }
}

fn request_comes_back(body: &str) {
    if let Ok(request) = frugally(body.len(), || Request::decode(body)) {
        let again = request.encode().unwrap();
        assert_eq!(Request::decode(&again).unwrap(), request, "{body}");
    }
}

#[cfg(feature = "lambda")]
fn event_is_read(event: &str) {
    match frugally(event.len(), || crate::lambda::Delivery::read(event)) {
        Ok(read) => bodies_of(&read).into_iter().for_each(|body| {
            message_comes_back(body);
            request_comes_back(body);
        }),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What a delivery hands on.
#[cfg(feature = "lambda")]
fn bodies_of(delivery: &crate::lambda::Delivery) -> Vec<&str> {
    use crate::lambda::{Content, Delivery};
    match delivery {
        Delivery::Handle { body, .. } => vec![body],
        Delivery::GivenUp(letter) => vec![&letter.body],
        Delivery::Queue(queued) => {
            let content = queued.iter().filter_map(|queued| queued.content.as_ref().ok());
            content
                .map(|content| match content {
                    Content::GivenUp(letter) => letter.body.as_str(),
                    Content::Parked { body, .. } => body,
                })
                .collect()
        }
        Delivery::Http(post) => vec![&post.body],
        Delivery::HttpOfAnotherKind => Vec::new(),
    }
}

/// The encoding is compared, not the value: it has numbers that are not equal to themselves.
fn item_comes_back<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(item) = frugally(bytes.len(), || codec::decode::<T>(bytes)) {
        let once = codec::encode(&item).unwrap();
        let twice = codec::encode(&codec::decode::<T>(&once).unwrap()).unwrap();
        assert_eq!(once, twice);
    }
}

fn every_decoder(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    message_comes_back(&text);
    request_comes_back(&text);
    #[cfg(feature = "lambda")]
    event_is_read(&text);
    item_comes_back::<RunRecord>(bytes);
    item_comes_back::<Claim>(bytes);
    item_comes_back::<Arrival>(bytes);
    if let Ok(json) = frugally(bytes.len(), || codec::to_json(bytes)) {
        assert_eq!(codec::to_json(&codec::json_document(&json)).unwrap(), json);
    }
}

fn region() -> impl Strategy<Value = Region> {
    prop_oneof![
        prop::sample::select(vec!["us-east-1", "ca-central-1", "ap-southeast-2", "us-gov-west-1"])
            .prop_map(Region::aws),
        "[a-z0-9-]{1,32}".prop_map(|code| code.parse().unwrap()),
    ]
}

fn stored_value() -> impl Strategy<Value = StoredValue> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| StoredValue::Inline(bytes.into())),
        (region(), ".{0,30}", any::<u64>())
            .prop_map(|(region, key, bytes)| StoredValue::Blob(BlobReference { region, key, bytes })),
    ]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

fn pin() -> impl Strategy<Value = Pin> {
    let text = (".{0,20}", ".{0,10}", "[A-Za-z0-9_-]{1,64}", prop::option::of("[ -~]{0,60}"));
    let numbers = (any::<u64>(), 0_u8..24, any::<bool>(), any::<bool>(), instant(), any::<[u32; 2]>());
    let regions = (region(), prop::collection::vec(region(), 1..12));
    (text, numbers, regions).prop_map(|(text, numbers, (home, stages))| {
        let (
            (workflow, version, run, traceparent),
            (epoch, hour, probe, forwarded, deadline, [graph, resumed]),
        ) = (text, numbers);
        Pin {
            workflow,
            version,
            graph,
            run: run.parse().unwrap(),
            epoch: Epoch(epoch),
            hour: Hour::try_from(hour).unwrap(),
            probe,
            forwarded,
            deadline,
            home,
            placement: Placement::new(&stages).unwrap(),
            traceparent,
            resumed,
        }
    })
}

fn values() -> impl Strategy<Value = Vec<StoredValue>> {
    prop::collection::vec(stored_value(), 0..5)
}

fn message() -> impl Strategy<Value = Message> {
    let numbers = (any::<u16>(), any::<u16>(), any::<u32>(), any::<u16>(), instant(), any::<u8>());
    let item =
        prop::option::of((0..10_000_u32, 0..=10_000_u32).prop_filter_map("an item", |(index, total)| {
            (index < total).then_some(MapItem { index, total })
        }));
    (pin(), numbers, item, any::<[bool; 3]>(), values()).prop_map(|(pin, numbers, item, flags, values)| {
        let ((to, from, attempt, hops, sent, returns), [fires, again, displaced]) = (numbers, flags);
        let (to, from) = (NodeId(to), NodeId(from));
        Message { pin, to, item, fires, again, returns, displaced, from, attempt, hops, sent, values }
    })
}

fn delivery() -> impl Strategy<Value = StoredDelivery> {
    let items = prop::option::of((any::<u32>(), any::<Vec<bool>>(), any::<u32>()));
    let indices = prop::collection::vec(any::<u32>(), 0..5);
    (any::<u16>(), any::<u8>(), indices, items, prop::option::of(region()), any::<bool>()).prop_map(
        |(to, slot, values, items, moved, displaced)| {
            let items = items.map(|(count, shared, own)| StoredItems { count, shared, own });
            StoredDelivery { to: NodeId(to), slot, values, items, moved, displaced }
        },
    )
}

fn failure() -> impl Strategy<Value = Failure> {
    (".{0,20}", prop::option::of(any::<u32>()), region(), any::<u32>(), ".{0,60}", values()).prop_map(
        |(stage, item, region, attempt, error, input)| Failure { stage, item, region, attempt, error, input },
    )
}

fn claim() -> impl Strategy<Value = Claim> {
    let outcome =
        (instant(), any::<f64>(), prop::collection::vec(delivery(), 0..4), values(), any::<[bool; 2]>());
    let outcome = outcome.prop_map(|(started, duration_ms, deliveries, values, [caught, settled])| Outcome {
        started,
        duration_ms,
        deliveries,
        values,
        caught,
        settled,
    });
    let progress = prop_oneof![
        Just(Progress::Working),
        outcome.prop_map(Progress::Done),
        failure().prop_map(Progress::Failed),
    ];
    (any::<[u32; 3]>(), ".{0,36}", instant(), progress).prop_map(
        |([attempt, before, resumed], owner, lease, progress)| Claim {
            attempt,
            owner,
            lease,
            progress,
            resumed,
            before,
        },
    )
}

fn record() -> impl Strategy<Value = RunRecord> {
    let end = prop_oneof![
        (instant(), stored_value()).prop_map(|(at, result)| End::Succeeded { at, result }),
        (instant(), failure()).prop_map(|(at, failure)| End::Failed { at, failure }),
        instant().prop_map(|at| End::Overdue { at }),
    ];
    let input = prop::option::of(stored_value());
    (pin(), [instant(), instant()], region(), ".{0,20}", claim(), input, prop::option::of(end)).prop_map(
        |(pin, [started, kept_until], entry_region, function, entry, input, end)| RunRecord {
            pin,
            started,
            entry_region,
            function,
            kept_until,
            entry,
            input,
            end,
        },
    )
}

fn arrival() -> impl Strategy<Value = Arrival> {
    (any::<u16>(), any::<u32>(), instant(), values(), prop::option::of(any::<u32>())).prop_map(
        |(from, attempt, sent, values, items)| Arrival { from: NodeId(from), attempt, sent, values, items },
    )
}

fn request() -> impl Strategy<Value = String> {
    (".{0,20}", prop::option::of("[a-z0-9-]{1,64}"), any::<Option<u64>>(), ".{0,40}").prop_map(
        |(workflow, run, sent, input)| {
            json!({"caribou": 1, "request": {"workflow": workflow, "run": run, "sent": sent,
                "input": {"text": input, "list": [[], [null, 1.5], {}]},
                "input_blob": {"r": "aws:us-east-1", "k": "key", "n": 7},
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}})
            .to_string()
        },
    )
}

/// An event around a body: from a topic, from a failure destination, from a queue of either.
fn event(body: &str, kind: u8) -> String {
    let notification = json!({"Type": "Notification", "MessageId": "m", "Message": body});
    let topic = json!({"Records": [{"EventSource": "aws:sns", "Sns": notification}]});
    let destination = json!({"version": "1.0",
        "requestContext": {"requestId": "r-1", "condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": topic, "responsePayload": {"errorType": "caribou.Failed", "errorMessage": "no luck"}});
    let queue = |body: &str, attributes: serde_json::Value| {
        let record = json!({"eventSource": "aws:sqs", "messageId": "q", "body": body, "messageAttributes": attributes});
        json!({ "Records": [record] })
    };
    let event = match kind % 6 {
        0 => topic,
        1 => destination,
        2 => queue(&destination.to_string(), json!({})),
        3 => queue(&notification.to_string(), json!({})),
        4 => queue(body, json!({"caribou-not-before": {"stringValue": "17", "dataType": "Number"}})),
        _ => json!({"version": "2.0", "headers": {"content-type": "application/json"}, "body": body,
            "requestContext": {"http": {"method": "POST", "path": "/"}, "requestId": "r-1"}}),
    };
    event.to_string()
}

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip {
        at: usize,
        bit: u8,
    },
    Cut {
        at: usize,
    },
    /// A part put in again elsewhere: splices, and fields that stand twice.
    Copy {
        from: usize,
        length: usize,
        to: usize,
    },
    Remove {
        at: usize,
        length: usize,
    },
    Put {
        at: usize,
        bytes: Vec<u8>,
    },
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let at = any::<usize>;
        let edge = prop::sample::select(vec![
            b"99999999999999999999".to_vec(),
            b"-1".to_vec(),
            b"null".to_vec(),
            b"\"".to_vec(),
            b"1e999".to_vec(),
            b"[[[[[[[[[[[[".to_vec(),
            b"{\"c\":".to_vec(),
            b"\\ud800".to_vec(),
            vec![0xff; 9],
            vec![0xcd, 0xff, 0xff, 0x7f],
        ]);
        prop_oneof![
            3 => (at(), 0..8_u8).prop_map(|(at, bit)| Self::Flip { at, bit }),
            1 => at().prop_map(|at| Self::Cut { at }),
            3 => (at(), 1..80_usize, at()).prop_map(|(from, length, to)| Self::Copy { from, length, to }),
            1 => (at(), 1..40_usize).prop_map(|(at, length)| Self::Remove { at, length }),
            2 => (at(), edge).prop_map(|(at, bytes)| Self::Put { at, bytes }),
            1 => (at(), any::<Vec<u8>>()).prop_map(|(at, bytes)| Self::Put { at, bytes }),
        ]
    }

    fn change(&self, bytes: &mut Vec<u8>) {
        let within = |at: usize| at % (bytes.len() + 1);
        match self {
            Self::Flip { at, bit } => {
                let at = within(*at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Cut { at } => bytes.truncate(within(*at)),
            Self::Copy { from, length, to } => {
                let (from, to) = (within(*from), within(*to));
                let part = bytes[from..bytes.len().min(from + length)].to_vec();
                bytes.splice(to..to, part);
            }
            Self::Remove { at, length } => {
                let at = within(*at);
                bytes.drain(at..bytes.len().min(at + length));
            }
            Self::Put { at, bytes: more } => {
                let at = within(*at);
                bytes.splice(at..at, more.iter().copied());
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(Change::any(), 1..6)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        change.change(&mut bytes);
    }
    bytes
}

/// A field of a JSON object once more, somewhere among the others.
fn doubled(body: &str, nth: usize) -> String {
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).unwrap();
    let (name, value) = json.iter().nth(nth % json.len()).unwrap();
    format!("{},{}:{value}}}", &body[..body.len() - 1], json!(name))
}

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(item: &T) -> Vec<u8> {
    let bytes = codec::encode(item).unwrap();
    assert_eq!(codec::encode(&codec::decode::<T>(&bytes).unwrap()).unwrap(), bytes, "{item:?}");
    bytes
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        every_decoder(&bytes);
    }

    #[test]
    fn no_text_makes_a_decoder_panic(text in r#"[\[\]{}",:a-f0-9.\\-]{0,300}"#) {
        every_decoder(text.as_bytes());
    }

    #[test]
    fn messages_come_back_and_their_changes_do_no_harm(message in message(), changes in changes(), nth in any::<usize>()) {
        let body = message.encode().unwrap();
        prop_assert_eq!(&Message::decode(&body).unwrap(), &message);
        prop_assert!(Message::decode(&doubled(&body, nth)).is_err());
        every_decoder(&changed(body.into_bytes(), &changes));
    }

    #[test]
    fn changes_of_requests_do_no_harm(body in request(), changes in changes(), nth in any::<usize>()) {
        prop_assert!(Request::decode(&body).is_ok());
        request_comes_back(&doubled(&body, nth));
        every_decoder(&changed(body.into_bytes(), &changes));
    }

    #[cfg(feature = "lambda")]
    #[test]
    fn changes_of_events_do_no_harm(message in message(), kind in any::<u8>(), changes in changes()) {
        let body = message.encode().unwrap();
        let event = event(&body, kind);
        let read = crate::lambda::Delivery::read(&event).unwrap();
        prop_assert_eq!(bodies_of(&read), [body.as_str()]);
        event_is_read(&String::from_utf8_lossy(&changed(event.into_bytes(), &changes)));
    }

    #[test]
    fn items_come_back_and_their_changes_do_no_harm(
        record in record(), claim in claim(), arrival in arrival(), changes in changes(),
    ) {
        for bytes in [same(&record), same(&claim), same(&arrival)] {
            every_decoder(&changed(bytes, &changes));
        }
    }
}

#[test]
#[should_panic(expected = "1000000 bytes in use for 100 bytes of input")]
fn a_decoder_that_believes_what_a_length_claims_is_found_out() {
    frugally(100, || Vec::<u8>::with_capacity(1_000_000));
}

/// Small inputs that claim to be large, or are made to be copied.
#[test]
fn bombs_stay_in_proportion() {
    let (deep, wide) = ("[".repeat(200_000), format!("[{}0]", "0,".repeat(100_000)));
    let request = |input: &str| format!(r#"{{"caribou":1,"request":{{"workflow":"w","input":{input}}}}}"#);
    let keys: Vec<String> = (0..20_000).map(|n| format!("\"{n}\":[]")).collect();
    let keys = format!("{{{}}}", keys.join(","));
    for text in [&deep, &wide, &keys, &request(&deep), &request(&wide), &request(&keys)] {
        every_decoder(text.as_bytes());
        #[cfg(feature = "lambda")]
        event_is_read(&event(text, 1));
    }
    for byte in 0..=255_u8 {
        for repeated in [1, 10, 1000] {
            let claimed: Vec<u8> =
                [byte].repeat(repeated).into_iter().chain([0xff, 0xff, 0xff, 0x7f]).collect();
            every_decoder(&claimed);
        }
    }
}
