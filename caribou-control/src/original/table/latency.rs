//! Measured latencies by the size of what was moved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use caribou_model::Region;

use crate::original::OriginalError;
use crate::original::document::Value;

/// KiB in a GB as the original counts it.
pub(in crate::original) const KIB_PER_GB: f64 = 1024.0 * 1024.0;

/// Latencies of a pair of regions.
#[derive(Clone, Debug, Default)]
pub(in crate::original) struct Latencies {
    /// Seconds by size in started tens of KiB.
    by_size: BTreeMap<u64, Vec<f64>>,
    fit: Option<Fit>,
}

/// A line through them, in seconds and seconds per GB, and where it is cut off.
#[derive(Clone, Copy, Debug)]
struct Fit {
    slope: f64,
    intercept: f64,
    min: f64,
    max: f64,
}

/// The size class of a size: started tens of KiB.
fn size_class(gb: f64) -> u64 {
    (gb * KIB_PER_GB / 10.0).ceil() as u64
}

impl Latencies {
    pub(in crate::original) fn parse(value: &Value<'_>) -> Result<Self, OriginalError> {
        let mut by_size = BTreeMap::new();
        if let Some(sizes) = value.find("transfer_size_gb_to_transfer_latencies_s") {
            for (key, list) in sizes.members()? {
                let gb = key.parse::<f64>().ok().filter(|gb| (0.0..1e6).contains(gb));
                let gb = gb.ok_or_else(|| list.bad("under a key that is a size in GB"))?;
                by_size.insert((gb * KIB_PER_GB / 10.0).round() as u64, list.samples(0.0)?);
            }
        }
        let fit = value
            .find("best_fit_line")
            .filter(|fit| fit.members().is_ok_and(|mut members| members.next().is_some()));
        let fit = fit.map(|fit| {
            let of =
                |key, least| fit.get(key, "give the whole line, or an empty one")?.number(least, f64::MAX);
            Ok::<Fit, OriginalError>(Fit {
                slope: of("slope_s", f64::MIN)?,
                intercept: of("intercept_s", f64::MIN)?,
                min: of("min_latency_s", 0.0)?,
                max: of("max_latency_s", 0.0)?,
            })
        });
        Ok(Self { by_size, fit: fit.transpose()? })
    }

    /// The latencies of this size, or the one on the line; nothing where neither is known.
    pub(in crate::original) fn of(&self, gb: f64) -> Option<Cow<'_, [f64]>> {
        let class = size_class(gb);
        if let Some(latencies) = self.by_size.get(&class) {
            return Some(Cow::Borrowed(latencies));
        }
        let rounded_gb = class as f64 * 10.0 / KIB_PER_GB;
        self.fit.map(|fit| {
            let latency = fit.slope * rounded_gb + fit.intercept;
            Cow::Owned(vec![latency.max(fit.min).min(fit.max)])
        })
    }
}

/// Reads what is kept by sender's region and receiver's.
pub(in crate::original) fn by_pair<T>(
    value: Option<Value<'_>>,
    known: &[Region],
    read: impl Fn(&Value<'_>) -> Result<T, OriginalError>,
) -> Result<BTreeMap<(Region, Region), T>, OriginalError> {
    let mut pairs = BTreeMap::new();
    let Some(value) = value else { return Ok(pairs) };
    for (from, receivers) in value.members()? {
        let from = known_region(from, &receivers, known)?;
        for (to, value) in receivers.members()? {
            let to = known_region(to, &value, known)?;
            pairs.insert((from.clone(), to), read(&value)?);
        }
    }
    Ok(pairs)
}

/// The region that a key names.
pub(in crate::original) fn known_region(
    key: &str,
    value: &Value<'_>,
    known: &[Region],
) -> Result<Region, OriginalError> {
    let region: Region =
        key.parse().map_err(|_| value.bad("under a key that is a region, such as aws:us-east-1"))?;
    if known.contains(&region) { Ok(region) } else { Err(value.unknown_region(&region)) }
}
