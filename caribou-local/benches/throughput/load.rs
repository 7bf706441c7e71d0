//! Runs, one at a time and many at once.

use std::time::{Duration, Instant};

use caribou_local::Control;
use caribou_local::model::{NodeId, StageRecord, Timestamp};
use caribou_runtime::Client;
use caribou_runtime::port::{Condition, Ports};
use serde_json::json;

use crate::processes::CpuTimes;
use crate::{HOME, Outcome, summary};

const WRITES: usize = 8000;
const WRITERS: usize = 32;
const SINGLE: usize = 200;
const RUNS: usize = 1500;
/// Clients that start runs at the same time.
const CLIENTS: usize = 16;
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) async fn writes(ports: &Ports) -> Outcome<()> {
    let began = Instant::now();
    let writers = (0..WRITERS).map(|writer| {
        let store = ports.store.clone();
        tokio::spawn(async move {
            for number in 0..WRITES / WRITERS {
                let (key, never) = (format!("{writer}/{number}"), Timestamp::from_millis(u64::MAX));
                store.put(&HOME, &key, vec![7; 300].into(), Condition::Absent, never).await?;
            }
            Ok::<_, caribou_runtime::port::StoreError>(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    let rate = WRITES as f64 / began.elapsed().as_secs_f64();
    println!("\nstore writes by {WRITERS} writers: {rate:.0} per second");
    Ok(())
}

/// One run at a time on warm instances: what a hop consists of.
pub(crate) async fn hops(control: &Control, client: &Client) -> Outcome<()> {
    let after = drain(control, 0).await?.1;
    let mut runs = Vec::new();
    for _ in 0..SINGLE {
        let began = Instant::now();
        let run = client.start(None, json!({})).await?;
        client.wait(&run, Duration::from_millis(1), PATIENCE).await?;
        runs.push(began.elapsed());
        settle(control).await?;
    }
    let records = drain(control, after).await?.0;
    let of = |part: &dyn Fn(&StageRecord) -> Option<f64>| {
        let times = records.iter().filter(|record| record.node == NodeId(2)).filter_map(part);
        summary(times.map(|ms| Duration::from_secs_f64(ms.max(0.0) / 1e3)).collect())
    };
    let between = |from: Timestamp, to: Timestamp| to.since(from).as_secs_f64() * 1e3;
    println!("\none run of two stages at a time; median (95th percentile) of {SINGLE}, ms");
    println!("  request to result              {}", summary(runs));
    println!("  of the second stage, by its line of telemetry, which counts in whole ms:");
    println!(
        "    sent to received             {}",
        of(&|record| Some(between(record.sent?, record.received)))
    );
    println!(
        "    claim                        {}",
        of(&|record| Some(between(record.received, record.started)))
    );
    println!("    function                     {}", of(&|record| Some(record.duration_ms)));
    println!(
        "    outcome and result           {}",
        of(&|record| Some(record.billed_ms - between(record.received, record.started) - record.duration_ms))
    );
    Ok(())
}

/// Many runs at once: executions per second, and what one costs.
pub(crate) async fn throughput(control: &Control, client: &Client, most_instances: usize) -> Outcome<()> {
    let after = drain(control, 0).await?.1;
    let (cpu, disk, began) = (CpuTimes::now(), control.status().await?.disk, Instant::now());
    let starting = (0..CLIENTS).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..RUNS / CLIENTS {
                client.start(None, json!({})).await?;
            }
            Ok::<_, caribou_runtime::ClientError>(())
        })
    });
    for started in starting.collect::<Vec<_>>() {
        started.await??;
    }
    settle(control).await?;
    let (seconds, now, status) = (began.elapsed().as_secs_f64(), CpuTimes::now(), control.status().await?);
    let records = drain(control, after).await?.0;
    let executions = records.iter().filter(|record| record.node != NodeId::ENTRY).count();
    let entries = records.len() - executions;
    let cold = records.iter().filter(|record| record.cold).count();

    println!(
        "\n{entries} runs of two stages by {CLIENTS} clients at once; {most_instances} instances work at a time"
    );
    println!(
        "  stage executions               {:.0} per second ({executions} in {seconds:.1} s)",
        executions as f64 / seconds
    );
    println!("  instances                      {}, {cold} of them started meanwhile", status.instances);
    let each = |total: f64| total / executions as f64;
    println!("  of each stage execution, with its share of entries (one for two) and of clients:");
    let cores = std::thread::available_parallelism()?.get() as f64;
    let instances = now.instances_since(&cpu);
    let [writer, cloud] = ["caribou-disk", "caribou-cloud"].map(|name| now.threads_since(&cpu, name));
    let clients = now.threads_since(&cpu, "").saturating_sub(writer + cloud);
    let line = |what: &str, ms: f64| println!("    {what:<28} {ms:6.2} ms");
    let ms = |time: Duration| each(time.as_secs_f64() * 1e3);
    line(&format!("wall time of {cores} cores"), each(seconds * cores * 1e3));
    line("CPU of instances", ms(instances));
    line("CPU of HTTP and scheduling", ms(cloud));
    line("CPU of the writer", ms(writer));
    line("CPU of the clients", ms(clients));
    let busy = ms(instances + cloud + writer + clients);
    line("idle, or others' work", each(seconds * cores * 1e3) - busy);
    let (committed, written) = (status.disk.commits - disk.commits, status.disk.writes - disk.writes);
    let applying = (status.disk.applying_us - disk.applying_us) as f64 / 1e3;
    let committing = (status.disk.committing_us - disk.committing_us) as f64 / 1e3;
    line("writer applying", each(applying));
    line("writer committing", each(committing));
    println!(
        "  the writer: {:.1} writes in {:.2} commits for each execution; a commit holds {:.1} writes and takes {:.2} ms, and the writer is busy {:.0} % of the time",
        each(written as f64),
        each(committed as f64),
        written as f64 / committed as f64,
        committing / committed as f64,
        (applying + committing) / seconds / 10.0,
    );
    let requests: u32 = records.iter().map(|record| record.store_reads + record.store_writes).sum();
    let sends: usize = records.iter().map(|record| record.successors.len()).sum();
    let runtime_api = 2 * records.len();
    println!(
        "  HTTP requests for each execution: {:.1} to the store, {:.1} messages, {:.1} to the Runtime API",
        each(f64::from(requests)),
        each(sends as f64 + entries as f64),
        each(runtime_api as f64),
    );
    Ok(())
}

pub(crate) async fn settle(control: &Control) -> Outcome<()> {
    if control.settled(PATIENCE).await? { Ok(()) } else { Err("the runs did not end in time".into()) }
}

/// All telemetry after a number, and the number after it.
async fn drain(control: &Control, mut after: u64) -> Outcome<(Vec<StageRecord>, u64)> {
    let mut records = Vec::new();
    loop {
        let telemetry = control.telemetry(after).await?;
        if telemetry.lines.is_empty() {
            return Ok((records, after));
        }
        after = telemetry.next;
        for line in &telemetry.lines {
            records.push(serde_json::from_str(line)?);
        }
    }
}
