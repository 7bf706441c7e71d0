use super::Options;
use crate::errors::Errors;

fn expansion(options: &str, item: &str) -> String {
    let tokens = super::expand(options.parse().unwrap(), &item.parse().unwrap());
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

fn mistakes(options: &str) -> Vec<String> {
    let mut errors = Errors::default();
    Options::parse(options.parse().unwrap(), &mut errors);
    errors.messages()
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
fn every_wrong_option_is_reported() {
    assert_eq!(
        mistakes("memory = 64, memory = 128, timeout = \"1h\", retry = 3, regions(deny = [\"mars\"]), name = \"a b\""),
        [
            "a caribou function has no option `retry`; the supported options are: `memory`, `timeout`, `retries`, \
             `regions`, `name`, `idempotent`",
            "`memory` takes a whole number from 128 to 10240 MB",
            "a timeout has a number and a unit, as in \"30s\" or \"5min\"",
            "`mars` is no region; one looks like `us-east-1`",
            "a name has 1 to 64 letters, digits, `-` or `_`",
        ]
        .into_iter()
        .fold(Vec::new(), |mut all, text| {
            if text.contains("`retry`") {
                all.push("the option `memory` stands twice; keep one of them".to_owned());
            }
            all.push(text.to_owned());
            all
        })
    );
}
