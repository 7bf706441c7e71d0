//! A deployed workflow, as the programs see it that start its runs: servers, tests, functions of other workflows.
//!
//! [`Client`] reads which version is in force, and what its first stage's function is; so a name and a home region are all
//! that it has to be told. Everything else is [`crate::Client`], which knows no deployment.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caribou_model::{InvalidRegion, Region, RunId, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::ClientError;
use crate::codec::{self, CodecError};
use crate::local;
use crate::port::{Ports, SendError};
use crate::release::{Release, ReleaseError};
use crate::run::{End, RunStatus};

/// How long a release is used before it is read again. A version that was replaced serves for longer than that.
const RELEASE_KEPT: Duration = Duration::from_mins(1);
/// How often a request is sent until a region has certainly accepted it.
const TRIES: u32 = 4;
/// The wait before the second of these; each further wait is three times as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The wait between the first two looks at a run; each further wait is half as long again, up to [`LONGEST_LOOK`].
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Starts runs of a deployed workflow, and waits for what comes of them. Cheap to clone; clones share their connections.
///
/// ```no_run
/// use std::time::Duration;
///
/// use caribou_runtime::deployed::Client;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect("text2speech_censoring", "us-east-1").await?;
/// let run = client.start("oh no!").await?;
/// let speech: Vec<u8> = run.result(Duration::from_secs(60)).await?;
/// # Ok(())
/// # }
/// ```
///
/// A caller that may be repeated, such as a function that is retried, names its runs: a run that is started twice is one run.
///
/// ```no_run
/// # use std::time::Duration;
/// # use caribou_runtime::deployed::{Client, RunError};
/// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let run = client.start_as("order-1234", &("a lake", 800)).await?;
/// match run.result::<String>(Duration::from_secs(60)).await {
///     Ok(card) => println!("{card}"),
///     Err(RunError::Failed { stage, error, .. }) => eprintln!("{stage:?} failed: {error}"),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    workflow: String,
    home: Region,
    ports: Ports,
    /// What is in force, and when it was read.
    release: Mutex<(Release, Timestamp)>,
}

/// Why a workflow's runs cannot be started from here.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The home region has no such name.
    #[error(transparent)]
    Region(#[from] InvalidRegion),
    /// The workflow is not deployed.
    #[error(
        "workflow `{workflow}` is not deployed with its home in {home}; deploy it with `caribou deploy`, or name the \
         region that its manifest names"
    )]
    NotDeployed {
        /// The workflow.
        workflow: String,
        /// The home region asked.
        home: Region,
    },
    /// What is in force could not be read.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The account is not to be found out.
    #[error("the account of workflow `{workflow}` in {home} could not be found out: {cause}")]
    Account {
        /// The workflow.
        workflow: String,
        /// The home region asked.
        home: Region,
        /// What happened, and what to do.
        cause: String,
    },
}

/// Why a run was not started for certain.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The input has no JSON form.
    #[error("the input cannot be written as JSON: {0}")]
    Input(#[from] serde_json::Error),
    /// The run's name is none.
    #[error(transparent)]
    Run(#[from] caribou_model::InvalidRunId),
    /// It was not sent, or nobody knows: starting it again with the same name is safe.
    #[error("run `{run}` was not started for certain: {error}")]
    Client {
        /// The run.
        run: RunId,
        /// What happened.
        error: ClientError,
    },
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run failed for good, or did not end before its deadline.
    #[error("run `{run}` failed{}: {error}", stage.as_ref().map(|stage| format!(" at stage `{stage}`")).unwrap_or_default())]
    Failed {
        /// The run.
        run: RunId,
        /// The stage that failed, if it is known.
        stage: Option<String>,
        /// What went wrong.
        error: String,
    },
    /// It has not ended in the time that was given.
    #[error("run `{run}` has no result after {} s; ask for it again later", within.as_secs_f64())]
    Late {
        /// The run.
        run: RunId,
        /// How long it was waited for.
        within: Duration,
    },
    /// The result is of another type.
    #[error("the result of run `{run}` is not what was asked for: {cause}")]
    Result {
        /// The run.
        run: RunId,
        /// What the decoder found.
        cause: CodecError,
    },
    /// The run could not be looked at.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Client {
    /// A client of the workflow that has its home in this region (`us-east-1`). It is deployed on AWS, and the credentials
    /// are those of the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, as they are in
    /// every Lambda function. With `CARIBOU_LOCAL` in the environment it is deployed on the embedded cloud at that endpoint.
    ///
    /// The account is that of `CARIBOU_ACCOUNT`, or the one that the workflow's table belongs to. The caller needs the
    /// permissions `dynamodb:GetItem`, `sns:Publish`, `s3:GetObject`, `s3:PutObject`, and for the account
    /// `dynamodb:DescribeTable`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: the workflow is not deployed there, or its home does not answer.
    pub async fn connect(workflow: &str, home: &str) -> Result<Self, ConnectError> {
        let home: Region = home.parse()?;
        if let Ok(endpoint) = std::env::var("CARIBOU_LOCAL") {
            return Self::over(local::ports(&endpoint, None), workflow, home).await;
        }
        #[cfg(feature = "aws")]
        {
            Self::as_caller(crate::aws::Caller::of_environment(), workflow, home).await
        }
        #[cfg(not(feature = "aws"))]
        Err(ConnectError::NotDeployed { workflow: workflow.to_owned(), home })
    }

    /// The same with the credentials and the endpoint of a configuration of the AWS SDK: from a profile, a role, single
    /// sign-on, or whatever the `aws-config` crate finds.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] as for [`Self::connect`].
    #[cfg(feature = "aws")]
    pub async fn connect_with(
        workflow: &str,
        home: &str,
        config: &crate::aws::SdkConfig,
    ) -> Result<Self, ConnectError> {
        let home: Region = home.parse()?;
        Self::as_caller(crate::aws::Caller::of_config(config), workflow, home).await
    }

    #[cfg(feature = "aws")]
    async fn as_caller(
        caller: crate::aws::Caller,
        workflow: &str,
        home: Region,
    ) -> Result<Self, ConnectError> {
        match caller.ports(workflow, &home).await {
            Ok(ports) => Self::over(ports, workflow, home).await,
            Err(cause) => Err(ConnectError::Account { workflow: workflow.to_owned(), home, cause }),
        }
    }

    /// The same over any ports.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] as for [`Self::connect`].
    pub async fn over(ports: Ports, workflow: &str, home: Region) -> Result<Self, ConnectError> {
        let workflow = workflow.to_owned();
        match Release::read(&*ports.store, &home, &workflow).await? {
            Some((release, _)) => {
                let release = Mutex::new((release, ports.clock.now()));
                Ok(Self { shared: Arc::new(Shared { workflow, home, ports, release }) })
            }
            None => Err(ConnectError::NotDeployed { workflow, home }),
        }
    }

    /// Starts a run of the version in force, in the region where the plan in force has its first stage.
    ///
    /// `input` is the workflow's one parameter, something with fields (or a map) for several by name, or `()` for none.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start<I: Serialize + ?Sized>(&self, input: &I) -> Result<Run, StartError> {
        let run = self.client(&self.in_force().await).new_run();
        self.start_run(run, input).await
    }

    /// The same with a name: a run that is started twice is one run. It has 1 to 64 letters, digits, dashes and underscores.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start_as<I: Serialize + ?Sized>(&self, run: &str, input: &I) -> Result<Run, StartError> {
        self.start_run(run.parse()?, input).await
    }

    async fn start_run<I: Serialize + ?Sized>(&self, run: RunId, input: &I) -> Result<Run, StartError> {
        let input = serde_json::to_value(input)?;
        let client = self.client(&self.in_force().await);
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        loop {
            let error = match client.start(Some(run.clone()), input.clone()).await {
                Ok(run) => return Ok(Run { client, run }),
                Err(error) => error,
            };
            let may_help = matches!(
                error,
                ClientError::Send(SendError::Ambiguous { .. } | SendError::NotAccepted { .. })
                    | ClientError::Blob(_)
                    | ClientError::Store(_)
            );
            if !may_help || tries >= TRIES {
                return Err(StartError::Client { run, error });
            }
            self.shared.ports.clock.sleep(wait).await;
            tries += 1;
            wait *= 3;
        }
    }

    /// A run that was started before, by its name.
    ///
    /// # Errors
    ///
    /// [`InvalidRunId`](caribou_model::InvalidRunId) if no run can have this name.
    pub fn run(&self, run: &str) -> Result<Run, caribou_model::InvalidRunId> {
        let release = self.shared.release.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
        Ok(Run { client: self.client(&release), run: run.parse()? })
    }

    /// What is in force: read again from time to time, and as it was read last if home does not answer.
    async fn in_force(&self) -> Release {
        let Shared { workflow, home, ports, release } = &*self.shared;
        let (known, read) = release.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = ports.clock.now();
        if now.since(read) < RELEASE_KEPT {
            return known;
        }
        match Release::read(&*ports.store, home, workflow).await {
            Ok(Some((current, _))) => {
                *release.lock().unwrap_or_else(PoisonError::into_inner) = (current.clone(), now);
                current
            }
            Ok(None) => known,
            Err(error) => {
                tracing::warn!(%error, "the version that was in force last is asked");
                known
            }
        }
    }

    fn client(&self, release: &Release) -> crate::Client {
        let Shared { workflow, home, ports, .. } = &*self.shared;
        crate::Client::new(workflow, &release.version, &release.entry, home.clone(), ports.clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { workflow, home, .. } = &*self.shared;
        f.debug_struct("Client").field("workflow", workflow).field("home", home).finish_non_exhaustive()
    }
}

/// A run of a deployed workflow.
#[derive(Clone)]
pub struct Run {
    client: crate::Client,
    run: RunId,
}

impl Run {
    /// Its name.
    pub fn id(&self) -> &RunId {
        &self.run
    }

    /// How it stands.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if home does not answer.
    pub async fn status(&self) -> Result<RunStatus, ClientError> {
        self.client.status(&self.run).await
    }

    /// Waits for its result, as long as that. Every value comes as the workflow returned it, in the workflow's own type.
    ///
    /// # Errors
    ///
    /// [`RunError`].
    pub async fn result<T: DeserializeOwned>(&self, within: Duration) -> Result<T, RunError> {
        let clock = &self.client.ports().clock;
        let end = clock.now().plus(within);
        let mut look = FIRST_LOOK;
        loop {
            let unanswered = match self.look().await {
                Ok(Some(ended)) => return ended,
                Ok(None) => None,
                // It may answer again in time.
                Err(error @ (ClientError::Store(_) | ClientError::Blob(_))) => Some(error),
                Err(error) => return Err(error.into()),
            };
            let left = end.since(clock.now());
            if left.is_zero() {
                let late = RunError::Late { run: self.run.clone(), within };
                return Err(unanswered.map_or(late, RunError::Client));
            }
            clock.sleep(look.min(left)).await;
            look = LONGEST_LOOK.min(look.mul_f64(1.5));
        }
    }

    /// What came of it. `None` if it has not ended, or not begun.
    async fn look<T: DeserializeOwned>(&self) -> Result<Option<Result<T, RunError>>, ClientError> {
        let Some(mut record) = self.client.record(&self.run).await? else { return Ok(None) };
        let run = self.run.clone();
        if let Some(End::Succeeded { result, .. }) = record.end {
            let content = self.client.content(result).await?;
            let decoded = codec::decode(&content);
            return Ok(Some(decoded.map_err(|cause| RunError::Result { run, cause })));
        }
        // What the failing stage was given is not asked for here.
        if let Some(End::Failed { failure, .. }) = &mut record.end {
            failure.input.clear();
        }
        Ok(match self.client.status_of(record).await? {
            RunStatus::Failed { stage, error, .. } => Some(Err(RunError::Failed { run, stage, error })),
            _ => None,
        })
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.run).finish()
    }
}
