//! Deployments and removals that are cut off at every call, and taken up again.

use std::collections::BTreeSet;

use caribou_control::aws::remove;
use caribou_control::deploy::Need;

use crate::desk::Desk;
use crate::everything::everything;
use crate::wire::Loss;
use crate::workflow::HOME;

/// One function at home and in a further region.
fn needs(desk: &Desk) -> BTreeSet<Need> {
    let need = |region: &caribou_model::Region| Need { function: "resize".into(), region: region.clone() };
    desk.regions.iter().map(need).collect()
}

async fn small(attempts: u32) -> Option<Desk> {
    let mut desk = Desk::with_attempts(attempts).await?;
    desk.regions = ["us-east-1", "ca-central-1"].map(caribou_model::Region::aws).into();
    Some(desk)
}

/// What a deployment that nothing disturbs leaves.
async fn undisturbed() -> Option<Vec<String>> {
    let desk = small(1).await?;
    desk.deployer().bring(&needs(&desk), &mut |_| ()).await.unwrap();
    Some(everything(&desk).await)
}

async fn deployments_are_finished(attempts: u32, loss: Loss) {
    let Some(expected) = undisturbed().await else { return };
    let mut failed = 0;
    for call in 0.. {
        let Some(desk) = small(attempts).await else { return };
        let needs = needs(&desk);
        desk.wire.lose(call, loss);
        let cut = desk.deployer().bring(&needs, &mut |_| ()).await;
        if !desk.wire.has_lost() {
            cut.unwrap();
            println!(
                "{loss:?} lost at each of {call} calls, {attempts} attempts each: {failed} times cut off"
            );
            assert!(call > 50, "{call} calls make no deployment");
            assert_eq!(failed, if attempts > 1 { 0 } else { call }, "a lost call goes unnoticed");
            return;
        }
        failed += usize::from(cut.is_err());
        desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
        let again = desk.deployer().difference(&needs).await.unwrap();
        assert!(again.is_empty(), "call {call}: {again}");
        assert_eq!(everything(&desk).await, expected, "call {call}");
    }
}

#[tokio::test]
async fn a_deployment_cut_off_before_any_call_ends_in_the_same_state() {
    deployments_are_finished(1, Loss::Request).await;
}

#[tokio::test]
async fn a_deployment_cut_off_after_any_call_ends_in_the_same_state() {
    deployments_are_finished(1, Loss::Answer).await;
}

/// The SDK asks again by itself: whatever is made is asked for twice.
#[tokio::test]
async fn a_deployment_that_loses_any_answer_and_asks_again_ends_in_the_same_state() {
    deployments_are_finished(3, Loss::Answer).await;
}

#[tokio::test]
async fn a_removal_cut_off_at_any_call_is_finished_by_the_next() {
    for loss in [Loss::Request, Loss::Answer] {
        for call in 0.. {
            let Some(mut desk) = small(1).await else { return };
            desk.regions.truncate(1);
            desk.deployer().bring(&needs(&desk), &mut |_| ()).await.unwrap();
            desk.wire.lose(call, loss);
            let remove = async || remove(&desk.aws, "press", &HOME, &desk.regions, &mut |_| ()).await;
            let cut = remove().await;
            let is_through = !desk.wire.has_lost();
            desk.wire.mend();
            assert_eq!(cut.is_ok(), is_through, "call {call}");
            assert_eq!(remove().await.unwrap(), []);
            assert_eq!(everything(&desk).await, Vec::<String>::new(), "call {call}");
            if is_through {
                println!("{loss:?} lost at each of {call} calls of a removal");
                break;
            }
        }
    }
}
