//! A small set of tables, made by hand: `a` invokes `b` and `c`, `d` waits for both. Every list has one value, so that
//! every figure can be computed by hand.

use std::path::Path;

use caribou_control::original::{self, Imported, OriginalError};
use serde_json::{Value, json};

pub(crate) const KIB: f64 = 1.0 / 1_048_576.0;

/// The tables by file, to be changed before they are read.
pub(crate) struct Tables(pub(crate) Vec<(&'static str, Value)>);

impl Tables {
    pub(crate) fn diamond() -> Self {
        Self(vec![
            ("workflow_config.json", config()),
            ("workflow_instance_table.json", instances()),
            (
                "carbon_region_table.json",
                each(|home| json!({"averages": averages(if home { 400.0 } else { 100.0 })})),
            ),
            ("performance_region_table.json", performance()),
            ("provider_region_table.json", each(prices)),
            ("provider_table.json", json!({"aws": {}})),
            (
                "available_regions_table.json",
                each(
                    |home| json!({"name": if home { "East" } else { "West" }, "latitude": 40.0, "longitude": -80.0}),
                ),
            ),
        ])
    }

    pub(crate) fn file(&mut self, name: &str) -> &mut Value {
        &mut self.0.iter_mut().find(|(file, _)| *file == name).unwrap().1
    }

    /// Puts a value where a pointer of RFC 6901 leads to.
    pub(crate) fn set(mut self, file: &str, pointer: &str, value: Value) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = self.file(file).pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            _ => parent[key.replace("~1", "/")] = value,
        }
        self
    }

    pub(crate) fn write(&self, dir: &Path) {
        for (file, value) in &self.0 {
            std::fs::write(dir.join(file), value.to_string()).unwrap();
        }
    }

    pub(crate) fn read(&self) -> Result<Imported, OriginalError> {
        let dir = tempfile::tempdir().unwrap();
        self.write(dir.path());
        original::read(dir.path())
    }
}

fn each(of: impl Fn(bool) -> Value) -> Value {
    json!({"aws:us-east-1": of(true), "aws:us-west-1": of(false)})
}

fn averages(intensity: f64) -> Value {
    json!({"overall": {"carbon_intensity": intensity}})
}

fn performance() -> Value {
    let latencies = |east: f64, west: f64| {
        json!({
            "aws:us-east-1": {"latency_distribution": [east], "unit": "s"},
            "aws:us-west-1": {"latency_distribution": [west], "unit": "s"},
        })
    };
    json!({
        "aws:us-east-1": {"relative_performance": 1.0, "transmission_latency": latencies(0.01, 0.06)},
        "aws:us-west-1": {"relative_performance": 1.5, "transmission_latency": latencies(0.06, 0.03)},
    })
}

fn prices(home: bool) -> Value {
    json!({
        "execution_cost": {
            "invocation_cost": {"arm64": 1e-6, "x86_64": 1e-6},
            "compute_cost": {"arm64": 1e-5, "x86_64": 1e-5},
        },
        "transmission_cost": {"global_data_transfer": 0.09, "provider_data_transfer": 0.02},
        "sns_cost": {"request_cost": 5e-7},
        "dynamodb_cost": {"read_request_cost": 2.5e-7, "write_request_cost": if home { 1.25e-6 } else { 2e-6 }},
        "pue": 1.1,
        "average_memory_power": 0.000_372_5,
        "max_cpu_power_kWh": 0.0035,
        "min_cpu_power_kWh": 0.000_74,
        "a_key_of_a_later_version": 1,
    })
}

fn config() -> Value {
    let rules = json!({
        "allowed_regions": null,
        "disallowed_regions": null,
        "providers": {"aws": {"config": {"timeout": 60, "memory": 1769}}},
    });
    let instance = |name: &str, next: Value, before: Value| {
        json!({
            "instance_name": name,
            "regions_and_providers": rules,
            "succeeding_instances": next,
            "preceding_instances": before,
            "dependent_sync_predecessors": [],
        })
    };
    json!({
        "workflow_name": "diamond",
        "workflow_version": "0.0.1",
        "workflow_id": "diamond-0.0.1",
        "instances": {
            "a": instance("a", json!(["b", "c"]), json!([])),
            "b": instance("b", json!(["d"]), json!(["a"])),
            "c": instance("c", json!(["d"]), json!(["a"])),
            "d": instance("d", json!([]), json!(["b", "c"])),
        },
        "home_region": {"provider": "aws", "region": "us-east-1"},
        "num_calls_in_one_month": 1000,
        "constraints": {
            "hard_resource_constraints": {"runtime": {"type": "relative", "value": 125}, "cost": null, "carbon": null},
            "soft_resource_constraints": {"cost": {"type": "absolute", "value": 0.5}},
            "priority_order": ["cost", "carbon", "runtime"],
        },
        "regions_and_providers": rules,
    })
}

fn instances() -> Value {
    let at_home = |execution: Value| json!({"aws:us-east-1": execution});
    let execution = |seconds: f64, row: Value| {
        let duration = format!("{seconds:?}");
        at_home(
            json!({"cpu_utilization": 0.5, "durations_s": [seconds], "auxiliary_data": {duration: [row]}}),
        )
    };
    let summary = |at: Value, index: Value, to: Value| {
        json!({
            "invocations": 1,
            "cpu_utilization": 0.5,
            "executions": {"at_region": at, "auxiliary_index_translation": index},
            "to_instance": to,
        })
    };
    // Latencies are keyed by started tens of KiB.
    let transfer = |kib: f64, latency: f64| {
        let size = format!("{:?}", (kib / 10.0).ceil() * 10.0 * KIB);
        json!({
            "invocation_probability": 1.0,
            "sync_size_gb": 3.0 * KIB,
            "sns_only_size_gb": 65.0 * KIB,
            "transfer_sizes_gb": [kib * KIB],
            "regions_to_regions": {"aws:us-east-1": {"aws:us-east-1": {
                "transfer_size_gb_to_transfer_latencies_s": {size: [latency]},
                "best_fit_line": {},
            }}},
            "non_execution_info": {},
        })
    };
    let mut to_c = transfer(10.0, 0.1);
    to_c["non_execution_info"] = json!({"c>d": {"sync_data_response_size_gb": 2.0 * KIB, "sns_transfer_size_gb": 0.0, "regions_to_regions": {}}});
    let traffic = "data_transfer_during_execution_gb";
    json!({
        "workflow_runtime_samples": [3.6],
        "start_hop_summary": {
            "wpd_at_function_probability": 0.0,
            "workflow_placement_decision_size_gb": 9.0 * KIB,
            "at_redirector": {},
            "from_client": {"transfer_sizes_gb": [KIB], "received_region": {}},
        },
        "instance_summary": {
            "a": summary(
                execution(1.0, json!([0.001, 0.5, 0.8])),
                json!({traffic: 0, "b": 1, "c": 2}),
                json!({"b": transfer(10.0, 0.1), "c": to_c}),
            ),
            "b": summary(
                execution(2.0, json!([0.0, 1.9])),
                json!({traffic: 0, "d": 1}),
                json!({"d": transfer(10.0, 0.1)}),
            ),
            "c": summary(
                execution(1.1, json!([0.0, 1.0])),
                json!({traffic: 0, "d": 1}),
                json!({"d": transfer(20.0, 2.0)}),
            ),
            "d": summary(execution(1.0, json!([0.0])), json!({traffic: 0}), json!({})),
        },
    })
}
