//! What a workflow's functions may do: exactly what the runtime's adapter calls, on exactly the workflow's things.
//!
//! One role serves all functions in all regions. A *shared* policy in it names the tables and buckets; every version has a policy of its
//! own besides, which names every function of it that is deployed. Which those are is read from the policy that is there, since nothing else
//! keeps it. IAM takes 10,240 characters of inline policies for a role; where exact names take too many, those of a version
//! become one pattern (`press-0_1_0-*`), and after that the regions too (`arn:aws:sns:*:..`). A pattern begins with the
//! workflow's name and version, so it never covers another workflow.

use std::collections::BTreeSet;

use caribou_model::Region;
use caribou_runtime::aws::Account;
use caribou_runtime::port::StageAddress;
use serde_json::{Value, json};

/// Whatever belongs to the functions whose deployed name is `name`, or begins with it where it ends with `*`, in a region, or
/// in all where that is `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grant {
    pub(super) region: String,
    pub(super) name: String,
}

/// What the functions of a workflow may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grants {
    pub(super) workflow: String,
    pub(super) all: BTreeSet<Grant>,
}

/// How exactly a policy names things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exactness {
    /// Each by its name.
    Names,
    /// All of a version in a region by one pattern.
    Versions,
    /// All of a version in every region by one pattern.
    Regions,
}

const PUBLISH: &str = "Publish";

impl Grant {
    pub(super) fn new(region: &Region, name: impl Into<String>) -> Self {
        Self { region: region.code().to_owned(), name: name.into() }
    }

    /// Everything of a function.
    pub(super) fn of(address: &StageAddress) -> Self {
        Self::new(&address.region, address.deployed_name())
    }

    /// Whether this one reaches all that the other does.
    fn covers(&self, other: &Self) -> bool {
        let prefix = self.name.strip_suffix('*');
        (self.region == "*" || self.region == other.region)
            && prefix.map_or(self.name == other.name, |prefix| other.name.starts_with(prefix))
    }

    /// A function's name has no dash of its own unless its author wants one: then the pattern ends a little later.
    fn at(&self, exactness: Exactness) -> Self {
        let name = match (exactness, self.name.rsplit_once('-')) {
            (Exactness::Names, _) | (_, None) => self.name.clone(),
            (_, Some((version, _))) => format!("{version}-*"),
        };
        let region = if exactness == Exactness::Regions { "*".to_owned() } else { self.region.clone() };
        Self { region, name }
    }
}

impl Grants {
    pub(super) fn none(workflow: &str) -> Self {
        Self { workflow: workflow.to_owned(), all: BTreeSet::new() }
    }

    /// What a policy of this role gave so far. What is not of this workflow and account is left out.
    pub(super) fn read(account: &Account, workflow: &str, document: &str) -> Self {
        let mut grants = Self::none(workflow);
        let Ok(document) = serde_json::from_str::<Value>(document) else { return grants };
        let statements = document["Statement"].as_array().into_iter().flatten();
        for statement in statements.filter(|statement| statement["Sid"] == PUBLISH) {
            let resources = match &statement["Resource"] {
                Value::Array(resources) => resources.iter().filter_map(Value::as_str).collect(),
                resource => Vec::from_iter(resource.as_str()),
            };
            for arn in resources {
                let parts: Vec<&str> = arn.split(':').collect();
                let ["arn", _, "sns", region, owner, name] = parts[..] else { continue };
                if owner == account.as_str() && is_of(workflow, name) {
                    grants.add(Grant { region: region.to_owned(), name: name.to_owned() });
                }
            }
        }
        grants
    }

    /// Gives this too, unless it is given already.
    pub(super) fn add(&mut self, grant: Grant) {
        if !self.all.iter().any(|one| one.covers(&grant)) {
            self.all.retain(|one| !grant.covers(one));
            self.all.insert(grant);
        }
    }

    /// The same in the fewest characters that this exactness takes.
    pub(super) fn at(&self, exactness: Exactness) -> Self {
        let mut grants = Self::none(&self.workflow);
        self.all.iter().for_each(|grant| grants.add(grant.at(exactness)));
        grants
    }

    /// Takes back what was `removed`. A pattern goes only if its region was looked at and nothing `there` needs it.
    pub(super) fn take_back(&mut self, removed: &[Grant], looked_at: &BTreeSet<String>, there: &[Grant]) {
        self.all.retain(|grant| {
            if grant.name.ends_with('*') {
                !looked_at.contains(&grant.region) || there.iter().any(|one| grant.covers(one))
            } else {
                !removed.contains(grant)
            }
        });
    }

    /// Whether all of it is given by whole names.
    pub(super) fn is_exact(&self) -> bool {
        self.all.iter().all(|grant| !grant.name.ends_with('*') && grant.region != "*")
    }

    /// The policy. `home` says in which partition of AWS all this is.
    pub(super) fn document(&self, account: &Account, home: &Region) -> String {
        let partition = partition(account, home);
        let arns = |service: &str, before: &str, after: &str| -> Vec<String> {
            let arn = |Grant { region, name }: &Grant| {
                format!("arn:{partition}:{service}:{region}:{account}:{before}{name}{after}")
            };
            self.all.iter().map(arn).collect()
        };
        let queue = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
        let logs = ["logs:CreateLogStream", "logs:PutLogEvents"];
        document(&[
            statement(PUBLISH, &["sns:Publish"], &arns("sns", "", "")),
            statement("Queues", &queue, &arns("sqs", "", "")),
            statement("Logs", &logs, &arns("logs", "log-group:/aws/lambda/", ":*")),
        ])
    }
}

/// The policy that all versions share: tables and blobs of the workflow in these regions, or in all by one pattern where naming them
/// takes more than `most` characters.
pub(super) fn shared(
    account: &Account,
    home: &Region,
    workflow: &str,
    regions: &BTreeSet<String>,
    most: usize,
) -> String {
    let partition = partition(account, home);
    let (table, blobs) = (Account::table_name(workflow), Account::blobs(workflow));
    let written = |regions: &BTreeSet<String>| {
        let arns = |arn: &dyn Fn(&String) -> String| regions.iter().map(arn).collect::<Vec<_>>();
        let bucket = |region: &String| format!("arn:{partition}:s3:::caribou-{account}-{region}");
        let store = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];
        let table = |region: &String| format!("arn:{partition}:dynamodb:{region}:{account}:table/{table}");
        let blob = |region: &String| format!("{}/{blobs}*", bucket(region));
        document(&[
            statement("Store", &store, &arns(&table)),
            statement("Blobs", &["s3:GetObject", "s3:PutObject"], &arns(&blob)),
            // Without it S3 answers 403 for a blob that is not there.
            statement("MissingBlobs", &["s3:ListBucket"], &arns(&bucket)),
        ])
    };
    let exact = written(regions);
    if characters(&exact) <= most { exact } else { written(&BTreeSet::from(["*".to_owned()])) }
}

fn partition(account: &Account, home: &Region) -> String {
    account.bucket_arn(home).split(':').nth(1).unwrap_or("aws").to_owned()
}

fn statement(sid: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}

fn document(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Whether a name, or a pattern of names, can be of this workflow: its name, then a version, which begins with a digit.
pub(super) fn is_of(workflow: &str, name: &str) -> bool {
    let rest = name.strip_prefix(workflow).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Lambda may take the role. That only functions of this account get it is seen to by Lambda, which demands `iam:PassRole`
/// of whoever makes a function, and takes no role of another account.
pub(super) fn trust() -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "lambda.amazonaws.com" },
            "Action": "sts:AssumeRole",
        }],
    })
    .to_string()
}

/// Characters as IAM counts them: without white space.
pub(super) fn characters(document: &str) -> usize {
    document.chars().filter(|character| !character.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Region = Region::aws("us-east-1");

    fn account() -> Account {
        "123456789012".parse().unwrap()
    }

    fn grants(versions: &[&str], functions: usize, regions: &[&'static str]) -> Grants {
        let mut grants = Grants::none("press");
        for version in versions {
            for number in 0..functions {
                for region in regions {
                    grants
                        .add(Grant::new(&Region::aws(region), format!("press-{version}-function_{number}")));
                }
            }
        }
        grants
    }

    #[test]
    fn the_policy_names_each_thing_of_the_workflow_and_nothing_else() {
        let grants = grants(&["0_1_0"], 2, &["us-east-1", "ca-central-1"]);
        let regions = ["us-east-1", "ca-central-1"].map(str::to_owned).into();
        let shared = shared(&account(), &HOME, "press", &regions, 10_000);
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        insta::assert_json_snapshot!([read(&shared), read(&grants.document(&account(), &HOME))]);
    }

    #[test]
    fn tables_and_buckets_of_many_regions_become_a_pattern_that_reaches_only_this_workflow() {
        let regions = (1..40).map(|number| format!("eu-north-{number}")).collect();
        let shared = |most| shared(&account(), &HOME, "press", &regions, most);
        assert!(shared(20_000).contains("arn:aws:dynamodb:eu-north-39:123456789012:table/caribou-press"));
        let pattern = shared(2_560);
        assert!(pattern.contains("arn:aws:dynamodb:*:123456789012:table/caribou-press"), "{pattern}");
        assert!(pattern.contains("arn:aws:s3:::caribou-123456789012-*/blobs/press/*"), "{pattern}");
        assert!(characters(&pattern) < 700, "{}", characters(&pattern));
    }

    #[test]
    fn names_are_those_of_the_runtime() {
        let address = StageAddress {
            workflow: "press".into(),
            version: "0.1.0".into(),
            function: "resize".into(),
            region: Region::aws("cn-north-1"),
        };
        let mut grants = Grants::none("press");
        grants.add(Grant::new(&address.region, address.deployed_name()));
        let regions = BTreeSet::from([address.region.code().to_owned()]);
        let shared = shared(&account(), &address.region, "press", &regions, 10_000);
        let document = grants.document(&account(), &address.region) + &shared;
        let account = account();
        let bucket = account.bucket_arn(&address.region);
        for arn in [
            account.topic_arn(&address),
            account.queue_arn(&address),
            account.table_arn("press", &address.region),
            format!("{bucket}/{}*", Account::blobs("press")),
            format!("{}:*", account.log_group_arn(&address)),
        ] {
            assert!(document.contains(&format!("\"{arn}\"")), "{arn} is not in {document}");
        }
    }

    #[test]
    fn what_a_policy_gave_is_read_back_at_every_exactness() {
        let grants = grants(&["0_1_0", "1_0_0-rc_1"], 3, &["us-east-1", "ca-central-1"]);
        for exactness in [Exactness::Names, Exactness::Versions, Exactness::Regions] {
            let shorter = grants.at(exactness);
            let document = shorter.document(&account(), &HOME);
            assert_eq!(Grants::read(&account(), "press", &document), shorter, "{exactness:?}");
            let mut again = shorter.clone();
            grants.all.iter().for_each(|grant| again.add(grant.clone()));
            assert_eq!(again, shorter, "what is covered is not named again");
        }
    }

    #[test]
    fn patterns_take_fewer_characters_and_reach_only_this_workflow() {
        let regions = ["us-east-1", "us-west-1", "us-west-2", "ca-central-1"];
        let grants = grants(&["0_1_0", "0_2_0"], 12, &regions);
        let length = |exactness| characters(&grants.at(exactness).document(&account(), &HOME));
        let lengths = [Exactness::Names, Exactness::Versions, Exactness::Regions].map(length);
        assert!(lengths[0] > lengths[1] && lengths[1] > lengths[2], "{lengths:?}");
        let names: Vec<_> = grants.at(Exactness::Regions).all.into_iter().map(|grant| grant.name).collect();
        assert_eq!(names, ["press-0_1_0-*", "press-0_2_0-*"]);
    }

    #[test]
    fn a_pattern_stays_as_long_as_it_is_needed_where_it_was_looked_for() {
        let [home, away] = ["us-east-1", "ca-central-1"].map(Region::aws);
        let named = |region: &Region, names: &[&str]| {
            names.iter().map(|name| Grant::new(region, format!("press-0_1_0-{name}"))).collect::<Vec<_>>()
        };
        let left = |given: Vec<Grant>, looked_at: &Region, there: &[&str]| {
            let mut grants = Grants::none("press");
            for grant in given {
                grants.add(grant);
            }
            let looked_at_codes = [looked_at.code().to_owned()].into();
            grants.take_back(&named(&home, &["a-b"]), &looked_at_codes, &named(looked_at, there));
            Vec::from_iter(grants.all)
        };
        let patterns = || [named(&away, &["*"]), named(&home, &["*"])].concat();
        assert_eq!(
            left(patterns(), &home, &["c"]),
            patterns(),
            "another function needs it, though one has a dash"
        );
        assert_eq!(left(patterns(), &home, &[]), named(&away, &["*"]), "and elsewhere nobody looked");
        let exact = || named(&home, &["a-b", "c"]);
        assert_eq!(left(exact(), &home, &[]), named(&home, &["c"]));
        let everywhere = vec![Grant { region: "*".into(), name: "press-0_1_0-*".into() }];
        assert_eq!(left(everywhere.clone(), &home, &[]), everywhere);
    }

    #[test]
    fn what_others_were_given_is_not_taken_over() {
        let arns = [
            "arn:aws:sns:us-east-1:123456789012:press-0_1_0-a",
            "arn:aws:sns:us-east-1:123456789012:press-extra-0_1_0-a",
            "arn:aws:sns:us-east-1:210987654321:press-0_1_0-a",
            "arn:aws:sns:*:123456789012:*",
        ];
        let document = json!({ "Statement": [{ "Sid": PUBLISH, "Resource": arns }] }).to_string();
        let read = Grants::read(&account(), "press", &document);
        assert_eq!(Vec::from_iter(read.all), [Grant::new(&HOME, "press-0_1_0-a")]);
    }
}
