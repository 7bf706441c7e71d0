//! Whatever stands in a table, reading it and solving with it ends with an answer or an error.

use caribou_control::original::{Imported, Model};
use caribou_model::{Metric, Statistic};
use caribou_solver::Scorer;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::tables::Tables;

/// The value with this number, in depth-first order.
fn nth<'v>(value: &'v mut Value, number: &mut usize) -> Option<&'v mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, number)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, number)),
        _ => None,
    }
}

fn replacement() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        prop::sample::select(vec![0.0, -1.0, 0.5, 1.0, 1e-300, 1e30, 1e300]).prop_map(|number| json!(number)),
        prop::sample::select(vec!["", "a", "d", "aws", "aws:us-west-1", "c>d", "relative"])
            .prop_map(|text| json!(text)),
        prop::sample::select(vec![
            "[]",
            "{}",
            "[0.0]",
            "[[0.0, 1.0, 2.0]]",
            "[\"a\"]",
            "{\"a\": {}}",
            "true"
        ])
        .prop_map(|text| serde_json::from_str(text).unwrap()),
    ]
}

fn score(imported: &Imported) {
    for model in [Model::Caribou, Model::ORIGINAL] {
        let Ok(case) = imported.case(model, 5, 3) else { continue };
        let scorer = Scorer::new(&case.problem, &case.samples);
        let placement = vec![0; imported.graph().stages().count()];
        let mut scratch = scorer.scratch();
        let mut evaluation = scorer.evaluate(&placement, &mut scratch);
        for metric in Metric::ALL {
            evaluation.value(metric, Statistic::Average, 23);
            evaluation.value(metric, Statistic::P95, 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_value_in_place_of_another(changes in prop::collection::vec((0..7_usize, 0..400_usize, replacement()), 1..4)) {
        let mut tables = Tables::diamond();
        for (file, number, value) in changes {
            let table = &mut tables.0[file].1;
            let mut number = number;
            if let Some(place) = nth(table, &mut number) {
                *place = value;
            }
        }
        if let Ok(imported) = tables.read() {
            score(&imported);
        }
    }
}
