//! What a bootstrap's `main` does: serves one function under the Lambda Runtime API, or is a small command.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use caribou_model::{FunctionSpec, Region};
use serde_json::json;

use crate::Workflow;
#[cfg(feature = "aws")]
use crate::aws::{self, Account};
use crate::local::http::{Ask, Http};
use crate::port::Ports;
use crate::shim::{Deployment, Shim, ShimError};
use crate::{lambda, local};

/// Why a bootstrap cannot serve, or its command cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// A variable of the environment is missing.
    #[error("the environment has no `{0}`; the deployment sets it: deploy this function with `caribou`")]
    Missing(&'static str),
    /// Nothing says which cloud this is.
    #[error(
        "the environment has neither `CARIBOU_ACCOUNT` nor `CARIBOU_LOCAL`; the deployment sets one of them: deploy this \
         function with `caribou`"
    )]
    Nowhere,
    /// A variable of the environment cannot be read.
    #[error("`{name}` is `{value}` in the environment: {cause}")]
    Malformed {
        /// Its name.
        name: &'static str,
        /// What it is.
        value: String,
        /// What is wrong with it.
        cause: String,
    },
    /// No workflow was linked.
    #[error(
        "this bootstrap has no workflow; put `#[caribou::workflow]` on one, in a module that the binary uses"
    )]
    Empty,
    /// Another workflow was asked for than those that were linked.
    #[error("this bootstrap has no workflow `{asked}`; it has {known}")]
    UnknownWorkflow {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// Two workflows of one name were linked.
    #[error(
        "this bootstrap has two workflows called `{0}`; give one of them another name, as in \
         `#[caribou::workflow(name = \"..\")]`"
    )]
    Twice(&'static str),
    /// The workflow that was linked is of another version.
    #[error("this bootstrap has version {linked} of workflow `{workflow}`, not {asked}; deploy it again")]
    UnknownVersion {
        /// The workflow.
        workflow: String,
        /// What was asked for.
        asked: String,
        /// What there is.
        linked: &'static str,
    },
    /// The shim does not start.
    #[error(transparent)]
    Shim(#[from] ShimError),
    /// The workflow's input is no JSON.
    #[error("the input on standard input is no JSON: {0}")]
    Input(serde_json::Error),
    /// The workflow failed.
    #[error("{0}")]
    Workflow(crate::Error),
    /// Standard input or output, or a thread.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The Lambda Runtime API is gone.
    #[error("the Lambda Runtime API does not answer any more: {0}")]
    RuntimeApi(String),
}

/// How long entries use a plan before they read it again.
const PLAN_CACHE: Duration = Duration::from_mins(1);
/// How long the platform may take to note why this instance did not start.
const NOTE_WITHIN: Duration = Duration::from_secs(2);

/// The whole of a bootstrap's `main`.
///
/// Under the Lambda Runtime API it serves the function that the environment names. Otherwise it is a command:
/// `describe` prints its workflows as JSON, or why they cannot be served; `call WORKFLOW` calls one in this process with the JSON on standard
/// input. Exit codes: 0 done, 1 failed, 2 used wrongly.
pub fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match (std::env::var(RUNTIME_API), arguments.as_slice()) {
        (Ok(api), _) => serve(&api),
        (Err(_), ["describe"]) => describe(),
        (Err(_), ["call", workflow]) => call(workflow),
        (Err(_), _) => {
            eprintln!("{}", usage());
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// What the deployment says about the function to serve.
#[derive(Debug, PartialEq)]
struct Environment {
    workflow: String,
    version: String,
    function: String,
    region: Region,
    home: Region,
    memory_mb: u32,
    probe_share: f64,
    run_deadline: Duration,
    cloud: Cloud,
}

/// Where messages, items and blobs go.
#[derive(Debug, PartialEq)]
enum Cloud {
    /// To the embedded cloud at this endpoint.
    Embedded(String),
    /// To AWS, in this account.
    #[cfg(feature = "aws")]
    Aws(Account),
}

impl Environment {
    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BootstrapError> {
        let text = |name| variable(name).ok_or(BootstrapError::Missing(name));
        let cloud = match variable(LOCAL) {
            Some(endpoint) => Cloud::Embedded(endpoint),
            #[cfg(feature = "aws")]
            None => match variable(ACCOUNT) {
                Some(account) => Cloud::Aws(parse(ACCOUNT, account)?),
                None => return Err(BootstrapError::Nowhere),
            },
            #[cfg(not(feature = "aws"))]
            None => return Err(BootstrapError::Missing(LOCAL)),
        };
        Ok(Self {
            workflow: text("CARIBOU_WORKFLOW")?,
            version: text("CARIBOU_VERSION")?,
            function: text("CARIBOU_FUNCTION")?,
            region: parse("AWS_REGION", text("AWS_REGION")?)?,
            home: parse("CARIBOU_HOME", text("CARIBOU_HOME")?)?,
            memory_mb: parse(MEMORY_SIZE, text(MEMORY_SIZE)?)?,
            probe_share: parse("CARIBOU_PROBE_SHARE", text("CARIBOU_PROBE_SHARE")?)?,
            run_deadline: parse("CARIBOU_RUN_DEADLINE_S", text("CARIBOU_RUN_DEADLINE_S")?)
                .map(Duration::from_secs)?,
            cloud,
        })
    }

    /// The ports of the instance that has this Runtime API. Nothing is connected yet.
    fn ports(&self, api: &str) -> Ports {
        match &self.cloud {
            Cloud::Embedded(endpoint) => {
                let instance = api.rsplit('/').next().unwrap_or_default();
                local::instance_ports(endpoint, self.region.clone(), instance)
            }
            #[cfg(feature = "aws")]
            Cloud::Aws(account) => aws::instance_ports(account.clone()),
        }
    }
}

const LOCAL: &str = "CARIBOU_LOCAL";
/// Set for an instance that is hosted on one machine, whichever cloud it uses.
const HOSTED: &str = "CARIBOU_HOSTED";
#[cfg(feature = "aws")]
const ACCOUNT: &str = "CARIBOU_ACCOUNT";

const MEMORY_SIZE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";

fn parse<T: std::str::FromStr<Err: ToString>>(
    name: &'static str,
    value: String,
) -> Result<T, BootstrapError> {
    let parsed = value.parse::<T>().map_err(|cause| cause.to_string());
    parsed.map_err(|cause| BootstrapError::Malformed { name, value, cause })
}

fn serve(api: &str) -> Result<(), BootstrapError> {
    die_with_the_platform();
    let environment = Environment::read(|name| std::env::var(name).ok());
    // As many workers as Lambda gives virtual CPUs, beside the thread that handles the event: what the author spawns
    // runs in parallel where the platform would let it.
    let memory_mb = environment.as_ref().map_or(FunctionSpec::DEFAULT_MEMORY_MB, |known| known.memory_mb);
    let workers = memory_mb.div_ceil(FunctionSpec::DEFAULT_MEMORY_MB).clamp(1, 6) as usize;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let outcome = runtime.block_on(async {
        let started = environment.and_then(|environment| shim(&environment, api));
        match started {
            Ok(shim) => {
                lambda::serve(shim).await.map_err(|error| BootstrapError::RuntimeApi(error.to_string()))
            }
            Err(error) => {
                note_failed_start(api, &error).await;
                Err(error)
            }
        }
    });
    // Blocking work of the author's may still run; the process ends without it, as it does on Lambda.
    runtime.shutdown_background();
    outcome
}

fn shim(environment: &Environment, api: &str) -> Result<Shim, BootstrapError> {
    // What lambda_runtime would panic about.
    let uri: http::Uri = parse(RUNTIME_API, api.to_owned())?;
    if uri.authority().is_none() {
        let cause = "it has no host".to_owned();
        return Err(BootstrapError::Malformed { name: RUNTIME_API, value: api.to_owned(), cause });
    }
    for name in ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"] {
        std::env::var_os(name).ok_or(BootstrapError::Missing(name))?;
    }
    let workflow = find(&environment.workflow)?;
    if workflow.version != environment.version {
        return Err(BootstrapError::UnknownVersion {
            workflow: environment.workflow.clone(),
            asked: environment.version.clone(),
            linked: workflow.version,
        });
    }
    let deployment = Deployment {
        workflow,
        function: environment.function.clone(),
        region: environment.region.clone(),
        home: environment.home.clone(),
        probe_share: environment.probe_share,
        run_deadline: environment.run_deadline,
        plan_cache: PLAN_CACHE,
    };
    Ok(Shim::new(deployment, environment.ports(api))?)
}

/// On one machine the platform may be killed while this process computes, whichever cloud it uses: it must not outlive it.
#[cfg(target_os = "linux")]
fn die_with_the_platform() {
    use rustix::process::{Signal, set_parent_process_death_signal};
    let hosted = [LOCAL, HOSTED].iter().any(|name| std::env::var_os(name).is_some());
    if hosted && let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        tracing::debug!(%error, "this instance ends at its next call if its host is killed");
    }
}

/// Elsewhere the process ends at its next call to the Runtime API.
#[cfg(not(target_os = "linux"))]
fn die_with_the_platform() {}

async fn note_failed_start(api: &str, error: &BootstrapError) {
    let note = json!({ "errorType": "caribou.NotStarted", "errorMessage": error.to_string() });
    let ask = Ask::new(http::Method::POST, "/2018-06-01/runtime/init/error").body(note.to_string());
    let endpoint = if api.contains("://") { api.to_owned() } else { format!("http://{api}") };
    if let Err(error) = Http::new(&endpoint).ask(ask.within(NOTE_WITHIN)).await {
        tracing::debug!(%error, "the platform was not told why this instance does not start");
    }
}

/// The workflows that were linked, each of a name of its own.
fn registered() -> Result<Vec<&'static Workflow>, BootstrapError> {
    distinct(Workflow::registered())
}

fn distinct(workflows: Vec<&'static Workflow>) -> Result<Vec<&'static Workflow>, BootstrapError> {
    if workflows.is_empty() {
        return Err(BootstrapError::Empty);
    }
    match workflows.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(BootstrapError::Twice(pair[0].name)),
        None => Ok(workflows),
    }
}

fn find(name: &str) -> Result<&'static Workflow, BootstrapError> {
    let workflows = registered()?;
    workflows
        .iter()
        .find(|workflow| workflow.name == name)
        .copied()
        .ok_or_else(|| BootstrapError::UnknownWorkflow { asked: name.to_owned(), known: names(&workflows) })
}

fn names(workflows: &[&Workflow]) -> String {
    workflows.iter().map(|workflow| format!("`{}`", workflow.name)).collect::<Vec<_>>().join(", ")
}

fn describe() -> Result<(), BootstrapError> {
    let workflows = registered().inspect_err(|error| {
        // for `caribou check`, which tells what is wrong from a program that is no bootstrap
        let told = print(&json!({ "caribou": 1, "workflows": [], "error": error.to_string() }));
        if let Err(error) = told {
            tracing::debug!(%error, "nobody reads the description");
        }
    })?;
    let described: Vec<_> = workflows
        .into_iter()
        .map(|workflow| json!({ "graph": (workflow.graph)(), "parameters": workflow.parameters }))
        .collect();
    print(&json!({ "caribou": 1, "workflows": described }))
}

fn call(workflow: &str) -> Result<(), BootstrapError> {
    let workflow = find(workflow)?;
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let input = match input.trim() {
        "" => serde_json::Value::Null,
        text => serde_json::from_str(text).map_err(BootstrapError::Input)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on((workflow.plain)(input)).map_err(BootstrapError::Workflow)?;
    runtime.shutdown_background();
    print(&result)
}

fn print(json: &serde_json::Value) -> Result<(), BootstrapError> {
    Ok(writeln!(std::io::stdout().lock(), "{json}")?)
}

fn usage() -> String {
    let workflows = match registered() {
        Ok(workflows) => names(&workflows),
        Err(error) => error.to_string(),
    };
    format!(
        "This is a Caribou bootstrap; its workflows: {workflows}.\n\
         It serves a function when the Lambda Runtime API starts it. By hand:\n  \
         describe        print its workflows as JSON\n  \
         call WORKFLOW   call a workflow in this process, with its input as JSON on standard input"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKFLOW: Workflow = Workflow {
        name: "press",
        version: "0.1.0",
        parameters: &[],
        graph: || crate::draft::Draft::new("press", "0.1.0").finish(),
        route: |_, _, _| Ok(()),
        reads: |_| &[],
        call: |_| None,
        plain: |input| Box::pin(async { Ok(input) }),
    };

    #[test]
    fn two_workflows_of_one_name_are_refused() {
        static PRESS: Workflow = WORKFLOW;
        static OTHER: Workflow = Workflow { name: "resize", ..WORKFLOW };
        static AGAIN: Workflow = Workflow { version: "0.2.0", ..WORKFLOW };
        assert_eq!(distinct(vec![&PRESS, &OTHER]).unwrap().len(), 2);
        let error = distinct(vec![&PRESS, &AGAIN, &OTHER]).err().unwrap().to_string();
        assert!(error.contains("two workflows called `press`") && error.contains("another name"), "{error}");
        assert!(matches!(distinct(Vec::new()), Err(BootstrapError::Empty)));
    }

    fn variables(name: &str) -> Option<String> {
        let value = match name {
            "CARIBOU_WORKFLOW" => "press",
            "CARIBOU_VERSION" => "0.1.0",
            "CARIBOU_FUNCTION" => "resize",
            "AWS_REGION" => "ca-central-1",
            "CARIBOU_HOME" => "aws:us-east-1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" => "1769",
            "CARIBOU_PROBE_SHARE" => "0.1",
            "CARIBOU_RUN_DEADLINE_S" => "3600",
            "CARIBOU_LOCAL" => "http://127.0.0.1:1",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn the_environment_names_the_function_to_serve() {
        let environment = Environment::read(variables).unwrap();
        assert_eq!(environment.function, "resize");
        assert_eq!(environment.region, Region::aws("ca-central-1"));
        assert_eq!(environment.run_deadline, Duration::from_hours(1));
    }

    #[test]
    fn the_cloud_is_the_embedded_one_if_it_is_named_and_else_an_account_of_aws() {
        let without = |name: &str| variables(name).filter(|_| name != LOCAL);
        let with_account = |account: &'static str| {
            move |name: &str| if name == ACCOUNT { Some(account.to_owned()) } else { without(name) }
        };
        let cloud = |read: Result<Environment, BootstrapError>| read.map(|environment| environment.cloud);
        let account = "123456789012";
        assert_eq!(
            cloud(Environment::read(with_account(account))).unwrap(),
            Cloud::Aws(account.parse().unwrap())
        );
        let both = |name: &str| with_account(account)(name).or_else(|| variables(name));
        assert_eq!(cloud(Environment::read(both)).unwrap(), Cloud::Embedded("http://127.0.0.1:1".into()));
        let neither = Environment::read(without).unwrap_err().to_string();
        assert!(neither.contains("neither `CARIBOU_ACCOUNT` nor `CARIBOU_LOCAL`"), "{neither}");
        let wrong = Environment::read(with_account("12")).unwrap_err().to_string();
        assert!(wrong.contains("`CARIBOU_ACCOUNT` is `12`") && wrong.contains("12 digits"), "{wrong}");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = Environment::read(|name| variables(name).filter(|_| name != "CARIBOU_HOME")).unwrap_err();
        assert!(matches!(error, BootstrapError::Missing("CARIBOU_HOME")), "{error}");
    }

    #[test]
    fn a_malformed_variable_is_shown_with_what_is_wrong() {
        let wrong = |name: &str| match name {
            "AWS_REGION" => Some("US EAST".to_owned()),
            _ => variables(name),
        };
        let error = Environment::read(wrong).unwrap_err().to_string();
        assert!(error.contains("`AWS_REGION` is `US EAST`") && error.contains("aws:us-east-1"), "{error}");
    }
}
