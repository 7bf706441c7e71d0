//! Regions of AWS: which an account has from the start, and in which a workflow can be.

use std::collections::BTreeSet;

use caribou_model::manifest::RegionRules;
use caribou_model::{Graph, Manifest, Provider, Region};

/// The regions that every account has. All that were opened after March 2019 have to be enabled first.
const ENABLED: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Whether a region has to be enabled before an account can use it.
pub fn is_opt_in(region: &Region) -> bool {
    let code = region.code();
    !(ENABLED.contains(&code) || code.starts_with("us-gov-") || code.starts_with("cn-"))
}

/// Every region where something of a workflow may be: home, all that the manifest or the code names (denied ones too: they
/// may have been allowed before), and those of the `known` ones that may be used.
pub fn regions_of(manifest: &Manifest, graph: &Graph, known: &[Region]) -> Vec<Region> {
    let named = std::iter::once(&manifest.home)
        .chain(manifest.regions.named())
        .chain(manifest.functions.values().flat_map(RegionRules::named))
        .chain(graph.functions.iter().flat_map(|spec| spec.allow.iter().chain(&spec.deny)))
        .chain(known.iter().filter(|region| manifest.regions.permit(region)));
    let distinct: BTreeSet<&Region> = named.filter(|region| region.provider() == Provider::Aws).collect();
    let further = distinct.into_iter().filter(|region| **region != manifest.home).cloned();
    std::iter::once(manifest.home.clone()).chain(further).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{HOME, diamond};

    #[test]
    fn home_comes_first_and_what_was_denied_since_is_looked_at_too() {
        let mut manifest = Manifest::at_home(HOME);
        manifest.regions.deny.push(Region::aws("us-west-1").into());
        manifest.regions.deny.push(Region::aws("us-west-2").into());
        let known = ["ca-central-1", "us-west-2", "us-east-1"].map(Region::aws);
        let regions = regions_of(&manifest, &diamond(), &known);
        assert_eq!(regions, ["us-east-1", "ca-central-1", "us-west-1", "us-west-2"].map(Region::aws));
    }

    #[test]
    fn regions_opened_since_2019_are_opt_in() {
        assert!(is_opt_in(&Region::aws("ca-west-1")) && is_opt_in(&Region::aws("af-south-1")));
        assert!(!is_opt_in(&HOME) && !is_opt_in(&Region::aws("us-gov-west-1")));
    }
}
