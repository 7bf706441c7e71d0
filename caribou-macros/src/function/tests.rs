use super::Options;
use crate::errors::Errors;

fn expansion(options: &str, item: &str) -> String {
    let tokens = super::expand(options.parse().unwrap(), &item.parse().unwrap());
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

fn read(options: &str) -> (Options, Vec<String>) {
    let mut errors = Errors::default();
    let options = Options::parse(options.parse().unwrap(), &mut errors);
    (options, errors.messages())
}

/// The options of an attribute without a mistake.
fn options(text: &str) -> Options {
    let (options, mistakes) = read(text);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    options
}

fn mistakes(text: &str) -> Vec<String> {
    read(text).1
}

fn mistake(text: &str) -> String {
    let mut mistakes = mistakes(text);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes.remove(0)
}

#[test]
fn the_expansion_can_be_read() {
    insta::assert_snapshot!(expansion(
        "memory = 1024, timeout = \"30s\", retries = 1, regions(deny = [\"us-west-1\"]), idempotent",
        "pub async fn validate(upload: Upload, mut strict: bool) -> Result<Document> { todo!() }"
    ));
}

#[test]
fn a_broken_signature_keeps_the_function_and_its_marker() {
    insta::assert_snapshot!(expansion("", "fn validate(upload: &Upload) -> Result<Document> { todo!() }"));
}

#[test]
fn a_missing_async_is_told_and_put_in() {
    let text = expansion("", "fn validate(upload: Upload) -> Result<Document> { todo!() }");
    assert!(
        text.contains("async fn validate(upload: Upload)") && text.contains("write `async fn validate`"),
        "{text}"
    );
}

#[test]
fn a_context_is_bound_behind_the_items_that_the_body_begins_with() {
    insta::assert_snapshot!(expansion(
        "crate = crate::reindeer, name = \"press-all\", timeout = \"30s\"",
        "#[must_use] /// Presses.\n async fn press(photo: Photo, ctx: &Context) -> Result<Card> {
            use std::fmt; const N: u8 = 1; let x = 1; Ok(x) }"
    ));
}

#[test]
fn sizes_are_numbers_or_have_units() {
    assert_eq!(options("memory = 512").memory, Some(512));
    assert_eq!(options("memory = \"2 GB\"").memory, Some(2048));
    assert_eq!(options("ephemeral_storage = \"10240MB\"").ephemeral_storage, Some(10_240));
    assert!(mistake("memory = -1").contains("takes a whole number of MB"));
    assert!(mistake("ephemeral_storage = 100").contains("512 to 10,240 MB on Lambda, not 100 MB"));
}

#[test]
fn timeouts_have_units() {
    assert_eq!(options("timeout = \"5min\"").timeout, Some(300));
    assert!(mistake("timeout = 30").contains("write `timeout = \"30s\"`"));
    assert!(mistake("timeout = \"0s\"").contains("1 s to 15 min"));
    assert!(mistake("timeout = \"16 min\"").contains("1 s to 15 min"));
}

#[test]
fn variables_are_named_by_words_or_texts() {
    let options = options("environment(LOG = \"info\", \"MODEL_2\" = \"\", r#type = \"x\",)");
    let expected = [("LOG", "info"), ("MODEL_2", ""), ("type", "x")];
    assert_eq!(options.environment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn variables_that_lambda_or_caribou_refuse_are_refused() {
    for (variable, help) in [
        ("AWS_REGION = \"x\"", "Lambda sets it itself"),
        ("LAMBDA_TASK_ROOT = \"x\"", "Lambda sets it itself"),
        ("_HANDLER = \"x\"", "Lambda sets it itself"),
        ("CARIBOU_HOME = \"x\"", "Caribou sets it itself"),
        ("L = \"x\"", "two or more letters"),
        ("\"1A\" = \"x\"", "a letter first"),
        ("_A = \"x\"", "a letter first"),
        ("AB = 7", "takes a text, as in `AB = \"..\"`"),
        ("AB", "takes a text, as in `AB = \"..\"`"),
        ("7 = \"x\"", "expected the name of a variable"),
        ("AB = \"\\0\"", "zero byte"),
        ("AB = \"1\", AB = \"2\"", "stands twice"),
    ] {
        let mistake = mistake(&format!("environment({variable})"));
        assert!(mistake.contains(help), "{variable}: {mistake}");
    }
}

#[test]
fn variables_have_room_for_those_of_caribou() {
    let value = |length: usize| format!("environment(LOG = \"info\", MODEL = \"{}\")", "x".repeat(length));
    options(&value(3584 - 12));
    assert!(mistake(&value(3584 - 11)).contains("more than 3.5 KB"));
}

#[test]
fn every_region_denied_leaves_none() {
    let all: Vec<String> = crate::region::KNOWN.iter().map(|code| format!("\"{code}\"")).collect();
    assert!(mistake(&format!("regions(deny = [{}])", all.join(","))).contains("none is left"));
    options(&format!("regions(deny = [{}])", all[1..].join(",")));
    assert!(mistake("regions(deny = [\"us-east-1\", \"aws:us-east-1\"])").contains("stands twice"));
}

#[test]
fn a_region_that_is_misspelt_is_the_only_mistake() {
    let mistake = mistake("regions(allow = [\"us-esat-1\", \"us-west-2\"], deny = [\"us-west-2\"])");
    assert!(mistake.contains("did you mean `us-east-1`?"), "{mistake}");
}

#[test]
fn options_before_a_mistake_of_syntax_are_kept() {
    let (options, mistakes) = read("memory = 512, timeout \"30s\", retries = 1");
    assert_eq!((options.memory, options.retries), (Some(512), None));
    assert_eq!(mistakes, ["a value stands behind an `=`, as in `timeout = ..`"]);
}

#[test]
fn every_wrong_option_is_reported() {
    assert_eq!(
        mistakes(
            "memory = 64, memory = 128, timeout = \"1d\", retry = 3, regions(deny = [\"mars\"]), name = \"a b\", \
             architecture = \"arm\", crate = \"caribou\", idempotent = true, retries = 11"
        ),
        [
            "the option `memory` stands twice; keep one of them",
            "a caribou function has no option `retry`; did you mean `retries`?",
            "`memory` is 128 to 10,240 MB on Lambda, not 64 MB",
            "`timeout` takes a whole number and a unit, as in \"30s\" or \"5min\"",
            "`mars` is no region; one looks like `us-east-1`",
            "a name has 1 to 64 letters, digits, `-` or `_`",
            "Lambda has no architecture `arm`; did you mean `arm64`?",
            "`crate` takes a path, as in `crate = my_caribou`",
            "`idempotent` is a flag: write it without a value, or leave it out",
            "`retries` takes a whole number from 0 to 10",
        ]
    );
}
