//! Runs an embedded cloud of three regions on the state directory that it is given, prints where it listens, and ends
//! when it is asked to. Tests that kill a cloud start this.

use caribou_local::model::{LatencyTable, Region};
use caribou_local::{Cloud, Config};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let state = std::env::args_os().nth(1).ok_or("usage: cloud STATE_DIRECTORY")?;
    let cloud = Cloud::start(Config {
        state: state.into(),
        port: 0,
        regions: ["us-east-1", "ca-central-1", "us-west-2"].map(Region::aws).into(),
        latencies: LatencyTable::new(),
        latency_scale: 0.0,
        most_instances: 4,
    })
    .await?;
    println!("{}", cloud.endpoint());
    cloud.stop_requested().await;
    cloud.stop().await;
    Ok(())
}
