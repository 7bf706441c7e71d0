//! `docs/aws.md` against the sources: the policy of the developer allows what the code calls, and nothing that it does not need;
//! the errors that it explains are those that the code tells.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use caribou_control::facts;
use caribou_model::Region;
use serde_json::Value;

/// What stands before the policy in the documentation.
const MARK: &str = "<!-- the developer's policy -->\n```json\n";
/// Services that are called.
const SERVICES: [&str; 8] = ["dynamodb", "iam", "lambda", "logs", "s3", "sns", "sqs", "sts"];
/// What a call needs beside the action of its own name.
const FURTHER: [(&str, &str); 2] = [
    ("iam:PassRole", "lambda:CreateFunction gives the function its role"),
    ("lambda:GetLayerVersion", "lambda:CreateFunction reads the layers"),
];
/// What stands in the sources and is called by functions, or granted to services: never by a developer.
const OF_OTHERS: [&str; 7] = [
    "lambda:InvokeFunctionUrl",
    "sts:AssumeRole",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn documentation() -> String {
    std::fs::read_to_string(root().join("docs/aws.md")).unwrap()
}

/// The actions that the policy allows.
fn allowed() -> BTreeSet<String> {
    let text = documentation();
    let (_, policy) = text.split_once(MARK).expect("the mark stands in docs/aws.md");
    let (policy, _) = policy.split_once("\n```").expect("the end of the policy");
    let policy: Value = serde_json::from_str(policy).unwrap();
    let mut actions = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        let more = match &statement["Action"] {
            Value::String(action) => vec![action.clone()],
            Value::Array(all) => all.iter().map(|action| action.as_str().unwrap().to_owned()).collect(),
            other => panic!("{other}"),
        };
        for action in more {
            assert!(!action.contains('*'), "{action} is no action by its name");
            assert!(actions.insert(action.clone()), "{action} is allowed twice");
        }
    }
    actions
}

/// The sources in a folder.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    all
}

/// Every `"service:Action"` in the sources of a folder.
fn called(folder: &Path) -> BTreeSet<String> {
    sources(folder).split('"').filter(|literal| is_action(literal)).map(str::to_owned).collect()
}

fn is_action(text: &str) -> bool {
    let Some((service, action)) = text.split_once(':') else { return false };
    SERVICES.contains(&service)
        && action.starts_with(|first: char| first.is_ascii_uppercase())
        && action.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[test]
fn the_documented_policy_is_what_the_code_needs() {
    let mut needed = called(&root().join("caribou-control/src/aws"));
    assert!(needed.len() > 50, "{needed:?}");
    needed.extend(called(&root().join("caribou-runtime/src/aws")));
    needed.retain(|action| !OF_OTHERS.contains(&action.as_str()));
    needed.extend(FURTHER.iter().map(|(action, _)| (*action).to_owned()));
    let allowed = allowed();
    let lacking: Vec<_> = needed.difference(&allowed).collect();
    assert!(lacking.is_empty(), "the policy in docs/aws.md lacks {lacking:?}");
    let superfluous: Vec<_> = allowed.difference(&needed).collect();
    assert!(superfluous.is_empty(), "nothing needs {superfluous:?}, which the policy in docs/aws.md allows");
}

#[test]
fn only_actions_are_taken_for_actions() {
    assert!(is_action("sqs:SendMessage"));
    for text in ["aws:SourceArn", "s3:::caribou", "lambda:InvokeFunction on", "s3:*", "logs"] {
        assert!(!is_action(text), "{text}");
    }
}

/// Sources as the compiler reads texts in them: a line that ends with a backslash goes on after the white space.
fn texts() -> String {
    let folders = ["caribou-cli/src", "caribou-control/src", "caribou-runtime/src"];
    let all: String = folders.iter().map(|folder| sources(&root().join(folder))).collect();
    let mut lines = all.split("\\\n");
    let mut texts = lines.next().unwrap_or_default().to_owned();
    lines.for_each(|line| texts.push_str(line.trim_start()));
    texts
}

#[test]
fn the_explained_errors_are_told_by_the_code() {
    let documentation = documentation();
    let (_, table) = documentation.split_once("| it says | it means | do |").expect("the table of errors");
    let texts = texts();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut count = 0;
    for row in rows {
        let said = row.split('`').nth(1).unwrap_or_else(|| panic!("no text in {row}"));
        for part in said.split("..") {
            assert!(texts.contains(part.trim()), "no source says `{}`", part.trim());
        }
        count += 1;
    }
    assert!(count > 20, "{count} rows");
}

/// The number in a cell: `$0.50`, `13`, `1,000`.
fn number(cell: &str) -> Option<f64> {
    cell.trim().trim_start_matches('$').replace(',', "").parse().ok()
}

#[test]
fn the_cost_of_runs_is_multiplied_out_with_the_prices_of_the_region_facts() {
    let documentation = documentation();
    let (_, table) = documentation.split_once("<!-- cost of 1,000 runs -->\n").expect("the table of costs");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let home = Region::aws("us-east-1");
    let prices = &facts::embedded().region(&home).unwrap().prices;
    let known = [
        ("messages", prices.usd_per_message),
        ("requests", prices.usd_per_request),
        ("GB-s", prices.x86_usd_per_gb_s),
        ("store writes", prices.usd_per_write),
        ("store reads", prices.usd_per_read),
        ("blob writes", prices.usd_per_blob_write),
        ("blob reads", prices.usd_per_blob_read),
    ];
    let mut sums = [0.0; 2];
    let mut found = 0;
    for row in &rows[..rows.len() - 1] {
        let price = number(row[1]).unwrap_or_else(|| panic!("{row:?}"));
        if let Some((_, fact)) = known.iter().find(|(name, _)| row[0].starts_with(name)) {
            assert!((price - fact * 1e6).abs() < 1e-3, "{row:?}: the price is {}", fact * 1e6);
            found += 1;
        }
        for (sum, columns) in sums.iter_mut().zip([(2, 3), (4, 5)]) {
            let (count, told) = (number(row[columns.0]).unwrap(), number(row[columns.1]).unwrap());
            let usd = count * price / 1e6 * 1000.0;
            assert!((usd - told).abs() <= 0.000_11, "{row:?}: it is {usd}");
            *sum += usd;
        }
    }
    assert_eq!(found, known.len(), "{rows:?}");
    let all = rows.last().unwrap();
    for (sum, column) in sums.into_iter().zip([3, 5]) {
        assert!((sum - number(all[column]).unwrap()).abs() <= 0.000_11, "{all:?}: the sum is {sum}");
    }
}
