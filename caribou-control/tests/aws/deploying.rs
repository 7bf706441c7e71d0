//! Deploying, once and again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use caribou_control::aws::{Archives, AwsDeployer, Change, Kind, remove};
use caribou_control::deploy::{DeployError, Deployer, at_home};
use caribou_model::manifest::AwsFunction;
use caribou_model::{Region, Timestamp};
use caribou_runtime::port::{Clock as _, Condition, Item, Page, Put, Store, StoreError};
use caribou_runtime::release::Release;

use crate::desk::Desk;
use crate::everything::everything;
use crate::workflow::{HOME, everywhere, workflow};

#[tokio::test]
async fn a_workflow_is_deployed_to_four_regions_and_deploying_it_again_changes_nothing() {
    let Some(desk) = Desk::new().await else { return };
    let deployer = desk.deployer();
    let needs = everywhere(&desk.deployed, &desk.regions);
    let before = desk.wire.calls();
    let mut made = 0;
    let done = deployer.bring(&needs, &mut |_| made += 1).await.unwrap();
    let first = desk.wire.calls() - before;
    // nobody wants a URL, and none is there
    assert_eq!(done.counts().kept, 4);
    assert_eq!(done.counts().created, done.changes.len() - 4);
    assert_eq!(made, done.to_do().count());
    let before = desk.wire.calls();
    let again = deployer.bring(&needs, &mut |change| panic!("{change}")).await.unwrap();
    assert!(again.is_empty(), "{again}");
    println!("calls of a first deploy: {first}, of the same again: {}", desk.wire.calls() - before);
    deployer.verify(&needs).await.unwrap();
    assert_eq!(deployer.missing(&needs).await.unwrap().len(), 0);
    assert_eq!(deployer.present().await.unwrap(), needs);
    desk.wire.take_anything();
    let error = deployer.verify(&needs).await.unwrap_err().to_string();
    assert!(error.contains("which a bootstrap of this workflow refuses"), "{error}");
}

#[tokio::test]
async fn two_versions_that_are_deployed_at_the_same_time_to_different_regions_are_both_there() {
    let Some(desk) = Desk::with_attempts(5).await else { return };
    let second = workflow("0.2.0", desk.folder.path());
    let first = desk.deployer();
    let other = AwsDeployer { deployed: &second, ..first };
    let [west, north] = ["us-west-2", "eu-north-1"].map(Region::aws);
    let (of_first, of_other) =
        (everywhere(first.deployed, &[HOME, west]), everywhere(&second, &[HOME, north]));
    // what both have in common is made by one of them
    let (one, two) = (&mut |_: &Change| (), &mut |_: &Change| ());
    let done = tokio::join!(first.bring(&of_first, one), other.bring(&of_other, two));
    done.0.unwrap();
    done.1.unwrap();
    first.verify(&of_first).await.unwrap();
    other.verify(&of_other).await.unwrap();
    let all = everything(&desk).await;
    let shared = all.iter().find(|line| line.starts_with("policy caribou ")).unwrap();
    assert!(shared.contains("us-west-2") && shared.contains("eu-north-1"), "{shared}");
}

#[tokio::test]
async fn an_archive_does_not_become_an_image_under_the_same_version() {
    let Some(mut desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let before = everything(&desk).await;
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/resize:1".to_owned();
    let settings = AwsFunction { image: Some(image), ..AwsFunction::default() };
    desk.deployed.manifest.aws.functions.insert("resize".into(), settings);
    let error = desk.deployer().bring(&needs, &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("package Zip instead of Image") && error.contains("another version"), "{error}");
    assert_eq!(everything(&desk).await, before);
}

#[tokio::test]
async fn a_function_that_could_not_be_made_is_made_anew_with_everything_that_belongs_to_it() {
    let Some(desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let before = everything(&desk).await;
    desk.wire.fail("press-0_1_0-resize");
    let error = desk.deployer().verify(&needs).await.unwrap_err().to_string();
    assert!(error.contains("resize"), "{error}");
    let done = desk.deployer().bring(&needs, &mut |_| ()).await.unwrap().to_string();
    assert_eq!(done, "update function press-0_1_0-resize in aws:us-east-1\n  state: failed -> nothing\n");
    assert_eq!(everything(&desk).await, before);
    desk.deployer().verify(&needs).await.unwrap();
}

#[tokio::test]
async fn what_bears_a_name_and_is_not_the_workflows_is_not_changed() {
    let Some(desk) = Desk::new().await else { return };
    let iam = aws_sdk_iam::Client::new(&desk.config(&HOME));
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    let made = iam.create_role().role_name("caribou-press").assume_role_policy_document(trust);
    made.send().await.unwrap();
    let before = everything(&desk).await;
    let deployer = desk.deployer();
    let needs = at_home(&desk.deployed.graph, &HOME);
    let error = deployer.bring(&needs, &mut |change| panic!("{change}")).await.unwrap_err().to_string();
    assert!(error.contains("role caribou-press") && error.contains("another name"), "{error}");
    assert_eq!(everything(&desk).await, before);
}

#[tokio::test]
async fn a_dry_run_tells_everything_and_changes_nothing() {
    let Some(desk) = Desk::new().await else { return };
    let needs = everywhere(&desk.deployed, &desk.regions);
    let difference = desk.deployer().difference(&needs).await.unwrap();
    assert_eq!(difference.by_region().len(), 4);
    assert_eq!(difference.counts().created, 1 + 4 * (3 + 2 * 9));
    assert!(
        difference.to_string().contains("create function press-0_1_0-resize in aws:eu-north-1"),
        "{difference}"
    );
    assert_eq!(everything(&desk).await, Vec::<String>::new());
    assert_eq!(desk.deployer().missing(&needs).await.unwrap(), needs);
    let at_home = at_home(&desk.deployed.graph, &HOME);
    assert!(matches!(desk.deployer().verify(&at_home).await, Err(DeployError::Missing { .. })));
}

#[tokio::test]
async fn another_build_or_manifest_changes_what_differs_and_no_more() {
    let Some(mut desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    desk.build("the second");
    desk.deployed.manifest.runs.deadline_s = 600;
    desk.deployed.manifest.aws.log_retention_days = 7;
    let done = desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let kinds: BTreeSet<Kind> = done.to_do().map(|change| change.id.kind).collect();
    let expected = [Kind::Code, Kind::LogGroup, Kind::Function, Kind::FailureDestination];
    assert_eq!(kinds, BTreeSet::from(expected));
    let function = done.to_do().find(|change| change.id.kind == Kind::Function).unwrap();
    let shown = function.to_string();
    assert!(
        shown.contains("variable CARIBOU_RUN_DEADLINE_S: 3600 -> 600") && shown.contains("code: "),
        "{shown}"
    );
    let rest = desk.deployer().difference(&needs).await.unwrap();
    assert!(rest.is_empty(), "{rest}");
}

#[tokio::test]
async fn a_function_goes_abroad_with_the_code_that_it_has_at_home() {
    let Some(mut desk) = Desk::new().await else { return };
    desk.deployer().bring(&at_home(&desk.deployed.graph, &HOME), &mut |_| ()).await.unwrap();
    desk.archives = Archives::at_home();
    let needs = everywhere(&desk.deployed, &[HOME, Region::aws("eu-north-1")]);
    let mut told = 0;
    desk.deployer().deploy(&needs, &mut |_| told += 1).await.unwrap();
    assert_eq!(told, 4);
    let rest = desk.deployer().difference(&needs).await.unwrap();
    assert!(rest.is_empty(), "{rest}");
    desk.deployer().verify(&needs).await.unwrap();
}

#[tokio::test]
async fn without_code_at_hand_or_at_home_nothing_is_deployed() {
    let Some(mut desk) = Desk::new().await else { return };
    desk.archives = Archives::at_home();
    let needs = at_home(&desk.deployed.graph, &HOME);
    let error = desk.deployer().deploy(&needs, &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("no code for function `publish`"), "{error}");
    assert_eq!(everything(&desk).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_authors_policy_is_given_to_the_role_and_must_be_one() {
    let Some(mut desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    desk.deployed.manifest.aws.policy = Some("policy.json".into());
    let error = async |desk: &Desk| desk.deployer().difference(&needs).await.unwrap_err().to_string();
    assert!(error(&desk).await.contains("policy.json cannot be read"));
    let path = desk.folder.path().join("policy.json");
    std::fs::write(&path, "{}").unwrap();
    assert!(error(&desk).await.contains("has no `Statement`"));
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"}}"#;
    std::fs::write(&path, policy).unwrap();
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    assert!(desk.deployer().difference(&needs).await.unwrap().is_empty());
    assert!(
        everything(&desk)
            .await
            .iter()
            .any(|line| line.starts_with("policy author") && line.contains("photos"))
    );
    desk.deployed.manifest.aws.policy = None;
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    assert!(!everything(&desk).await.iter().any(|line| line.starts_with("policy author")));
}

#[tokio::test]
async fn a_layer_that_lies_in_one_region_keeps_the_function_there() {
    let Some(mut desk) = Desk::new().await else { return };
    let layer = "arn:aws:lambda:us-east-1:123456789012:layer:espeak:3".to_owned();
    let settings = AwsFunction { layers: vec![layer], ..AwsFunction::default() };
    desk.deployed.manifest.aws.functions.insert("resize".into(), settings);
    let abroad = everywhere(&desk.deployed, &[Region::aws("eu-north-1")]);
    let error = desk.deployer().difference(&abroad).await.unwrap_err().to_string();
    assert!(error.contains("[aws.functions.resize]") && error.contains("{region}"), "{error}");
}

#[tokio::test]
async fn a_region_that_is_not_enabled_says_what_to_do_and_has_nothing_to_remove() {
    let Some(mut desk) = Desk::new().await else { return };
    let zurich = Region::aws("eu-central-2");
    desk.regions = vec![HOME, zurich.clone()];
    desk.wire.close(&zurich);
    let needs = everywhere(&desk.deployed, &desk.regions);
    let error = desk.deployer().deploy(&needs, &mut |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("aws:eu-central-2 is not enabled") && error.contains("enable-region"), "{error}");
    let at_home = at_home(&desk.deployed.graph, &HOME);
    desk.deployer().bring(&at_home, &mut |_| ()).await.unwrap();
    assert_eq!(desk.deployer().present().await.unwrap(), at_home);
    assert_eq!(remove(&desk.aws, "press", &HOME, &desk.regions, &mut |_| ()).await.unwrap(), []);
    desk.regions.truncate(1);
    assert_eq!(everything(&desk).await, Vec::<String>::new());
}

const NEW_ROLE: (&str, &str) =
    ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.");

#[tokio::test]
async fn a_role_that_is_not_known_everywhere_yet_is_waited_for() {
    let Some(desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    desk.wire.refuse(("POST", "/functions"), 7, NEW_ROLE);
    let begun = desk.aws.clock().now();
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    assert!(desk.aws.clock().now().since(begun) >= Duration::from_secs(6));
    assert!(desk.deployer().difference(&needs).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_stays_refused_is_given_up_and_told_with_what_to_do() {
    let Some(desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    let bring = async || desk.deployer().bring(&needs, &mut |_| ()).await.unwrap_err().to_string();
    desk.wire.refuse(("POST", "/functions"), usize::MAX, NEW_ROLE);
    let error = bring().await;
    assert!(error.contains("cannot be assumed by Lambda") && error.contains("repeat the command"), "{error}");
    let message = "User: arn:aws:iam::1:user/u is not authorized to perform: iam:PassRole on resource: r";
    desk.wire.refuse(("POST", "/functions"), usize::MAX, ("AccessDeniedException", message));
    let begun = desk.aws.clock().now();
    let error = bring().await;
    assert!(error.starts_with("lambda:CreateFunction of function press-0_1_0-"), "{error}");
    assert!(
        error.contains("in aws:us-east-1") && error.contains("need permission for `iam:PassRole`"),
        "{error}"
    );
    assert_eq!(desk.aws.clock().now(), begun, "nothing is waited for");
    let message = "You have exceeded your maximum total code size per account.";
    desk.wire.refuse(("POST", "/functions"), usize::MAX, ("CodeStorageExceededException", message));
    assert!(bring().await.contains("higher quota in aws:us-east-1"));
    desk.wire.refuse(("POST", "/functions"), 0, NEW_ROLE);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
}

#[tokio::test]
async fn a_function_that_does_not_start_is_not_verified() {
    let Some(desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    desk.wire.refuse(("POST", "/invocations"), usize::MAX, ("InvalidRuntimeException", "no such runtime"));
    let error = desk.deployer().verify(&needs).await.unwrap_err().to_string();
    assert!(error.contains("lambda:InvokeFunction") && error.contains("no such runtime"), "{error}");
}

#[tokio::test]
async fn a_version_is_put_in_force_once() {
    let Some(mut desk) = Desk::new().await else { return };
    let needs = at_home(&desk.deployed.graph, &HOME);
    desk.deployer().bring(&needs, &mut |_| ()).await.unwrap();
    let store = Shelf::default();
    let first = desk.deployer().release(&store, desk.clock.now()).await.unwrap();
    assert_eq!((first.version.as_str(), first.entry.as_str()), ("0.1.0", "resize"));
    desk.clock.pass(Duration::from_secs(5));
    assert_eq!(
        desk.deployer().release(&store, desk.clock.now()).await.unwrap(),
        first,
        "again changes nothing"
    );
    desk.deployed = workflow("0.2.0", desk.folder.path());
    let second = desk.deployer().release(&store, desk.clock.now()).await.unwrap();
    assert_eq!(Release::read(&store, &HOME, "press").await.unwrap().unwrap().0, second);
    assert_eq!(second.version, "0.2.0");
}

/// A store of a few items.
#[derive(Default)]
struct Shelf(Mutex<HashMap<String, Item>>);

#[async_trait]
impl Store for Shelf {
    async fn get(&self, _: &Region, key: &str) -> Result<Option<Item>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn put(
        &self,
        _: &Region,
        key: &str,
        value: Bytes,
        condition: Condition,
        _: Timestamp,
    ) -> Result<Put, StoreError> {
        let mut items = self.0.lock().unwrap();
        let found = items.get(key).cloned();
        let holds = match condition {
            Condition::Absent => found.is_none(),
            Condition::Revision(revision) => found.as_ref().is_some_and(|item| item.revision == revision),
            Condition::Any => true,
        };
        if !holds {
            return Ok(Put::Refused(found));
        }
        let revision = found.map_or(1, |item| item.revision + 1);
        items.insert(key.to_owned(), Item { value, revision });
        Ok(Put::Written(revision))
    }

    async fn add(&self, _: &Region, _: &str, _: u32, _: Timestamp) -> Result<BTreeSet<u32>, StoreError> {
        unreachable!("a release has no sets")
    }

    async fn list(&self, _: &Region, _: &str, _: Option<&str>, _: u16) -> Result<Page, StoreError> {
        unreachable!("a release is read by its key")
    }
}
