//! Removing a workflow, and what is not needed of it any more.

use std::collections::BTreeSet;
use std::time::Duration;

use caribou_control::aws::{Kind, Why, collect, holdings, remove};
use caribou_control::deploy::{Deployer, Need, at_home};
use caribou_model::{Placement, Plan, Region};
use caribou_runtime::port::StageAddress;

use crate::desk::Desk;
use crate::everything::everything;
use crate::workflow::{HOME, everywhere, workflow};

const NOTHING: [String; 0] = [];

#[tokio::test]
async fn removing_a_workflow_leaves_nothing_and_nothing_is_left_to_remove() {
    let Some(desk) = Desk::new().await else { return };
    let needs = everywhere(&desk.deployed, &desk.regions);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let found = holdings(&desk.aws, "press", &HOME, &desk.regions).await.unwrap();
    // a role; in each region a table, code, and for each function the five things that lists show
    assert_eq!(found.things.len(), 1 + 4 * (1 + 1 + 2 * 5));
    let mut gone = BTreeSet::new();
    let mut watch = |change: &caribou_control::aws::Change| gone.extend([change.id.clone()]);
    let left = remove(&desk.aws, "press", &HOME, &desk.regions, &mut watch).await.unwrap();
    assert_eq!(left, []);
    assert_eq!(everything(&desk).await, NOTHING);
    let is_told = |id: &&caribou_control::aws::Id| id.kind == Kind::Code || gone.contains(*id);
    assert_eq!(found.things.iter().filter(is_told).count(), found.things.len());
    let nothing = remove(&desk.aws, "press", &HOME, &desk.regions, &mut |change| panic!("{change}")).await;
    assert_eq!(nothing.unwrap(), []);
}

#[tokio::test]
async fn what_belongs_to_others_stays() {
    let Some(desk) = Desk::new().await else { return };
    let mut other = workflow("0.1.0", desk.folder.path());
    other.graph.workflow = "press-extra".into();
    let needs = at_home(&desk.deployed.graph, &HOME);
    let others = caribou_control::aws::AwsDeployer { deployed: &other, ..desk.deployer() };
    others.bring(&needs, &mut |_| ()).await.unwrap();
    let before = everything(&desk).await;
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    // called like the workflow's, and somebody else's
    let sqs = aws_sdk_sqs::Client::new(&desk.config(&HOME));
    sqs.create_queue().queue_name("press-0_1_0-mine").send().await.unwrap();
    let left = remove(&desk.aws, "press", &HOME, &desk.regions, &mut |_| ()).await.unwrap();
    let left: Vec<String> = left.iter().map(ToString::to_string).collect();
    assert_eq!(left, ["queue press-0_1_0-mine in aws:us-east-1"]);
    sqs.delete_queue()
        .queue_url(format!("https://sqs.us-east-1.amazonaws.com/{}/press-0_1_0-mine", desk.aws.account()))
        .send()
        .await
        .unwrap();
    assert_eq!(everything(&desk).await, before);
    assert!(others.difference(&needs).await.unwrap().is_empty());
}

/// Gives the workflow a policy of its author's, in a file of its own.
fn allow(desk: &mut Desk, bucket: &str) {
    let arn = format!("arn:aws:s3:::{bucket}/*");
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": "s3:GetObject", "Resource": arn },
    });
    let file = format!("{bucket}.json");
    std::fs::write(desk.folder.path().join(&file), policy.to_string()).unwrap();
    desk.deployed.manifest.aws.policy = Some(file);
}

/// Longer than a run of the workflow can be under way: cache, deadline, grace.
const LATER: Duration = Duration::from_mins(1 + 60 + 10);

#[tokio::test]
async fn an_old_version_serves_beside_the_new_one_until_its_runs_have_ended() {
    let Some(mut desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    allow(&mut desk, "photos");
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let old = everything(&desk).await;
    desk.build("the second");
    desk.deployed = workflow("0.2.0", desk.folder.path());
    allow(&mut desk, "films");
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let both = everything(&desk).await;
    let is_of_old = |line: &&String| line.contains("press-0_1_0") || line.starts_with("policy author-0.1.0");
    assert!(old.iter().filter(is_of_old).all(|line| both.contains(line)), "the old version is as it was");
    let policy = |name: &str| both.iter().find(|line| line.starts_with(&format!("policy {name} "))).unwrap();
    assert!(policy("caribou-0.2.0").contains("press-0_2_0-resize"));
    assert!(!policy("caribou-0.2.0").contains("press-0_1_0"));
    assert!(policy("author-0.1.0").contains("photos") && policy("author-0.2.0").contains("films"));

    let needed = desk.deployer().needed(&Plan::at_home(&desk.deployed.graph, HOME));
    let pass = async || collect(&desk.aws, &needed, &desk.regions, &mut |_| ()).await.unwrap();
    let first = pass().await;
    assert_eq!((first.marked.len(), first.waiting.len(), first.removed.len()), (2, 0, 0));
    let second = pass().await;
    assert_eq!((second.marked.len(), second.waiting.len(), second.removed.len()), (0, 2, 0));
    assert!(matches!(second.waiting[0].why, Why::Until(_)));
    assert_eq!(everything(&desk).await, both);

    desk.clock.pass(LATER);
    let address = StageAddress {
        workflow: "press".into(),
        version: "0.1.0".into(),
        function: "resize".into(),
        region: HOME,
    };
    let sqs = aws_sdk_sqs::Client::new(&desk.config(&HOME));
    let queue = desk.aws.account().queue_url(&address);
    sqs.send_message().queue_url(&queue).message_body("a letter").delay_seconds(900).send().await.unwrap();
    let third = pass().await;
    assert_eq!(third.waiting.iter().map(|waiting| waiting.why).collect::<Vec<_>>(), [Why::Letters(1)]);
    assert!(third.removed.iter().all(|id| id.name.contains("publish")));
    sqs.purge_queue().queue_url(&queue).send().await.unwrap();
    pass().await;
    let after = everything(&desk).await;
    let of_old: Vec<&String> = after.iter().filter(is_of_old).collect();
    assert!(of_old.iter().all(|line| line.contains("log group")) && of_old.len() == 2, "{of_old:#?}");
    assert!(desk.deployer().difference(&needs).await.unwrap().is_empty(), "the new version is untouched");

    desk.clock.pass(Duration::from_hours(30 * 24));
    pass().await;
    let rest = pass().await;
    assert_eq!(rest, caribou_control::aws::Collected::default());
    let after = everything(&desk).await;
    assert_eq!(after.iter().filter(|line| line.contains("0_1_0")).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(after.iter().filter(|line| line.contains("object")).count(), 1, "the old code is gone too");
}

#[tokio::test]
async fn what_is_needed_again_loses_its_mark_and_a_region_that_is_not_goes() {
    let Some(desk) = Desk::new().await else { return };
    let deployer = desk.deployer();
    let graph = &desk.deployed.graph;
    let quebec = Region::aws("ca-central-1");
    let abroad = Need { function: "resize".into(), region: quebec.clone() };
    let mut needs = at_home(graph, &HOME);
    needs.insert(abroad.clone());
    deployer.bring(&needs, &mut |_| ()).await.unwrap();
    let at_home_only = deployer.needed(&Plan::at_home(graph, HOME));
    let mut plan = Plan::at_home(graph, HOME);
    plan.hours[3] = Placement::new(&[quebec.clone(), HOME]).unwrap();
    let with_quebec = deployer.needed(&plan);
    let pass = async |needed| collect(&desk.aws, needed, &desk.regions, &mut |_| ()).await.unwrap();

    let marked = pass(&at_home_only).await.marked;
    assert_eq!(marked.iter().map(|id| id.kind).collect::<Vec<_>>(), [Kind::Function]);
    assert_eq!(pass(&with_quebec).await.unmarked.len(), 1);
    assert!(deployer.difference(&needs).await.unwrap().is_empty());

    // deploying takes the mark away as well, so that what is about to be needed is not removed
    pass(&at_home_only).await;
    assert!(!deployer.difference(&needs).await.unwrap().is_empty());
    deployer.bring(&needs, &mut |_| ()).await.unwrap();
    desk.clock.pass(LATER);
    assert_eq!(pass(&at_home_only).await.removed, []);

    desk.clock.pass(LATER);
    pass(&at_home_only).await;
    // the table of the region is marked once no function is there, and goes when no claim can be alive
    assert_eq!(pass(&at_home_only).await.marked.len(), 0);
    desk.clock.pass(Duration::from_hours(15 * 24));
    let removed = pass(&at_home_only).await.removed;
    assert!(removed.iter().any(|id| id.kind == Kind::Table && id.region == quebec), "{removed:?}");
    assert_eq!(deployer.present().await.unwrap(), at_home(graph, &HOME));
}

#[tokio::test]
async fn a_region_that_left_the_manifest_is_collected_and_removed_too() {
    let Some(desk) = Desk::new().await else { return };
    let nothing = everything(&desk).await;
    let needs = everywhere(&desk.deployed, &[HOME, Region::aws("eu-north-1")]);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let needed = desk.deployer().needed(&Plan::at_home(&desk.deployed.graph, HOME));
    let pass = async || collect(&desk.aws, &needed, &[HOME], &mut |_| ()).await.unwrap();
    let abroad = async || {
        let mut lines = everything(&desk).await;
        lines.retain(|line| line.contains("eu-north-1"));
        lines
    };
    let all = abroad().await;
    assert_eq!(pass().await.marked.len(), 2);
    desk.clock.pass(LATER);
    pass().await;
    assert!(abroad().await.len() < all.len());
    desk.clock.pass(Duration::from_hours(31 * 24));
    let s3 = aws_sdk_s3::Client::new(&desk.config(&Region::aws("eu-north-1")));
    let bucket = format!("caribou-{}-eu-north-1", desk.aws.account());
    pass().await;
    assert_eq!(s3.list_objects_v2().bucket(&bucket).send().await.unwrap().key_count(), Some(0));
    pass().await;
    assert_eq!(abroad().await, NOTHING);
    let home = at_home(&desk.deployed.graph, &HOME);
    assert!(desk.deployer().difference(&home).await.unwrap().is_empty());

    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    remove(&desk.aws, "press", &HOME, &[HOME], &mut |_| ()).await.unwrap();
    assert_eq!(everything(&desk).await, nothing);
}

#[tokio::test]
async fn policies_of_a_version_of_which_nothing_was_ever_made_go_in_the_second_pass_a_day_later() {
    let Some(desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let before = everything(&desk).await;
    let iam = aws_sdk_iam::Client::new(&desk.config(&HOME));
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"}}"#;
    for name in ["caribou-0.0.9", "author-0.0.9"] {
        let put = iam.put_role_policy().role_name("caribou-press").policy_name(name).policy_document(policy);
        put.send().await.unwrap();
    }
    let needed = desk.deployer().needed(&Plan::at_home(&desk.deployed.graph, HOME));
    let pass = async || collect(&desk.aws, &needed, &[HOME], &mut |_| ()).await.unwrap();
    let of_it = async || everything(&desk).await.iter().filter(|line| line.contains("0.0.9")).count();
    for _ in 0..2 {
        pass().await;
        assert_eq!(of_it().await, 3, "two policies, and the note");
    }
    assert!(desk.deployer().difference(&needs).await.unwrap().is_empty(), "it is nobody else's affair");
    desk.clock.pass(Duration::from_hours(25));
    pass().await;
    assert_eq!(everything(&desk).await, before);
}
