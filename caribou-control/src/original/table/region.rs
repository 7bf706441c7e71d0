//! The tables of regions: which are available, their grids, speeds and prices.

use std::collections::BTreeMap;

use caribou_model::{HOURS, Region};

use super::config::Config;
use crate::original::OriginalError;
use crate::original::document::{Document, Value};

pub(in crate::original) const CARBON: &str = "carbon_region_table.json";
pub(in crate::original) const PERFORMANCE: &str = "performance_region_table.json";
pub(in crate::original) const PRICES: &str = "provider_region_table.json";
pub(in crate::original) const PROVIDER: &str = "provider_table.json";
pub(in crate::original) const AVAILABLE: &str = "available_regions_table.json";

/// One available region.
#[derive(Clone, Debug)]
pub(in crate::original) struct Row {
    pub(in crate::original) region: Region,
    pub(in crate::original) name: String,
    pub(in crate::original) latitude: f64,
    pub(in crate::original) longitude: f64,
    /// gCO2eq/kWh by hour.
    pub(in crate::original) intensities: [f64; HOURS],
    /// Time of a benchmark relative to other regions: larger is slower.
    pub(in crate::original) relative_time: f64,
    /// Round trips in seconds to other regions and within.
    pub(in crate::original) round_trips_s: BTreeMap<Region, Vec<f64>>,
    pub(in crate::original) charges: Charges,
}

/// Prices in USD, and power.
#[derive(Clone, Copy, Debug)]
pub(in crate::original) struct Charges {
    /// x86, then Arm.
    pub(in crate::original) gb_s: [f64; 2],
    pub(in crate::original) request: [f64; 2],
    pub(in crate::original) message: f64,
    pub(in crate::original) read: f64,
    pub(in crate::original) write: f64,
    pub(in crate::original) gb_between_regions: f64,
    pub(in crate::original) gb_to_internet: f64,
    pub(in crate::original) pue: f64,
    /// The share of the energy that is free of carbon by contract.
    pub(in crate::original) cfe: f64,
    /// kW per vCPU, idle and busy.
    pub(in crate::original) idle_kw: f64,
    pub(in crate::original) busy_kw: f64,
    pub(in crate::original) memory_kw_per_gb: f64,
}

/// The regions of provider `aws`, in the order of the file, and the names of the others.
pub(in crate::original) fn available(
    document: &Document,
) -> Result<(Vec<Region>, Vec<String>), OriginalError> {
    let (mut regions, mut others) = (Vec::new(), Vec::new());
    for (key, row) in document.root().members()? {
        if key.split_once(':').is_some_and(|(provider, _)| provider != "aws") {
            others.push(key.to_owned());
            continue;
        }
        regions
            .push(key.parse().map_err(|_| row.bad("under a key that is a region, such as aws:us-east-1"))?);
    }
    Ok((regions, others))
}

/// Checks that the provider of every available region is known.
pub(in crate::original) fn check_provider(document: &Document) -> Result<(), OriginalError> {
    document.root().get("aws", "give the provider an object, which may be empty")?.members().map(|_| ())
}

/// The regions that the configuration names must be available.
pub(in crate::original) fn check_named(config: &Config, known: &[Region]) -> Result<(), OriginalError> {
    let of_instance = |instance: &super::config::Instance| {
        let key = format!("instances.\"{}\".regions_and_providers.allowed_regions", instance.name);
        instance.rules.allow.iter().map(|region| (key.clone(), region.clone())).collect::<Vec<_>>()
    };
    let named = config
        .rules
        .allow
        .iter()
        .map(|region| ("regions_and_providers.allowed_regions".to_owned(), region.clone()));
    let home = [("home_region".to_owned(), config.home.clone())];
    let all = home.into_iter().chain(named).chain(config.instances.iter().flat_map(of_instance));
    for (key, region) in all {
        if !known.contains(&region) {
            let region = region.to_string();
            return Err(OriginalError::UnknownRegion { file: super::config::FILE, key, region });
        }
    }
    Ok(())
}

impl Row {
    /// Reads a region's rows.
    pub(in crate::original) fn parse(
        region: &Region,
        [available, carbon, performance, prices]: [&Document; 4],
        known: &[Region],
    ) -> Result<Self, OriginalError> {
        let remedy = "add the region's row, or take the region out of available_regions_table.json";
        let key = region.to_string();
        let [mut available, carbon, performance, prices] =
            [available, carbon, performance, prices].map(|document| row(document, &key, remedy));
        if let Ok(wrapped) = &available
            && let Some(value) = wrapped.find("value")
        {
            available = Ok(value);
        }
        let (available, carbon, performance, prices) = (available?, carbon?, performance?, prices?);
        let degrees = |key, most: f64| available.find(key).map_or(Ok(0.0), |value| value.number(-most, most));
        let name = available.find("name").map_or(Ok(region.code()), |name| name.text())?;
        let speed =
            performance.find("relative_performance").map_or(Ok(1.0), |value| value.number(1e-3, 1e3))?;
        let latencies = performance.get("transmission_latency", "run the performance collector again")?;
        let mut round_trips_s = BTreeMap::new();
        for (to, latency) in latencies.members()? {
            let to = super::latency::known_region(to, &latency, known)?;
            let list = latency.get("latency_distribution", "run the performance collector again")?;
            round_trips_s.insert(to, list.samples(0.0)?);
        }
        Ok(Self {
            region: region.clone(),
            name: name.to_owned(),
            latitude: degrees("latitude", 90.0)?,
            longitude: degrees("longitude", 180.0)?,
            intensities: intensities(&carbon)?,
            relative_time: speed,
            round_trips_s,
            charges: Charges::parse(&prices)?,
        })
    }
}

fn row<'a>(document: &'a Document, key: &str, remedy: &'static str) -> Result<Value<'a>, OriginalError> {
    let root = document.root();
    match root.members()?.find(|(name, _)| *name == key) {
        Some((_, value)) => Ok(value),
        None => Err(root.missing(key, remedy)),
    }
}

fn intensities(carbon: &Value<'_>) -> Result<[f64; HOURS], OriginalError> {
    const HOUR: [&str; HOURS] = [
        "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17",
        "18", "19", "20", "21", "22", "23",
    ];
    let remedy = "run the carbon collector again";
    let averages = carbon.get("averages", remedy)?;
    let mut intensities = [0.0; HOURS];
    for (intensity, hour) in intensities.iter_mut().zip(HOUR) {
        let value = match averages.find(hour) {
            Some(value) => value,
            None => averages.get("overall", remedy)?,
        };
        let value = value.find("carbon_intensity").unwrap_or(value);
        *intensity = value.number(0.0, 1e5)?;
    }
    Ok(intensities)
}

impl Charges {
    fn parse(row: &Value<'_>) -> Result<Self, OriginalError> {
        let remedy = "run the provider collector again";
        let price = |table, key| row.get(table, remedy)?.get(key, remedy)?.number(0.0, f64::MAX);
        let execution = |what| {
            let prices = row.get("execution_cost", remedy)?.get(what, remedy)?;
            let x86 = prices.get("x86_64", remedy)?.number(0.0, f64::MAX)?;
            let arm = prices.find("arm64").map_or(Ok(x86), |price| price.number(0.0, f64::MAX))?;
            Ok::<_, OriginalError>([x86, arm])
        };
        let power = |key, otherwise| row.find(key).map_or(Ok(otherwise), |value| value.number(0.0, f64::MAX));
        Ok(Self {
            gb_s: execution("compute_cost")?,
            request: execution("invocation_cost")?,
            message: price("sns_cost", "request_cost")?,
            read: price("dynamodb_cost", "read_request_cost")?,
            write: price("dynamodb_cost", "write_request_cost")?,
            gb_between_regions: price("transmission_cost", "provider_data_transfer")?,
            gb_to_internet: price("transmission_cost", "global_data_transfer")?,
            pue: row.find("pue").map_or(Ok(1.11), |pue| pue.number(1.0, 10.0))?,
            cfe: row.find("cfe").map_or(Ok(0.0), |cfe| cfe.number(0.0, 1.0))?,
            idle_kw: power("min_cpu_power_kWh", 0.00074)?,
            busy_kw: power("max_cpu_power_kWh", 0.0035)?,
            memory_kw_per_gb: power("average_memory_power", 0.000_372_5)?,
        })
    }
}
