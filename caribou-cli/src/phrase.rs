//! Numbers of things, and rules, as people say them.

use caribou_model::manifest::RegionPattern;
use caribou_model::{Architecture, FunctionSpec, Region};
use caribou_runtime::client::RunState;

/// What of a function differs from the usual, in words.
pub(crate) fn rules(spec: &FunctionSpec) -> String {
    let mut options = Vec::new();
    if spec.architecture == Architecture::Arm64 {
        options.push("arm64".into());
    }
    if spec.idempotent {
        options.push("idempotent".into());
    }
    for (rule, regions) in [("only in", &spec.allow), ("not in", &spec.deny)] {
        if !regions.is_empty() {
            options.push(format!("{rule} {}", codes(regions)));
        }
    }
    options.join(", ")
}

/// How a run stands, in a word.
pub(crate) fn state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
    }
}

/// Region codes, separated by commas.
pub(crate) fn codes(regions: &[Region]) -> String {
    regions.iter().map(Region::code).collect::<Vec<_>>().join(", ")
}

/// Rules for regions, separated by commas: codes, or `any of aws`.
pub(crate) fn patterns(patterns: &[RegionPattern]) -> String {
    let word = |pattern: &RegionPattern| match pattern {
        RegionPattern::Region(region) => region.code().to_owned(),
        RegionPattern::Provider(provider) => format!("any of {}", provider.as_str()),
    };
    patterns.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A number of things: `1 stage`, `2 stages`, `no retries`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let plural = thing.strip_suffix('y').map_or_else(|| format!("{thing}s"), |stem| format!("{stem}ies"));
    match number {
        0 => format!("no {plural}"),
        1 => format!("1 {thing}"),
        _ => format!("{number} {plural}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_counted_as_people_count_them() {
        assert_eq!(count(0, "retry"), "no retries");
        assert_eq!(count(1, "stage"), "1 stage");
        assert_eq!(count(2, "retry"), "2 retries");
    }

    #[test]
    fn only_options_that_differ_from_the_usual_are_told() {
        let mut spec = FunctionSpec::new("f");
        assert_eq!(rules(&spec), "");
        spec.idempotent = true;
        spec.deny.push(Region::aws("us-west-1"));
        assert_eq!(rules(&spec), "idempotent, not in us-west-1");
    }
}
