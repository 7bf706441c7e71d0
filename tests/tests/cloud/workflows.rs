//! Maps, and failures as values.

use caribou_tests::workflows::pages::book;
use caribou_tests::workflows::trip::travel;
use serde_json::json;

use crate::deployed::hold;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_are_written_by_real_bootstraps() {
    let book = |length: u64| json!({"length": length, "hand": "left"});
    hold(&book::WORKFLOW, vec![book(0), book(1), book(9), book(300)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trips_are_booked_by_real_bootstraps() {
    let trip = |miles: u64, nights: u64| json!({"Trip": {"miles": miles, "nights": nights}});
    let inputs = vec![trip(100, 3), trip(100, 30), trip(10_000, 3), json!({"Stay": 2}), json!("Nothing")];
    hold(&travel::WORKFLOW, inputs).await;
}
