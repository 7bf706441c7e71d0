//! What one stage sends to the next: one line of compact JSON.
//!
//! | key | what |
//! |---|---|
//! | `c` | version of this format: 1 |
//! | `w`, `v` | workflow and its version |
//! | `g` | fingerprint of the graph |
//! | `r` | run |
//! | `e`, `h` | plan epoch and hour |
//! | `f` | sum of 1 (probe), 2 (forwarded at the entry), 4 (fires a sync node), 8 (was parked or a dead letter), 16 (displaced: handled at home, while its claim lies where the placement says) |
//! | `d` | deadline of the run, ms since 1970 |
//! | `p` | placement: home and the other regions, shortened (`usE1` is `us-east-1`), then `/` and one character for each stage: `-` for home, else the region's place after home in base 62 |
//! | `x` | W3C `traceparent`; absent if the caller sent none |
//! | `n` | the receiving node |
//! | `m`, `a` | the sending node, and which attempt at it |
//! | `k` | hops so far |
//! | `s` | when it was sent, ms since 1970 |
//! | `z` | how often it came back as a dead letter; absent if it did not |
//! | `i` | to a map: which item it is for, from 0, and how many there are; absent in every other message |
//! | `y` | the values: base64 text, or an object for one that lies in a blob |
//!
//! # Size
//!
//! What a message has beside its base64 text is at most 512 bytes for ten stages and one value, whatever the plan: it
//! carries the placement of one hour, never those of 24. That holds with ten stages in ten regions away from home, a name
//! of a deployed function that is as long as Lambda allows, a run id of 64 characters, a `traceparent`, and every number at
//! its largest. It depends on region codes of AWS's form, `us-isof-south-1` being the longest: they have a point of the
//! compass, which is shortened to one letter. Each stage more takes one byte, each region more up to ten, each value more
//! three. A value that lies in a blob takes the object that refers to it, about 100 bytes, and up to 250 where names and
//! run id are as long as they may be.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use caribou_model::{Epoch, Hour, InvalidRegion, NodeId, Placement, Provider, Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::map::MOST_ITEMS;
use crate::pin::is_zero;
use crate::stored::StoredValue;
use crate::{BlobReference, Pin};

/// The version of the message format that this crate writes and reads.
pub const FORMAT: u8 = 1;

/// The largest message that is read, in bytes: SNS's limit.
pub const LARGEST: usize = 256 * 1024;

/// A message on its way to a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) pin: Pin,
    pub(crate) to: NodeId,
    /// To a map: the item that it is for.
    pub(crate) item: Option<MapItem>,
    /// Says that all slots of a sync node are filled; the values lie in its region.
    pub(crate) fires: bool,
    /// Was parked or a dead letter, and is sent again.
    pub(crate) again: bool,
    /// How often it came back as a dead letter and was sent again.
    pub(crate) returns: u8,
    /// Goes home in a run that was taken up again, because the planned region takes no messages any more. Its claim, and
    /// what has arrived for it, lie in the planned region all the same.
    pub(crate) displaced: bool,
    pub(crate) from: NodeId,
    pub(crate) attempt: u32,
    pub(crate) hops: u16,
    pub(crate) sent: Timestamp,
    pub(crate) values: Vec<StoredValue>,
}

/// One item of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapItem {
    /// Which it is, from 0.
    pub(crate) index: u32,
    /// How many there are.
    pub(crate) total: u32,
}

/// Why a text is no message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Too long to have come over any transport.
    #[error("it has {0} bytes; the longest message has {LARGEST}")]
    TooLong(usize),
    /// Not the JSON that a message is.
    #[error("it is not a message of format {FORMAT}: {0}")]
    Json(#[from] serde_json::Error),
    /// Of another format.
    #[error("it is of message format {0}; this bootstrap reads format {FORMAT}: deploy it again")]
    Format(u8),
    /// A part of it makes no sense.
    #[error("its {part} cannot be read: {cause}")]
    Part {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        cause: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    c: u8,
    #[serde(borrow)]
    w: Cow<'a, str>,
    #[serde(borrow)]
    v: Cow<'a, str>,
    g: u32,
    #[serde(borrow)]
    r: Cow<'a, str>,
    e: u64,
    h: u8,
    f: u8,
    d: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    u: u32,
    #[serde(borrow)]
    p: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    x: Option<Cow<'a, str>>,
    n: u16,
    m: u16,
    a: u32,
    k: u16,
    s: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    z: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    i: Option<(u32, u32)>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    y: Vec<WireValue<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WireValue<'a> {
    Inline(#[serde(borrow)] Cow<'a, str>),
    Blob(BlobReference),
}

const PROBE: u8 = 1;
const FORWARDED: u8 = 2;
const FIRES: u8 = 4;
const AGAIN: u8 = 8;
const DISPLACED: u8 = 16;

impl Message {
    /// Writes the message.
    pub(crate) fn encode(&self) -> Result<String, MessageError> {
        let Pin { workflow, version, run, .. } = &self.pin;
        let flags = [
            (self.pin.probe, PROBE),
            (self.pin.forwarded, FORWARDED),
            (self.fires, FIRES),
            (self.again, AGAIN),
            (self.displaced, DISPLACED),
        ];
        let value = |value: &StoredValue| match value {
            StoredValue::Inline(bytes) => WireValue::Inline(STANDARD_NO_PAD.encode(bytes).into()),
            StoredValue::Blob(reference) => WireValue::Blob(reference.clone()),
        };
        let wire = Wire {
            c: FORMAT,
            w: workflow.into(),
            v: version.into(),
            g: self.pin.graph,
            r: run.as_str().into(),
            e: self.pin.epoch.0,
            h: self.pin.hour.into(),
            f: flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum(),
            d: self.pin.deadline.as_millis(),
            u: self.pin.resumed,
            p: placement_text(&self.pin.home, &self.pin.placement).into(),
            x: self.pin.traceparent.as_deref().map(Cow::Borrowed),
            n: self.to.0,
            m: self.from.0,
            a: self.attempt,
            k: self.hops,
            s: self.sent.as_millis(),
            z: self.returns,
            i: self.item.map(|item| (item.index, item.total)),
            y: self.values.iter().map(value).collect(),
        };
        Ok(serde_json::to_string(&wire)?)
    }

    /// Reads a message.
    pub(crate) fn decode(body: &str) -> Result<Self, MessageError> {
        if body.len() > LARGEST {
            return Err(MessageError::TooLong(body.len()));
        }
        let wire: Wire<'_> =
            serde_json::from_str(body).map_err(|cause| match serde_json::from_str::<FormatOnly>(body) {
                Ok(FormatOnly { c }) if c != FORMAT => MessageError::Format(c),
                _ => MessageError::Json(cause),
            })?;
        if wire.c != FORMAT {
            return Err(MessageError::Format(wire.c));
        }
        if wire.f >= 2 * DISPLACED {
            return Err(part("flags", &format!("{} has flags that format {FORMAT} does not know", wire.f)));
        }
        let item = wire.i.map(|(index, total)| MapItem { index, total });
        if let Some(MapItem { index, total }) = item.filter(|item| item.index >= item.total) {
            return Err(part("item", &format!("there is no item {index} of {total}")));
        }
        if item.is_some_and(|item| item.total as usize > MOST_ITEMS) {
            return Err(part("item", &format!("a map has at most {MOST_ITEMS} items")));
        }
        let (home, placement) = placement_of(&wire.p)?;
        let values = wire.y.into_iter().map(|value| match value {
            WireValue::Inline(text) => match STANDARD_NO_PAD.decode(text.as_bytes()) {
                Ok(bytes) => Ok(StoredValue::Inline(bytes.into())),
                Err(cause) => Err(part("values", &cause)),
            },
            WireValue::Blob(reference) => Ok(StoredValue::Blob(reference)),
        });
        Ok(Self {
            pin: Pin {
                workflow: wire.w.into_owned(),
                version: wire.v.into_owned(),
                graph: wire.g,
                run: wire.r.into_owned().try_into().map_err(|cause| part("run", &cause))?,
                epoch: Epoch(wire.e),
                hour: Hour::try_from(wire.h).map_err(|cause| part("hour", &cause))?,
                probe: wire.f & PROBE != 0,
                forwarded: wire.f & FORWARDED != 0,
                deadline: Timestamp::from_millis(wire.d),
                home,
                placement,
                traceparent: wire.x.map(Cow::into_owned),
                resumed: wire.u,
            },
            to: NodeId(wire.n),
            item,
            fires: wire.f & FIRES != 0,
            again: wire.f & AGAIN != 0,
            returns: wire.z,
            displaced: wire.f & DISPLACED != 0,
            from: NodeId(wire.m),
            attempt: wire.a,
            hops: wire.k,
            sent: Timestamp::from_millis(wire.s),
            values: values.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a body is meant to be a message; a request looks different.
    pub(crate) fn is_meant_by(body: &str) -> bool {
        body.starts_with("{\"c\":")
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    c: u8,
}

fn part(part: &'static str, cause: &dyn ToString) -> MessageError {
    MessageError::Part { part, cause: cause.to_string() }
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What is shortened in a region's code: no code has capital letters.
const DIRECTIONS: [(&str, char); 9] = [
    ("-central-", 'C'),
    ("-east-", 'E'),
    ("-north-", 'N'),
    ("-northeast-", 'O'),
    ("-northwest-", 'P'),
    ("-south-", 'S'),
    ("-southeast-", 'T'),
    ("-southwest-", 'U'),
    ("-west-", 'W'),
];

/// A region's code with the point of the compass as one letter.
fn region_text(region: &Region) -> Cow<'_, str> {
    let code = match region.provider() {
        Provider::Aws => region.code(),
    };
    let short = DIRECTIONS.iter().find_map(|(word, letter)| {
        let (before, after) = code.split_once(word)?;
        Some(format!("{before}{letter}{after}"))
    });
    short.map_or(Cow::Borrowed(code), Cow::Owned)
}

fn region_of(text: &str) -> Result<Region, InvalidRegion> {
    let whole = DIRECTIONS.iter().find_map(|(word, letter)| {
        let (before, after) = text.split_once(*letter)?;
        Some(format!("{before}{word}{after}"))
    });
    whole.as_deref().unwrap_or(text).parse()
}

fn placement_text(home: &Region, placement: &Placement) -> String {
    let mut text = region_text(home).into_owned();
    let mut digits = Vec::with_capacity(placement.regions().len());
    let mut others = DIGITS.iter();
    for region in placement.regions() {
        if region == home {
            digits.push('-');
        } else {
            let _ = write!(text, ",{}", region_text(region));
            digits.push(char::from(*others.next().unwrap_or(&b'?')));
        }
    }
    text.push('/');
    text.extend(placement.indices().iter().map(|index| digits.get(usize::from(*index)).unwrap_or(&'?')));
    text
}

fn placement_of(text: &str) -> Result<(Region, Placement), MessageError> {
    let wrong = |cause: &dyn ToString| part("placement", cause);
    let (regions, stages) = text.rsplit_once('/').ok_or_else(|| wrong(&"it has no `/`"))?;
    let regions: Vec<Region> =
        regions.split(',').map(region_of).collect::<Result<_, _>>().map_err(|cause| wrong(&cause))?;
    let (home, others) = regions.split_first().ok_or_else(|| wrong(&"it has no home region"))?;
    let of_digit = |digit: u8| match digit {
        b'-' => Some(home),
        _ => others.get(DIGITS.iter().position(|known| *known == digit)?),
    };
    let per_stage: Option<Vec<Region>> = stages.bytes().map(|digit| of_digit(digit).cloned()).collect();
    let per_stage = per_stage.ok_or_else(|| wrong(&"a stage is in a region that is not listed"))?;
    let placement = Placement::new(&per_stage).map_err(|cause| wrong(&cause))?;
    Ok((home.clone(), placement))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn message(stages: &[&'static str]) -> Message {
        let regions: Vec<Region> = stages.iter().map(|code| Region::aws(code)).collect();
        Message {
            pin: Pin {
                workflow: "image_press".into(),
                version: "0.1.0".into(),
                graph: u32::MAX,
                run: "0f8fad5b-d9cb-469f-a165-70867728950e".parse().unwrap(),
                epoch: Epoch(7),
                hour: Hour::new(13).unwrap(),
                probe: false,
                forwarded: true,
                deadline: Timestamp::from_millis(1_700_003_600_000),
                home: Region::aws("us-east-1"),
                placement: Placement::new(&regions).unwrap(),
                traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
                resumed: 0,
            },
            to: NodeId(3),
            item: None,
            fires: false,
            again: false,
            returns: 0,
            displaced: false,
            from: NodeId(2),
            attempt: 1,
            hops: 2,
            sent: Timestamp::from_millis(1_700_000_000_000),
            values: vec![
                StoredValue::Inline(vec![1, 2, 255].into()),
                StoredValue::Blob(BlobReference {
                    region: Region::aws("ca-central-1"),
                    key: "image_press/0f8f/2/1/0".into(),
                    bytes: 2_000_000,
                }),
            ],
        }
    }

    #[test]
    fn the_wire_format_is_this() {
        let body = message(&["us-east-1", "ca-central-1", "ca-central-1", "us-west-2"]).encode().unwrap();
        insta::assert_snapshot!(body, @r#"{"c":1,"w":"image_press","v":"0.1.0","g":4294967295,"r":"0f8fad5b-d9cb-469f-a165-70867728950e","e":7,"h":13,"f":2,"d":1700003600000,"p":"usE1,caC1,usW2/-001","x":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","n":3,"m":2,"a":1,"k":2,"s":1700000000000,"y":["AQL/",{"r":"aws:ca-central-1","k":"image_press/0f8f/2/1/0","n":2000000}]}"#);
    }

    #[test]
    fn a_message_comes_back_as_it_was() {
        let message = message(&["eu-north-1", "us-east-1", "eu-north-1", "sa-east-1"]);
        assert_eq!(Message::decode(&message.encode().unwrap()).unwrap(), message);
        let item = Some(MapItem { index: 7, total: 10_000 });
        let message = Message { item, ..message };
        let body = message.encode().unwrap();
        assert!(body.contains(r#""i":[7,10000],"y""#), "{body}");
        assert_eq!(Message::decode(&body).unwrap(), message);
        let pin = Pin { resumed: 2, ..message.pin.clone() };
        let message = Message { pin, displaced: true, ..message };
        let body = message.encode().unwrap();
        assert!(body.contains(r#""u":2,"p""#), "{body}");
        assert_eq!(Message::decode(&body).unwrap(), message);
    }

    #[test]
    fn ten_stages_in_ten_far_regions_take_512_bytes_at_most_with_every_number_at_its_largest() {
        let mut message = message(&[
            "us-isof-south-1",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-7",
            "us-isob-east-1",
            "us-isob-west-1",
            "us-gov-east-1",
        ]);
        let most = Timestamp::from_millis(9_999_999_999_999);
        message.pin = Pin {
            workflow: "w".repeat(50),
            version: "10.20.30-alpha.1".into(),
            run: "x".repeat(64).parse().unwrap(),
            epoch: Epoch(u64::MAX),
            deadline: most,
            home: Region::aws("us-isof-south-2"),
            probe: true,
            ..message.pin
        };
        (message.to, message.from) = (NodeId(u16::MAX), NodeId(u16::MAX));
        (message.attempt, message.hops, message.sent) = (u32::MAX, u16::MAX, most);
        (message.fires, message.again) = (true, true);
        message.values = vec![StoredValue::Inline(vec![0; 999].into())];
        message.item = Some(MapItem { index: 9_999, total: 10_000 });
        message.pin.resumed = 10;
        let body = message.encode().unwrap();
        assert_eq!(Message::decode(&body).unwrap(), message);
        let payload = STANDARD_NO_PAD.encode([0; 999]).len();
        assert!(body.len() - payload <= 512, "{} bytes", body.len() - payload);
    }

    #[test]
    fn a_region_is_read_as_it_was_written_and_written_out_too() {
        for (code, short) in [
            ("us-east-1", "usE1"),
            ("us-gov-west-1", "us-govW1"),
            ("ap-northeast-2", "apO2"),
            ("eusc-de-east-1", "eusc-deE1"),
            ("mx-central-1", "mxC1"),
            ("mars-1", "mars-1"),
            ("-east-east-", "Eeast-"),
        ] {
            let region = Region::aws(code);
            assert_eq!(region_text(&region), short);
            assert_eq!([region_of(short), region_of(code)], [Ok(region.clone()), Ok(region)]);
        }
        for wrong in ["", "usEE1", "usE1W", "us-EAST-1", "usX1"] {
            assert!(region_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_reason() {
        let body = message(&["us-east-1"]).encode().unwrap();
        for (from, to, why) in [
            (r#""c":1"#, r#""c":2"#, "message format 2"),
            (r#""f":2"#, r#""f":32"#, "flags cannot be read"),
            (r#""h":13"#, r#""h":24"#, "hour cannot be read"),
            (r#""h":13"#, r#""h":"13""#, "not a message of format 1"),
            ("usE1/-", "usE1/0", "not listed"),
            ("usE1/-", "US/-", "no region"),
            (r#""AQL/""#, r##""#""##, "values cannot be read"),
            (r#""k":2"#, r#""k":2,"more":1"#, "unknown field"),
            (r#""k":2"#, r#""k":2,"i":[3,3]"#, "no item 3 of 3"),
            (r#""k":2"#, r#""k":2,"i":[3,10001]"#, "at most 10000 items"),
        ] {
            let broken = body.replace(from, to);
            assert_ne!(broken, body);
            let error = Message::decode(&broken).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(matches!(Message::decode(&" ".repeat(LARGEST + 1)), Err(MessageError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_decoder_panic(text in ".{0,200}", cut in 0_usize..400, letter in any::<char>()) {
            let _ = Message::decode(&text);
            let mut body = message(&["us-east-1", "eu-north-1"]).encode().unwrap();
            let cut = cut.min(body.len() - 1);
            body.replace_range(cut..=cut, &letter.to_string());
            let _ = Message::decode(&body);
        }
    }
}
