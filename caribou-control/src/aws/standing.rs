//! Which versions of a workflow are where.

use std::collections::{BTreeMap, BTreeSet};

use caribou_model::Region;
use caribou_runtime::port::StageAddress;

use super::connection::Aws;
use super::error::{AwsError, Fault};
use super::inventory::function_names;
use super::resource::{Id, Kind};
use super::together::{Work, all};

/// The versions of a workflow that are deployed, and in each region the names of their functions as far as that can be told
/// from what they are called.
pub type Standing = BTreeMap<String, BTreeMap<Region, BTreeSet<String>>>;

/// Looks for a workflow's functions in these regions, of whatever version. A region that is not enabled has none.
///
/// # Errors
///
/// [`AwsError`] if Lambda does not answer.
pub async fn standing(
    aws: &Aws,
    workflow: &str,
    functions: &[&str],
    regions: &[Region],
) -> Result<Standing, AwsError> {
    let mut looks: Vec<Work<'_, BTreeSet<String>>> = Vec::new();
    for region in regions {
        looks.push(Box::pin(function_names(aws, region)));
    }
    let mut standing = Standing::new();
    for (region, names) in regions.iter().zip(all(looks).await?) {
        for name in names {
            if let Some((version, function)) = parts(workflow, functions, &name) {
                let there = standing.entry(version).or_default().entry(region.clone()).or_default();
                there.insert(function);
            }
        }
    }
    Ok(standing)
}

/// The URLs at which these functions take requests over HTTP; those without one are left out.
///
/// # Errors
///
/// [`AwsError`] if Lambda does not answer.
pub async fn urls(aws: &Aws, entries: &[StageAddress]) -> Result<Vec<String>, AwsError> {
    let mut found = Vec::new();
    for entry in entries {
        let id = Id::new(Kind::FunctionUrl, &entry.region, entry.deployed_name());
        let asked =
            aws.at(&entry.region).lambda.get_function_url_config().function_name(&id.name).send().await;
        match asked.map_err(id.fault("lambda:GetFunctionUrlConfig")) {
            Ok(url) => found.push(url.function_url),
            Err(error) if error.fault() == Some(Fault::Absent) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Version and function of a name: `press-0_1_0-resize` is `resize` of 0.1.0. Names of the functions that are known say where
/// the version ends.
fn parts(workflow: &str, functions: &[&str], name: &str) -> Option<(String, String)> {
    let rest = name.strip_prefix(workflow)?.strip_prefix('-')?;
    if !rest.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let known = functions.iter().find_map(|function| {
        let version = rest.strip_suffix(function)?.strip_suffix('-')?;
        Some((version, *function))
    });
    let (version, function) = known.or_else(|| rest.rsplit_once('-'))?;
    Some((version.replace('_', "."), function.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_version_and_function() {
        let of = |name| parts("press", &["resize", "make-card"], name);
        let some = |version: &str, function: &str| Some((version.to_owned(), function.to_owned()));
        assert_eq!(of("press-0_1_0-resize"), some("0.1.0", "resize"));
        assert_eq!(of("press-1_0_0-rc_1-make-card"), some("1.0.0-rc.1", "make-card"));
        assert_eq!(of("press-1_0_0-rc_1-older"), some("1.0.0-rc.1", "older"));
        for other in ["press", "press-room-0_1_0-resize", "pressure-0_1_0-resize", "press-0_1_0"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
