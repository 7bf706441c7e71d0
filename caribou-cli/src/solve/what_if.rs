//! What would be if regions or limits were others.

use std::str::FromStr;

use caribou_control::facts::Facts;
use caribou_model::manifest::{InvalidStatistic, RegionPattern};
use caribou_model::{Constraint, InvalidRegion, Limit, Manifest, Metric, Region, Statistic, Strictness};
use caribou_solver::{Settings, Solution};
use serde::Serialize;

use super::source::Source;
use crate::error::CliError;

/// A question: what changes if all of this were so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    text: String,
    changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq)]
enum Change {
    With(Region),
    Without(Region),
    /// A hard limit relative to home, or none.
    Limit(Metric, Statistic, Option<f64>),
}

/// Why a text is no question.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum InvalidQuestion {
    #[error(
        "`{0}` asks nothing; ask `region=eu-north-1`, `without=us-west-1`, `limit=runtime.p95:1.2` or \
         `limit=runtime.p95:none`, or several at once with commas"
    )]
    Unknown(String),
    #[error(transparent)]
    Region(#[from] InvalidRegion),
    #[error(transparent)]
    Statistic(#[from] InvalidStatistic),
    #[error("`{0}` is no metric; the metrics are `carbon`, `cost` and `runtime`")]
    Metric(String),
    #[error(
        "`{0}` is no limit; write a factor of home's figure above 0 (`1.2` is at most 20 % more), or `none`"
    )]
    Factor(String),
}

impl FromStr for Question {
    type Err = InvalidQuestion;

    fn from_str(text: &str) -> Result<Self, InvalidQuestion> {
        let changes = text.split(',').map(|part| change(part.trim())).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), changes })
    }
}

fn change(text: &str) -> Result<Change, InvalidQuestion> {
    let unknown = || InvalidQuestion::Unknown(text.chars().take(64).collect());
    let (what, value) = text.split_once('=').ok_or_else(unknown)?;
    match what {
        "region" => Ok(Change::With(value.parse()?)),
        "without" => Ok(Change::Without(value.parse()?)),
        "limit" => {
            let (limited, factor) = value.split_once(':').ok_or_else(unknown)?;
            let (metric, statistic) = limited
                .split_once('.')
                .map_or((limited, None), |(metric, statistic)| (metric, Some(statistic)));
            let known = Metric::ALL.into_iter().find(|known| known.to_string() == metric);
            let metric = known.ok_or_else(|| InvalidQuestion::Metric(metric.to_owned()))?;
            let statistic = statistic.map_or(Ok(Statistic::default()), str::parse)?;
            let number = factor.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
            if number.is_none() && factor != "none" {
                return Err(InvalidQuestion::Factor(factor.to_owned()));
            }
            Ok(Change::Limit(metric, statistic, number))
        }
        _ => Err(unknown()),
    }
}

impl Question {
    /// The manifest as it is asked for.
    ///
    /// A question that changes nothing, or that nothing is known for, is a mistake of who asks it.
    pub(super) fn applied(&self, source: &Source) -> Result<Manifest, CliError> {
        let mut manifest = source.manifest.clone();
        for change in &self.changes {
            let fault = match change {
                Change::With(region) => allow(&mut manifest, region, source),
                Change::Without(region) => deny(&mut manifest, region, source),
                Change::Limit(metric, statistic, factor) => {
                    limit(&mut manifest, *metric, *statistic, *factor)
                }
            };
            fault.map_err(|fault| CliError::Usage(format!("--what-if {}: {fault}", self.text)))?;
        }
        Ok(manifest)
    }

    /// What was asked, in words.
    pub(super) fn words(&self) -> String {
        let words = |change: &Change| match change {
            Change::With(region) => format!("{} were allowed too", region.code()),
            Change::Without(region) => format!("{} were not allowed", region.code()),
            Change::Limit(metric, statistic, None) => format!("{statistic} {metric} had no limit"),
            Change::Limit(metric, statistic, Some(factor)) => {
                format!("{statistic} {metric} could be at most {factor} times home's")
            }
        };
        self.changes.iter().map(words).collect::<Vec<_>>().join(", and ")
    }

    /// Solves again as it is asked.
    pub(super) fn answer(&self, source: &Source, settings: &Settings) -> Result<Answer, CliError> {
        let told = |error: CliError| match error {
            CliError::Usage(_) => error,
            _ => CliError::Failed(format!("--what-if {}: {error}", self.text)),
        };
        let posed = source.pose(&self.applied(source)?, settings).map_err(told)?;
        let solution = posed.solve(settings).map_err(|error| told(error.into()))?;
        Ok(Answer { question: self.text.clone(), words: self.words(), solution })
    }
}

/// What would be found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Answer {
    /// As it was asked on the command line.
    pub(super) question: String,
    #[serde(skip)]
    pub(super) words: String,
    pub(super) solution: Solution,
}

fn known(facts: &Facts, region: &Region) -> Result<(), String> {
    facts.select(std::slice::from_ref(region)).map(drop).map_err(|error| error.to_string())
}

fn allow(manifest: &mut Manifest, region: &Region, source: &Source) -> Result<(), String> {
    let facts = source.facts();
    known(&facts, region)?;
    let code = region.code();
    let permits = |manifest: &Manifest| {
        source.graph().functions.iter().any(|function| manifest.permits(function, region))
    };
    if permits(manifest) {
        return Err(format!("{code} is allowed already; ask for a region that is not, or `without={code}`"));
    }
    let rules = &mut manifest.regions;
    if let Some(pin) = rules.pin.take() {
        rules.allow = vec![pin.into()];
    }
    // a rule that denies a whole provider goes on denying the others
    let denied: Vec<RegionPattern> = rules.deny.drain(..).collect();
    for pattern in denied {
        match pattern {
            RegionPattern::Region(_) => rules.deny.push(pattern),
            RegionPattern::Provider(_) => {
                let others = facts.regions.iter().map(|facts| &facts.region);
                rules.deny.extend(others.filter(|other| pattern.matches(other)).cloned().map(Into::into));
            }
        }
    }
    rules.deny.retain(|pattern| !pattern.matches(region));
    if !rules.allow.is_empty() {
        rules.allow.push(region.clone().into());
    }
    if permits(manifest) {
        return Ok(());
    }
    Err(format!("the rules of every single function keep it out of {code}; change those first"))
}

fn deny(manifest: &mut Manifest, region: &Region, source: &Source) -> Result<(), String> {
    known(&source.facts(), region)?;
    let code = region.code();
    if *region == manifest.home {
        return Err(format!(
            "{code} is home, where plans fall back to and probes run; ask for another region"
        ));
    }
    if !source.graph().functions.iter().any(|function| manifest.permits(function, region)) {
        return Err(format!("{code} is not allowed anyway; ask for a region that is, or `region={code}`"));
    }
    manifest.regions.deny.push(region.clone().into());
    Ok(())
}

fn limit(
    manifest: &mut Manifest,
    metric: Metric,
    statistic: Statistic,
    factor: Option<f64>,
) -> Result<(), String> {
    let same = |one: &Constraint| one.metric == metric && one.statistic == statistic;
    if factor.is_none() && !manifest.constraints.iter().any(same) {
        return Err(format!("there is no limit on {statistic} {metric}; ask for one that there is"));
    }
    manifest.constraints.retain(|one| !same(one));
    let limit = factor.map(Limit::RelativeToHome);
    let strictness = Strictness::Hard;
    manifest.constraints.extend(limit.map(|limit| Constraint { metric, statistic, limit, strictness }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_with_all_its_changes() {
        let question: Question = "region=eu-north-1, limit=runtime.p95:1.2,limit=cost:none".parse().unwrap();
        let [with, runtime, cost] = question.changes.as_slice() else { panic!("{question:?}") };
        assert_eq!(*with, Change::With(Region::aws("eu-north-1")));
        assert_eq!(*runtime, Change::Limit(Metric::Runtime, Statistic::P95, Some(1.2)));
        assert_eq!(*cost, Change::Limit(Metric::Cost, Statistic::P95, None));
    }

    #[test]
    fn what_is_no_question_is_told_with_what_can_be_asked() {
        for (text, part) in [
            ("", "region=eu-north-1"),
            ("eu-north-1", "region=eu-north-1"),
            ("regions=eu-north-1", "region=eu-north-1"),
            ("region=EU North", "is no region"),
            ("limit=runtime.p95", "limit=runtime.p95:1.2"),
            ("limit=time.p95:1.2", "carbon"),
            ("limit=runtime.p100:1.2", "p99"),
            ("limit=runtime.p95:-1", "factor"),
            ("limit=runtime.p95:NaN", "factor"),
        ] {
            let error = text.parse::<Question>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
