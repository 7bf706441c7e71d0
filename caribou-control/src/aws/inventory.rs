//! What there is in a region, by listing.

use std::collections::BTreeSet;

use caribou_model::Region;

use super::connection::Aws;
use super::error::AwsError;
use super::resource::{Id, Kind};

/// The names of all functions in a region.
pub(super) async fn function_names(aws: &Aws, region: &Region) -> Result<BTreeSet<String>, AwsError> {
    let id = Id::new(Kind::Function, region, "*");
    let mut pages = aws.at(region).lambda.list_functions().into_paginator().send();
    let mut names = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(id.fault("lambda:ListFunctions"))?;
        names.extend(page.functions.unwrap_or_default().into_iter().filter_map(|found| found.function_name));
    }
    Ok(names)
}
