//! Where a workflow is deployed: on AWS, or on the embedded cloud of this machine.

use std::fmt;
use std::path::{Path, PathBuf};

use caribou_control::state::{Deployed, Endpoint, State, StateError};
use caribou_runtime::aws::Account;

use crate::error::CliError;

/// Where a command looks for a deployed workflow.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PlatformArgs {
    /// The workflow on AWS. Needed only where it is on the embedded cloud too.
    #[arg(long, conflicts_with = "local")]
    pub(crate) aws: bool,
    /// The workflow on the embedded cloud. Needed only where it is on AWS too.
    #[arg(long)]
    pub(crate) local: bool,
    /// The directory that notes what is deployed [default: .caribou/aws, or .caribou/local of the embedded cloud].
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

/// Where workflows run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Platform {
    Aws,
    Local,
}

/// A deployed workflow, and what is needed to speak to it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) state: State,
    pub(crate) deployed: Deployed,
    pub(crate) at: At,
}

/// Where exactly a workflow is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum At {
    Account(Account),
    Cloud(Endpoint),
}

impl Platform {
    /// The directory that notes what is deployed there.
    pub(crate) fn directory(self) -> &'static str {
        match self {
            Self::Aws => ".caribou/aws",
            Self::Local => ".caribou/local",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aws => "AWS",
            Self::Local => "the embedded cloud",
        })
    }
}

impl At {
    pub(crate) fn platform(&self) -> Platform {
        match self {
            Self::Account(_) => Platform::Aws,
            Self::Cloud(_) => Platform::Local,
        }
    }
}

impl PlatformArgs {
    /// The notes of one platform, where commands look for them.
    pub(crate) fn state_of(&self, platform: Platform) -> State {
        State::in_directory(self.state.as_deref().unwrap_or(Path::new(platform.directory())))
    }

    /// The deployed workflow of this name, or of the package in this folder; the only one if nothing is named.
    pub(crate) fn find(&self, wanted: Option<&str>) -> Result<Place, CliError> {
        choose(self.known()?, wanted)
    }

    /// Every workflow that is deployed where the arguments let look, by name.
    pub(crate) fn all(&self) -> Result<Vec<Place>, CliError> {
        let Known { places, stopped, asleep, .. } = self.known()?.sorted();
        match stopped {
            // what it has may be meant
            Some(directory) if places.is_empty() && !asleep.is_empty() => {
                Err(StateError::NotRunning { directory }.into())
            }
            _ => Ok(places),
        }
    }

    fn known(&self) -> Result<Known, CliError> {
        let mut known = Known::default();
        if !self.local {
            known.look_on_aws(&self.state_of(Platform::Aws), self.aws)?;
        }
        // notes that are not of AWS are those of an embedded cloud
        let of_aws = self.state.is_some() && !known.places.is_empty();
        if !self.aws && !of_aws {
            let insist = self.local || self.state.is_some();
            known.look_on_cloud(&self.state_of(Platform::Local), insist)?;
        }
        Ok(known)
    }
}

/// What is deployed as far as notes tell.
#[derive(Debug, Default)]
struct Known {
    places: Vec<Place>,
    /// The directory of an embedded cloud that does not run, and the workflows that it has.
    stopped: Option<PathBuf>,
    asleep: Vec<Deployed>,
    looked: Vec<(Platform, PathBuf)>,
}

impl Known {
    /// By name.
    fn sorted(mut self) -> Self {
        let key = |place: &Place| (place.deployed.graph.workflow.clone(), place.at.platform());
        self.places.sort_by_key(key);
        self
    }

    fn look_on_aws(&mut self, state: &State, insist: bool) -> Result<(), CliError> {
        for deployed in state.all_deployed()? {
            if let Some(account) = state.account(&deployed.graph.workflow)? {
                self.places.push(Place { state: state.clone(), deployed, at: At::Account(account) });
            } else if insist {
                let (workflow, directory) = (&deployed.graph.workflow, state.directory().display());
                return Err(CliError::Failed(format!(
                    "{directory} notes `{workflow}` without an AWS account; it is the state of an embedded cloud, or was \
                     written by hand: name another directory with --state, or deploy again with `caribou deploy PATH`"
                )));
            }
        }
        self.looked.push((Platform::Aws, state.directory().to_path_buf()));
        Ok(())
    }

    fn look_on_cloud(&mut self, state: &State, insist: bool) -> Result<(), CliError> {
        let all = state.all_deployed()?;
        match state.endpoint() {
            Ok(endpoint) => {
                let place =
                    |deployed| Place { state: state.clone(), deployed, at: At::Cloud(endpoint.clone()) };
                self.places.extend(all.into_iter().map(place));
            }
            Err(error @ StateError::NotRunning { .. }) if insist => return Err(error.into()),
            Err(StateError::NotRunning { directory }) => {
                self.stopped = Some(directory);
                self.asleep = all;
            }
            Err(error) => return Err(error.into()),
        }
        self.looked.push((Platform::Local, state.directory().to_path_buf()));
        Ok(())
    }
}

/// The one place that fits.
fn choose(known: Known, wanted: Option<&str>) -> Result<Place, CliError> {
    let Known { mut places, asleep, looked, .. } = known.sorted();
    let everything: Vec<String> = places.iter().map(named).collect();
    let fits = |deployed: &Deployed| wanted.is_none_or(|wanted| deployed.is(wanted));
    places.retain(|place| fits(&place.deployed));
    if places.len() == 1 {
        return Ok(places.swap_remove(0));
    }
    if let [first, rest @ ..] = places.as_slice() {
        let name = &first.deployed.graph.workflow;
        return Err(if rest.iter().all(|other| other.deployed.graph.workflow == *name) {
            CliError::Usage(format!(
                "`{name}` is deployed to AWS and to the embedded cloud; say which is meant with --aws or --local"
            ))
        } else {
            CliError::Failed(format!("several workflows are deployed ({}); name one", list(&places)))
        });
    }
    if let Some(Deployed { graph, .. }) = asleep.iter().find(|deployed| fits(deployed)) {
        let name = &graph.workflow;
        return Err(CliError::Failed(format!(
            "`{name}` is deployed to an embedded cloud that does not run; start it with `caribou local start`"
        )));
    }
    Err(CliError::Failed(match wanted {
        Some(wanted) if !everything.is_empty() => {
            format!("workflow `{wanted}` is not deployed; deployed are {}", everything.join(", "))
        }
        _ => nothing(&looked),
    }))
}

/// Nothing is deployed where it was looked for.
fn nothing(looked: &[(Platform, PathBuf)]) -> String {
    match looked {
        [(Platform::Aws, directory)] => format!(
            "no workflow was deployed to AWS from here: {} notes none; deploy one with `caribou deploy PATH`, or name the \
             directory of the notes with --state",
            directory.display()
        ),
        [(Platform::Local, directory)] => {
            StateError::NothingDeployed { directory: directory.clone() }.to_string()
        }
        _ => "no workflow is deployed from here; deploy one to AWS with `caribou deploy PATH`, or to an embedded cloud on \
              this machine with `caribou local start` and `caribou local deploy PATH`"
            .to_owned(),
    }
}

fn named(place: &Place) -> String {
    format!("{} ({})", place.deployed.graph.workflow, place.at.platform())
}

fn list(places: &[Place]) -> String {
    places.iter().map(named).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use caribou_model::{FunctionSpec, Graph, Manifest, Region, Timestamp};

    use super::*;

    const HOME: Region = Region::aws("us-east-1");

    fn deployed(name: &str) -> Deployed {
        Deployed {
            graph: Graph {
                workflow: name.into(),
                version: "0.1.0".into(),
                functions: vec![FunctionSpec::new("f")],
                nodes: Vec::new(),
                edges: Vec::new(),
            },
            parameters: Vec::new(),
            package: PathBuf::from("/flows").join(name),
            bootstrap: "/flows/bootstrap".into(),
            manifest: Manifest::at_home(HOME),
            at: Timestamp::from_millis(1),
        }
    }

    /// Notes of workflows on AWS, and of an embedded cloud that runs or does not.
    struct Notes {
        folder: tempfile::TempDir,
    }

    impl Notes {
        fn new(aws: &[&str], local: &[&str], runs: bool) -> Self {
            let notes = Self { folder: tempfile::tempdir().unwrap() };
            for name in aws {
                notes.state(Platform::Aws).write_deployed(&deployed(name)).unwrap();
                let account = "123456789012".parse().unwrap();
                notes.state(Platform::Aws).write_account(name, &account).unwrap();
            }
            for name in local {
                notes.state(Platform::Local).write_deployed(&deployed(name)).unwrap();
            }
            if runs {
                let endpoint = Endpoint { url: "http://127.0.0.1:9".into(), pid: 1, regions: vec![HOME] };
                notes.state(Platform::Local).write_endpoint(&endpoint).unwrap();
            }
            notes
        }

        fn state(&self, platform: Platform) -> State {
            State::in_directory(self.folder.path().join(platform.directory()))
        }

        fn find(&self, wanted: Option<&str>) -> Result<Platform, String> {
            let mut known = Known::default();
            known.look_on_aws(&self.state(Platform::Aws), false).unwrap();
            known.look_on_cloud(&self.state(Platform::Local), false).unwrap();
            choose(known, wanted).map(|place| place.at.platform()).map_err(|error| error.to_string())
        }
    }

    #[test]
    fn the_only_place_that_fits_is_chosen() {
        let notes = Notes::new(&["press"], &["errand"], true);
        assert_eq!(notes.find(Some("press")), Ok(Platform::Aws));
        assert_eq!(notes.find(Some("errand")), Ok(Platform::Local));
        let error = notes.find(None).unwrap_err();
        assert!(error.contains("errand (the embedded cloud), press (AWS)"), "{error}");
        let error = notes.find(Some("other")).unwrap_err();
        assert!(error.contains("deployed are"), "{error}");
    }

    #[test]
    fn who_is_on_both_is_asked_for() {
        let notes = Notes::new(&["press"], &["press"], true);
        for wanted in [None, Some("press")] {
            let error = notes.find(wanted).unwrap_err();
            assert!(error.contains("--aws or --local"), "{error}");
        }
    }

    #[test]
    fn a_cloud_that_does_not_run_is_not_meant() {
        let notes = Notes::new(&["press"], &["press", "errand"], false);
        assert_eq!(notes.find(None), Ok(Platform::Aws));
        let error = notes.find(Some("errand")).unwrap_err();
        assert!(error.contains("does not run") && error.contains("caribou local start"), "{error}");
    }

    #[test]
    fn who_has_deployed_nothing_is_told_both_ways() {
        let error = Notes::new(&[], &[], false).find(None).unwrap_err();
        assert!(error.contains("caribou deploy PATH") && error.contains("caribou local start"), "{error}");
    }

    #[test]
    fn a_directory_of_notes_tells_of_which_platform_they_are() {
        let notes = Notes::new(&["press"], &["errand"], true);
        let find = |directory: &str, aws, local| {
            let state = Some(notes.folder.path().join(directory));
            let found = PlatformArgs { aws, local, state }.find(None);
            found.map(|place| place.deployed.graph.workflow).map_err(|error| error.to_string())
        };
        assert_eq!(find(".caribou/aws", false, false), Ok("press".to_owned()));
        assert_eq!(find(".caribou/local", false, false), Ok("errand".to_owned()));
        let error = find(".caribou/local", true, false).unwrap_err();
        assert!(error.contains("without an AWS account"), "{error}");
        let error = find(".caribou/aws", false, true).unwrap_err();
        assert!(error.contains("no embedded cloud runs"), "{error}");
        let error = find("elsewhere", true, false).unwrap_err();
        assert!(error.contains("no workflow was deployed to AWS from here"), "{error}");
    }
}
