//! AWS: what is said without it, and what is done with moto in its place.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::caribou::{Cloud, Said, caribou, command, flows, folder};
use crate::moto::Moto;

/// The account that moto gives everybody.
const ACCOUNT: &str = "123456789012";

/// The command without credentials and without anything of this machine's user.
fn alone(folder: &Path) -> Command {
    let mut command = command();
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).env("AWS_EC2_METADATA_DISABLED", "true");
    for file in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(file, folder.join("none"));
    }
    command
}

/// The command with credentials, for something that speaks as AWS does.
fn with_endpoint(folder: &Path, url: &str) -> Command {
    let mut command = alone(folder);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "secret-of-the-test");
    command.env("AWS_ENDPOINT_URL", url);
    command
}

fn said(command: &mut Command) -> Said {
    Said::of(&command.output().expect("caribou runs"))
}

/// A folder whose notes say that `errand` is deployed to an account.
fn noted(account: &str) -> tempfile::TempDir {
    let folder = folder(&[]);
    let cloud = Cloud::start(folder.path(), &["us-east-1"]);
    caribou(folder.path(), &["local", "deploy", flows().to_str().unwrap(), "--workflow", "errand"])
        .succeeded();
    drop(cloud);
    let [local, aws] =
        ["local", "aws"].map(|kind| folder.path().join(".caribou").join(kind).join("workflows"));
    std::fs::create_dir_all(aws.parent().unwrap()).unwrap();
    std::fs::rename(local, &aws).unwrap();
    std::fs::write(aws.join("errand/account.json"), format!("\"{account}\"")).unwrap();
    folder
}

#[test]
fn without_notes_commands_say_how_to_deploy() {
    let folder = folder(&[]);
    for arguments in
        [&["run"][..], &["solve"], &["plan"], &["migrate"], &["logs"], &["remove"], &["runs", "list"]]
    {
        let said = said(alone(folder.path()).args(arguments).arg("--aws"));
        assert_eq!(said.code, 1, "{said}");
        assert!(said.stderr.contains("`caribou deploy PATH`"), "{said}");
        let said = crate::aws::said(alone(folder.path()).args(arguments));
        assert!(said.stderr.contains("caribou deploy PATH") && said.stderr.contains("local start"), "{said}");
    }
    let said = said(alone(folder.path()).args(["list"]));
    assert_eq!((said.code, &*said.stdout), (0, "No workflow is deployed from here.\n"), "{said}");
    let said = crate::aws::said(alone(folder.path()).args(["run", "--aws", "--local"]));
    assert_eq!(said.code, 2, "{said}");
}

#[test]
fn without_credentials_a_network_or_the_right_account_it_says_so() {
    let folder = noted(ACCOUNT);
    let run = ["run", "errand", "--aws"];
    let said = said(alone(folder.path()).args(run));
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("give credentials: `aws configure`"), "{said}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let said = crate::aws::said(with_endpoint(folder.path(), &format!("http://{closed}")).args(run));
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("check the network"), "{said}");
    assert!(!said.to_string().contains("secret-of-the-test"), "{said}");
}

/// A server that takes connections and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_the_middle_ends_it_with_130_and_says_that_it_can_go_on() {
    let folder = noted(ACCOUNT);
    let (listener, url) = silent();
    let mut command = with_endpoint(folder.path(), &url);
    let mut child = command.args(["migrate", "errand"]).stderr(Stdio::piped()).spawn().expect("caribou runs");
    let _asked = listener.accept().expect("a call");
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.expect("kill runs").success());
    let patience = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        assert!(Instant::now() < patience, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(130));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(stderr.contains("interrupted") && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_deployment_that_cannot_be_asked_for_consent_is_refused() {
    let folder = folder(&[]);
    let said = said(alone(folder.path()).args(["deploy", "."]));
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("there is no Cargo.toml"), "{said}");
}

/// The bootstrap of the flows, without its debug information: it is packed again and again.
fn executable(place: &Path) -> PathBuf {
    let checked = caribou(&flows(), &["--json", "check", "--workflow", "errand"]).json();
    let (built, stripped) = (PathBuf::from(checked["bootstrap"].as_str().unwrap()), place.join("stripped"));
    let strip = Command::new("strip").arg("-o").arg(&stripped).arg(&built).status();
    if strip.is_ok_and(|status| status.success()) { stripped } else { built }
}

/// moto starts no functions: what is deployed stands there, and nothing runs.
#[test]
fn a_workflow_is_deployed_looked_at_and_removed() {
    let Some(moto) = Moto::start() else { return };
    let folder = folder(&[("errand.json", "\"somewhere\"")]);
    let aws = |arguments: &[&str]| said(with_endpoint(folder.path(), &moto.url()).args(arguments));
    let executable = executable(folder.path());
    let flows = flows();
    let deploy = ["deploy", flows.to_str().unwrap(), "--workflow", "errand", "--executable"];
    let deploy = |more: &[&str]| aws(&[&deploy[..], &[executable.to_str().unwrap()], more].concat());

    let planned = deploy(&["--json", "--dry-run"]).succeeded().json();
    let changes = planned["changes"].as_array().unwrap();
    assert!(changes.len() > 10 && changes.iter().all(|change| change["action"] == "create"), "{planned}");
    assert_eq!((&planned["account"], &planned["version_before"]), (&json!(ACCOUNT), &Value::Null));
    assert_eq!(
        moto.ask("dynamodb", "us-east-1", "DynamoDB_20120810.ListTables", &json!({}))["TableNames"],
        json!([])
    );
    let said = deploy(&[]);
    assert!(said.code == 2 && said.stderr.contains("--yes"), "{said}");
    assert!(said.stdout.contains("create table caribou-errand"), "{said}");

    let said = deploy(&["--yes"]).succeeded();
    assert!(said.stdout.contains("errand 0.1.0 receives new runs"), "{said}");
    let again = deploy(&["--json", "--yes"]).succeeded().json();
    assert_eq!((&again["changes"], &again["version_before"]), (&json!([]), &json!("0.1.0")));

    let listed = aws(&["--json", "list"]).succeeded().json();
    let errand = &listed["workflows"][0];
    assert_eq!(
        (&errand["on"], &errand["account"], &errand["version"]),
        (&json!("aws"), &json!(ACCOUNT), &json!("0.1.0"))
    );
    let functions = errand["versions"][0]["regions"]["us-east-1"].as_array().unwrap();
    assert_eq!(functions.len(), planned["needs"].as_array().unwrap().len());
    let said = aws(&["list"]).succeeded();
    assert!(said.stdout.contains("AWS 123456789012") && said.stdout.contains("all at home"), "{said}");

    let started =
        aws(&["--json", "run", "errand", "--input", "errand.json", "--id", "first"]).succeeded().json();
    assert_eq!(started["run"], "first");
    assert_eq!(aws(&["runs", "list"]).succeeded().stdout, "errand has no runs.\n");
    let said = aws(&["runs", "show", "first"]);
    assert!(said.code == 1 && said.stderr.contains("there is no run `first`"), "{said}");
    drift_is_shown(&moto, &deploy);
    forget_lines_of_moto(&moto);
    let said = aws(&["solve"]);
    assert!(said.code == 1 && said.stderr.contains("has no runs"), "{said}");
    runs_are_learned_from(&moto, &aws, folder.path());
    let again = deploy(&["--json", "--yes"]).succeeded().json();
    assert!(again["needs"].as_array().unwrap().len() > functions.len(), "the plan in force counts: {again}");

    std::fs::write(folder.path().join(".caribou/aws/workflows/errand/account.json"), "\"210987654321\"")
        .unwrap();
    let said = aws(&["run"]);
    assert!(said.code == 1 && said.stderr.contains("AWS_PROFILE"), "{said}");
    std::fs::write(
        folder.path().join(".caribou/aws/workflows/errand/account.json"),
        format!("\"{ACCOUNT}\""),
    )
    .unwrap();

    let collected = aws(&["--json", "collect"]).succeeded().json();
    assert_eq!(collected["collected"]["removed"], json!([]), "{collected}");
    let said = aws(&["remove", "errand"]);
    assert!(said.code == 2 && said.stderr.contains("--yes"), "{said}");
    let planned = aws(&["--json", "remove", "--dry-run"]).succeeded().json();
    assert!(planned["things"].as_array().unwrap().len() > 10, "{planned}");
    let said = aws(&["remove", "errand", "--yes"]).succeeded();
    assert!(said.stdout.contains("errand is removed from AWS account 123456789012"), "{said}");
    assert_eq!(
        moto.ask("dynamodb", "us-east-1", "DynamoDB_20120810.ListTables", &json!({}))["TableNames"],
        json!([])
    );
    assert_eq!(aws(&["list"]).succeeded().stdout, "No workflow is deployed from here.\n");
    let said = aws(&["run", "errand"]);
    assert!(said.code == 1 && said.stderr.contains("caribou deploy PATH"), "{said}");
}

/// moto logs that it cannot start a function that is called, with an instant that is no whole number of milliseconds.
fn forget_lines_of_moto(moto: &Moto) {
    let ask =
        |target: &str, body: &Value| moto.ask("logs", "us-east-1", &format!("Logs_20140328.{target}"), body);
    for function in ["enter", "fetch", "weigh"] {
        let group = format!("/aws/lambda/errand-0_1_0-{function}");
        let found = ask("DescribeLogStreams", &json!({ "logGroupName": group }));
        for stream in found["logStreams"].as_array().unwrap() {
            ask(
                "DeleteLogStream",
                &json!({ "logGroupName": group, "logStreamName": stream["logStreamName"] }),
            );
        }
    }
}

/// Lines of telemetry that a run writes, each with its function: of a real run on an embedded cloud.
fn telemetry(place: &Path) -> Vec<(String, String)> {
    let folder = folder(&[]);
    std::fs::write(place.join("parcel"), "seven kg").unwrap();
    std::fs::write(folder.path().join("errand.json"), json!(place).to_string()).unwrap();
    let _cloud = Cloud::start(folder.path(), &["us-east-1"]);
    let run = |arguments: &[&str]| caribou(folder.path(), arguments).succeeded();
    run(&["local", "deploy", flows().to_str().unwrap(), "--workflow", "errand"]);
    run(&["run", "--input", "errand.json", "--id", "learned", "--wait", "--timeout", "60"]);
    let logs = run(&["--json", "logs", "--run", "learned"]).json();
    let lines = logs["lines"].as_array().unwrap().iter();
    let of = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let lines = lines.map(|line| (of(line, "function"), of(line, "text")));
    lines.filter(|(_, text)| text.starts_with("{\"caribou\":1")).collect()
}

/// What is in the logs is shown in the order of time, learned from, solved for, and put in force.
fn runs_are_learned_from(moto: &Moto, aws: &dyn Fn(&[&str]) -> Said, place: &Path) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let mut lines = telemetry(place);
    assert!(lines.len() >= 4, "{lines:?}");
    lines.insert(0, ("weigh".into(), "what came first".into()));
    for (at, (function, text)) in lines.iter().enumerate() {
        let (group, stream) = (format!("/aws/lambda/errand-0_1_0-{function}"), format!("i-{at}"));
        let ask = |target: &str, body: &Value| {
            moto.ask("logs", "us-east-1", &format!("Logs_20140328.{target}"), body)
        };
        ask("CreateLogStream", &json!({ "logGroupName": group, "logStreamName": stream }));
        let events = json!([{ "timestamp": now - 10_000 + at as u64, "message": text }]);
        ask("PutLogEvents", &json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events }));
    }
    let read = aws(&["--json", "logs"]).succeeded().json();
    let texts = read["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap());
    assert!(texts.eq(lines.iter().map(|(_, text)| text.as_str())), "{read}");
    let said = aws(&["logs", "errand", "--since", "1h"]).succeeded();
    assert!(said.stdout.contains("  us-east-1  weigh  what came first"), "{said}");
    assert!(said.stdout.contains("● run learned: `fetch`, attempt 1, succeeded"), "{said}");
    let said = aws(&["logs", "--run", "first"]);
    assert!(said.code == 1 && said.stderr.contains("there is no run `first`"), "{said}");

    let solve = ["solve", "--month", "6", "--hours", "0,1"];
    let said = aws(&solve).succeeded();
    assert!(said.stdout.contains("learned from 1 whole run"), "{said}");
    // what was read is kept: the logs themselves are not needed any more
    for function in lines.iter().map(|(function, _)| function).collect::<BTreeSet<_>>() {
        let group = json!({ "logGroupName": format!("/aws/lambda/errand-0_1_0-{function}") });
        moto.ask("logs", "us-east-1", "Logs_20140328.DeleteLogGroup", &group);
    }
    let said = aws(&solve).succeeded();
    assert!(said.stdout.contains("learned from 1 whole run"), "{said}");
    let planned = aws(&["--json", "plan"]).succeeded().json();
    assert!(!planned["difference"]["moves"].as_array().unwrap().is_empty(), "{planned}");
    let migrated = aws(&["--json", "migrate"]).succeeded().json();
    assert_eq!(migrated["migrated"]["epoch"], 1);
    let listed = aws(&["--json", "list"]).succeeded().json();
    let errand = &listed["workflows"][0];
    assert!(
        errand["versions"][0]["regions"].as_object().unwrap().len() > 1 && errand["epoch"] == 1,
        "{listed}"
    );
}

/// What somebody changed by hand is found, told, and put right.
fn drift_is_shown(moto: &Moto, deploy: &dyn Fn(&[&str]) -> Said) {
    let group = "/aws/lambda/errand-0_1_0-fetch";
    let days = json!({ "logGroupName": group, "retentionInDays": 1 });
    moto.ask("logs", "us-east-1", "Logs_20140328.PutRetentionPolicy", &days);
    let said = deploy(&["--dry-run"]).succeeded();
    assert!(said.stdout.contains(&format!("change log group {group}")), "{said}");
    assert!(said.stdout.contains("retention in days"), "{said}");
    let done = deploy(&["--json", "--yes"]).succeeded().json();
    assert_eq!(done["counts"]["updated"], 1, "{done}");
}
