//! Writes the tables of figures in `caribou-control/data` from the files they are derived from.
//!
//! ```text
//! cargo run -p caribou-control --example region_tables -- SOURCE_DIRECTORY caribou-control/data
//! ```
//!
//! The source directory holds `aws_regions.csv`, `aws_prices.csv`, `aws_latency_ms.csv` and `grid_hourly_2022.csv`.
//! A region is kept if its grid has an hourly series, and its prices and latencies are known.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

type Rows = Vec<BTreeMap<String, String>>;
type Outcome<T> = Result<T, Box<dyn Error>>;

/// Zones that feed no region by default, kept because a setting may choose them.
const ALTERNATIVE_ZONES: [&str; 1] = ["US-NW-BPAT"];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(source), Some(target)) = (arguments.next(), arguments.next()) else {
        return Err("usage: region_tables SOURCE_DIRECTORY TARGET_DIRECTORY".into());
    };
    let (source, target) = (Path::new(&source), Path::new(&target));
    let latencies = read(&source.join("aws_latency_ms.csv"))?;
    let prices: BTreeMap<String, BTreeMap<String, String>> =
        read(&source.join("aws_prices.csv"))?.into_iter().map(|row| (row["region"].clone(), row)).collect();
    let mut regions = read(&source.join("aws_regions.csv"))?;
    regions.retain(|region| {
        let code = &region["code"];
        region["hourly_2022"] == "yes"
            && prices.get(code).is_some_and(|price| !price["inter_region_usd_per_gb"].is_empty())
            && latencies.iter().any(|pair| pair["from_region"] == *code)
    });
    let codes: Vec<&str> = regions.iter().map(|region| region["code"].as_str()).collect();
    let mut zones: Vec<&str> = regions.iter().map(|region| region["grid_zone"].as_str()).collect();
    zones.extend(ALTERNATIVE_ZONES);
    zones.sort_unstable();
    zones.dedup();

    fs::write(target.join("regions.csv"), regions_table(&regions))?;
    fs::write(target.join("prices.csv"), prices_table(&codes, &prices)?)?;
    fs::write(target.join("latency_ms.csv"), latency_table(&codes, &latencies)?)?;
    fs::write(
        target.join("carbon.csv"),
        carbon_table(&zones, &read(&source.join("grid_hourly_2022.csv"))?)?,
    )?;
    Ok(())
}

/// Reads a CSV file without quoted fields: one map of column to text for each row.
fn read(path: &Path) -> Outcome<Rows> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let row = |line: &str| header.iter().zip(line.split(',')).map(|(k, v)| ((*k).into(), v.into())).collect();
    Ok(lines.map(row).collect())
}

fn regions_table(regions: &Rows) -> String {
    let mut table = String::from(
        "# AWS regions. Coordinates and grid zones: electricitymaps-contrib list of data centres (ODbL 1.0), latest\n\
         # PUE that AWS published for 2022 to 2024; an empty PUE is not published.\n\
         region,name,latitude,longitude,grid_zone,pue\n",
    );
    for region in regions {
        let field = |name: &str| region[name].as_str();
        let [code, name, zone, pue] = ["code", "name", "grid_zone", "pue_latest"].map(field);
        let _ = writeln!(table, "{code},{name},{},{},{zone},{pue}", field("latitude"), field("longitude"));
    }
    table
}

/// Prices by region, each gap filled as the table's own header says.
fn prices_table(codes: &[&str], prices: &BTreeMap<String, BTreeMap<String, String>>) -> Outcome<String> {
    let mut table = String::from(
        "# AWS list prices in USD: artillery 2.0.28's table of Lambda prices, AWS price lists, skyplane (Apache-2.0, 2022-11).\n\
         # `assumed` names what is not known for the region and taken from elsewhere: requests and Lambda time from the\n\
         # base price; messages from the region's neighbours; store at the list price of us-east-1 from 2024-11 (0.625 and\n\
         # 0.125 per million write and read units), or half of the region's price before; blobs at the list price of S3\n\
         # Standard in us-east-1 (0.005 per 1000 PUT, 0.0004 per 1000 GET).\n\
         region,x86_gb_s,arm_gb_s,request,message,write,read,blob_write,blob_read,gb_between_regions,gb_to_internet,assumed\n",
    );
    for code in codes {
        let price = &prices[*code];
        let known = |name: &str| price[name].parse::<f64>();
        let assumed_basis = |name: &str| {
            let basis = price[name].as_str();
            basis.contains("assumed") || basis.contains("default") || basis == "caribou"
        };
        let mut assumed = vec!["blob"];
        let (write, read) = if let Ok(write) = known("ddb_write_usd_per_wru_from_2024_11") {
            (write, known("ddb_read_usd_per_rru_from_2024_11")?)
        } else {
            assumed.push("store");
            match known("ddb_write_usd_per_wru_before_2024_11") {
                Ok(write) => (write / 2.0, known("ddb_read_usd_per_rru_before_2024_11")? / 2.0),
                Err(_) => (0.625e-6, 0.125e-6),
            }
        };
        let named = [
            ("lambda_compute_basis", "time"),
            ("lambda_request_basis", "request"),
            ("sns_basis", "message"),
            ("egress_basis", "internet"),
            ("inter_region_basis", "between"),
        ];
        assumed.extend(named.iter().filter(|(basis, _)| assumed_basis(basis)).map(|(_, name)| name));
        let _ = writeln!(
            table,
            "{code},{},{},{:e},{:e},{:e},{:e},5e-6,4e-7,{},{},{}",
            price["lambda_x86_usd_per_gb_s"],
            price["lambda_arm64_usd_per_gb_s"],
            known("lambda_usd_per_request")?,
            round(known("sns_usd_per_million_requests")? / 1e6, 10),
            round(write, 12),
            round(read, 12),
            price["inter_region_usd_per_gb"],
            price["internet_egress_usd_per_gb"],
            assumed.join(" "),
        );
    }
    Ok(table)
}

fn latency_table(codes: &[&str], pairs: &Rows) -> Outcome<String> {
    let mut table = String::from(
        "# Round trips between AWS regions over TCP, in ms: median and 90th percentile over the year to July 2025, as\n\
         # measured by CloudPing (cloudping.co).\n\
         from,to,p50,p90\n",
    );
    for pair in pairs {
        let (from, to) = (pair["from_region"].as_str(), pair["to_region"].as_str());
        if codes.contains(&from) && codes.contains(&to) {
            let (p50, p90): (f64, f64) = (pair["p50_ms"].parse()?, pair["p90_ms"].parse()?);
            let _ = writeln!(table, "{from},{to},{p50:.1},{p90:.1}");
        }
    }
    Ok(table)
}

/// Mean of each hour (UTC) of the day over the days of each month, to three significant digits.
fn carbon_table(zones: &[&str], hours: &Rows) -> Outcome<String> {
    let mut table = String::from(
        "# Carbon intensity of electricity in gCO2eq/kWh, 2022: mean of each hour (UTC) of the day by zone and month;\n\
         # life-cycle emission factors, flow-traced consumption. Data: Electricity Maps (electricitymaps.com), through\n\
         # umassos/decarbonization-potential, under the Open Database License (ODbL) 1.0; this table too is under ODbL 1.0.\n\
         zone,month",
    );
    for hour in 0..24 {
        let _ = write!(table, ",h{hour:02}");
    }
    table.push('\n');
    for zone in zones {
        let mut sums = [[(0.0, 0_u32); 24]; 12];
        for row in hours {
            let time = &row["datetime_utc"];
            let (month, hour): (usize, usize) = (time[5..7].parse()?, time[11..13].parse()?);
            let (sum, count) = &mut sums[month - 1][hour];
            *sum += row[*zone].parse::<f64>()?;
            *count += 1;
        }
        for (month, day) in sums.iter().enumerate() {
            let _ = write!(table, "{zone},{}", month + 1);
            for (sum, count) in day {
                let mean = sum / f64::from(*count);
                let decimals = usize::from(mean < 100.0);
                let _ = write!(table, ",{mean:.decimals$}");
            }
            table.push('\n');
        }
    }
    Ok(table)
}

fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}
