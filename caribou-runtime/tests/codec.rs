//! The codec returns every value as it was.

#![expect(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a fixture that fails fails its test"
)]
#![expect(clippy::option_option, clippy::zero_sized_map_values, reason = "these are to come back as well")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use caribou_runtime::codec::{self, CodecError};
use caribou_runtime::{Bytes, Request};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

fn there_and_back<T: Serialize + DeserializeOwned>(value: &T) -> T {
    codec::decode(&codec::encode_payload(value).unwrap()).unwrap()
}

#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
    assert_eq!(there_and_back(&value), value);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Form {
    Unit,
    Newtype(Option<u8>),
    Tuple(i64, String),
    Struct { a: Vec<u8>, b: () },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Tagged {
    Empty,
    Point { x: f32, y: Option<Option<u8>> },
    Wrapped(Inner),
    Data { data: Bytes },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Empty,
    One(Form),
    Two(u8, char),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    Form(Form),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    form: Form,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Empty;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapper<T>(T);

#[test]
fn options_in_options_keep_every_level() {
    comes_back::<[Option<Option<Option<u8>>>; 4]>([None, Some(None), Some(Some(None)), Some(Some(Some(1)))]);
    comes_back::<[Option<()>; 2]>([None, Some(())]);
    comes_back::<Option<Option<()>>>(Some(None));
    comes_back(Some(Wrapper(None::<Wrapper<Option<()>>>)));
}

#[test]
fn nothing_is_told_from_something_empty() {
    comes_back(((), Empty, Vec::<()>::new(), vec![(); 3], String::new(), BTreeMap::<u8, ()>::new()));
    comes_back((Bytes::default(), Vec::<u8>::new(), [0_u8; 0], std::marker::PhantomData::<u8>));
}

#[test]
fn integers_of_every_width_keep_their_value() {
    comes_back((i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN));
    comes_back((u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX));
    comes_back((i128::MAX, -1_i128, 0_i128, i128::from(i64::MIN) - 1, u128::from(u64::MAX) + 1));
    comes_back([0_u64, 127, 128, 255, 256, 1 << 35]);
}

#[test]
fn floats_keep_every_bit() {
    for bits in [0, 0x8000_0000, 0x7fc0_0001, 0xffc0_1234, 0x7f80_0000, 1] {
        assert_eq!(there_and_back(&f32::from_bits(bits)).to_bits(), bits);
    }
    for bits in [0x8000_0000_0000_0000, 0x7ff8_0000_0000_0001, 0xfff0_0000_0000_0000, 1] {
        assert_eq!(there_and_back(&f64::from_bits(bits)).to_bits(), bits);
    }
}

#[test]
fn keys_of_maps_may_be_anything() {
    comes_back(HashMap::from([((1_u8, 'a'), Form::Unit), ((2, 'ß'), Form::Newtype(None))]));
    comes_back(BTreeMap::from([(Some(1), "one".to_owned()), (None, "none".to_owned())]));
    comes_back(BTreeSet::from([vec![1_u8], vec![], vec![1, 2]]));
}

#[test]
fn enums_of_all_four_forms_and_all_taggings_come_back() {
    let forms = [
        Form::Unit,
        Form::Newtype(Some(7)),
        Form::Newtype(None),
        Form::Tuple(-9, "x".into()),
        Form::Struct { a: vec![1], b: () },
    ];
    comes_back(forms.to_vec());
    for form in forms {
        let inner = Inner { form: form.clone(), note: None };
        comes_back(vec![
            Tagged::Empty,
            Tagged::Point { x: -0.5, y: Some(None) },
            Tagged::Wrapped(inner.clone()),
            Tagged::Data { data: vec![0, 255].into() },
        ]);
        comes_back(vec![Adjacent::Empty, Adjacent::One(form.clone()), Adjacent::Two(1, 'x')]);
        comes_back(Untagged::Form(form));
        let rest = BTreeMap::from([("more".to_owned(), json!({"a": [1, null, -2.5]}))]);
        comes_back(Flat { name: "f".into(), inner, rest });
    }
    comes_back(vec![Untagged::Number(-1), Untagged::Text("Unit".into())]);
}

#[test]
fn structs_leave_out_and_fill_in_fields() {
    let bytes = codec::encode(&Inner { form: Form::Unit, note: None }).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("note"));
    comes_back(Inner { form: Form::Unit, note: Some(String::new()) });
}

#[test]
fn json_values_come_back() {
    comes_back(json!({"a": [1, -1, 1.5, u64::MAX, i64::MIN, null, true, "x"], "": {"$": [[], {}]}}));
}

#[test]
fn types_of_the_standard_library_come_back() {
    comes_back::<IpAddr>("fe80::1".parse().unwrap());
    comes_back((Duration::from_nanos(1_500_000_001), std::time::SystemTime::UNIX_EPOCH, 1_u8..5));
    comes_back::<Result<u8, String>>(Err("no".into()));
}

#[test]
fn repeated_field_names_are_written_once() {
    let rows = |n| (0..n).map(|_| Inner { form: Form::Unit, note: Some("x".into()) }).collect::<Vec<_>>();
    let size = |n| codec::encode(&rows(n)).unwrap().len();
    assert_eq!((size(12) - size(11), size(11) - size(10)), (8, 8));
    comes_back(rows(100));
}

#[test]
fn more_names_than_the_table_holds_come_back() {
    macro_rules! many {
        ($($name:ident)*) => {
            #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
            struct Many { $($name: u8),* }
        };
    }
    many!(a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9
          d0 d1 d2 d3 d4 d5 d6 d7 d8 d9 e0 e1 e2 e3 e4 e5 e6 e7 e8 e9 f0 f1 f2 f3 f4 f5 f6 f7 f8 f9
          g0 g1 g2 g3 g4 g5 g6 g7 g8 g9);
    comes_back(vec![Many { g9: 1, ..Many::default() }, Many::default()]);
}

#[test]
fn a_wide_integer_that_serde_cannot_buffer_is_an_error_at_the_producer() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Wide {
        Number(u128),
    }
    let error = codec::encode_payload(&Wide::Number(u128::MAX)).unwrap_err();
    assert!(matches!(&error, CodecError::NotExact(_)), "{error}");
    comes_back(Wrapper(u128::MAX));
}

#[test]
fn nesting_is_limited_on_both_sides() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nested(Option<Box<Nested>>);
    let nested = |depth| (0..depth).fold(Nested(None), |inner, _| Nested(Some(Box::new(inner))));
    comes_back(nested(codec::DEEPEST));
    assert_eq!(codec::encode(&nested(codec::DEEPEST + 1)), Err(CodecError::TooDeep));
    let bomb = vec![0xc2; 100_000];
    assert_eq!(codec::decode::<Nested>(&bomb), Err(CodecError::TooDeep));
    assert_eq!(codec::to_json(&bomb), Err(CodecError::TooDeep));
}

#[test]
fn a_claimed_length_beyond_the_input_is_an_error_and_reserves_nothing() {
    let huge = [0xcd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    assert!(matches!(codec::decode::<Vec<u64>>(&huge), Err(CodecError::Truncated { .. })));
    let huge = [0xcb, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(matches!(codec::decode::<String>(&huge), Err(CodecError::Truncated { .. })));
}

#[test]
fn anything_behind_the_value_is_an_error() {
    assert_eq!(codec::decode::<u8>(&[1, 2]), Err(CodecError::Trailing(1)));
    let three = codec::encode(&(1, 2, 3)).unwrap();
    assert!(codec::decode::<(u8, u8)>(&three).is_err());
}

#[test]
fn an_encoded_value_as_json_is_what_serde_json_makes_of_it() {
    let value = (
        vec![
            Form::Unit,
            Form::Newtype(Some(1)),
            Form::Tuple(1, "x".into()),
            Form::Struct { a: vec![], b: () },
        ],
        BTreeMap::from([(1_u8, 'c'), (2, 'd')]),
        (Some(0.1_f32), f64::NAN, Bytes::from(vec![1, 2, 3]), u64::MAX, i64::MIN, true),
        Flat {
            name: "f".into(),
            inner: Inner { form: Form::Unit, note: None },
            rest: BTreeMap::from([("more".to_owned(), json!(null))]),
        },
    );
    let encoded = codec::encode(&value).unwrap();
    assert_eq!(codec::to_json(&encoded).unwrap(), serde_json::to_value(&value).unwrap());
}

#[test]
fn a_json_document_is_read_as_serde_json_would() {
    let document = codec::json_document(&json!({"form": {"Newtype": 3}}));
    let inner: Inner = codec::decode(&document).unwrap();
    assert_eq!(inner, Inner { form: Form::Newtype(Some(3)), note: None });
    assert_eq!(codec::to_json(&document).unwrap(), json!({"form": {"Newtype": 3}}));
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Unit),
        any::<Option<u8>>().prop_map(Form::Newtype),
        (any::<i64>(), any::<String>()).prop_map(|(a, b)| Form::Tuple(a, b)),
        any::<Vec<u8>>().prop_map(|a| Form::Struct { a, b: () }),
    ]
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,40}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(serde_json::Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..20)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn random_values_come_back(
        value in any::<(Option<Option<u16>>, i128, u128, char, String, Vec<Option<i32>>)>(),
        map in any::<BTreeMap<(i8, String), Vec<u64>>>(),
        forms in prop::collection::vec(form(), 0..20),
        data in any::<Vec<u8>>(),
    ) {
        comes_back(((value, map), forms, Bytes::from(data)));
    }

    #[test]
    fn random_floats_come_back_to_the_bit(bits in any::<(u32, u64)>()) {
        let (a, b) = there_and_back(&(f32::from_bits(bits.0), f64::from_bits(bits.1)));
        prop_assert_eq!((a.to_bits(), b.to_bits()), bits);
    }

    #[test]
    fn random_json_comes_back_and_is_shown_as_it_was(value in json_value()) {
        let encoded = codec::encode(&value).unwrap();
        prop_assert_eq!(&codec::decode::<serde_json::Value>(&encoded).unwrap(), &value);
        prop_assert_eq!(codec::to_json(&encoded).unwrap(), value);
    }

    #[test]
    fn floats_of_a_json_document_come_back_to_the_bit(bits in any::<u64>()) {
        let float = f64::from_bits(bits);
        prop_assume!(float.is_finite());
        let document = codec::json_document(&json!([float]));
        prop_assert_eq!(codec::decode::<Vec<f64>>(&document).unwrap()[0].to_bits(), bits);
        prop_assert_eq!(codec::to_json(&document).unwrap()[0].as_f64().unwrap().to_bits(), bits);
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = codec::decode::<serde_json::Value>(&bytes);
        let _ = codec::decode::<Vec<Form>>(&bytes);
        let _ = codec::decode::<Flat>(&bytes);
        let _ = codec::decode::<Vec<Untagged>>(&bytes);
        let _ = codec::to_json(&bytes);
    }

    #[test]
    fn no_change_of_a_byte_makes_the_decoder_panic(forms in prop::collection::vec(form(), 1..8), at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = codec::encode(&forms).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = codec::decode::<Vec<Form>>(&bytes);
        let _ = codec::to_json(&bytes);
        let _ = codec::decode::<Vec<Form>>(&bytes[..at]);
    }
}

proptest! {
    /// What a client sends is read as the number that its text says, to the last bit, however often it is written again.
    #[test]
    fn a_float_in_an_input_keeps_every_bit(bits: u64) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let request = |input| Request { input, ..Request::decode(EMPTY).unwrap() };
        let sent = request(json!([number])).encode().unwrap();
        let input = Request::decode(&sent).unwrap().input;
        let kept = codec::to_json(&codec::json_document(&input)).unwrap();
        for json in [&input, &kept] {
            prop_assert_eq!(json[0].as_f64().unwrap().to_bits(), bits);
        }
        let taken: Vec<f64> = codec::decode(&codec::json_document(&input)).unwrap();
        prop_assert_eq!(taken[0].to_bits(), bits);
    }
}

const EMPTY: &str = r#"{"caribou":1,"request":{"workflow":"press"}}"#;
