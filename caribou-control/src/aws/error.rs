//! What went wrong on AWS, where, and what to do about it.

use std::path::PathBuf;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use caribou_model::Region;

use super::region::is_opt_in;
use super::resource::Id;

/// Why something was not done on AWS. What was done before it stays; the same command again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// A call failed.
    #[error("{0}")]
    Call(Box<CallError>),
    /// Something did not become ready in time.
    #[error(
        "{id} is still {state} after {waited_s} s; look at it in the AWS console, and repeat the command"
    )]
    NotReady {
        /// What.
        id: Id,
        /// What it is instead.
        state: String,
        /// How long it was waited for, in seconds.
        waited_s: u64,
    },
    /// Something is there that cannot be turned into what is wanted.
    #[error(
        "{id} is there with {field} {found} instead of {wanted}, which cannot be changed; give the workflow another \
         version, or remove it, then deploy again"
    )]
    Fixed {
        /// What.
        id: Box<Id>,
        /// The property.
        field: String,
        /// As it is.
        found: String,
        /// As it should be.
        wanted: String,
    },
    /// Something of this name is there, and is not this workflow's.
    #[error(
        "{id} is there and belongs to something else: {why}; it was not changed. Give the workflow another name, as in \
         `#[caribou::workflow(name = \"..\")]`, or remove or rename what is there"
    )]
    NotOurs {
        /// What.
        id: Box<Id>,
        /// How that was seen.
        why: String,
    },
    /// A function was deployed, and does not answer as a bootstrap does.
    #[error(
        "{id} was deployed, but does not answer as its bootstrap does: {said}; look at its log, and that it was built for Lambda (`caribou build`)"
    )]
    DoesNotAnswer {
        /// The function.
        id: Id,
        /// What it said.
        said: String,
    },
    /// The archive of the code cannot be read.
    #[error("the archive {} cannot be read: {cause}; make it with `caribou build`", path.display())]
    Archive {
        /// Where it lies.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// There is no code for a function.
    #[error(
        "there is no code for function `{function}`: nothing was built, and home has no such function; deploy the workflow first"
    )]
    NoCode {
        /// The function.
        function: String,
    },
    /// The policy that the manifest names cannot be used.
    #[error("[aws] policy: {} {why}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// What the functions may do does not fit in the role.
    #[error(
        "the role's policies would have {characters} characters, IAM takes {most}: {others} of other versions, and {own} of this \
         version beside its author's, with the shortest patterns; shorten the file that [aws] policy names, or let `caribou collect` \
         remove old versions"
    )]
    PolicyTooLong {
        /// All of them.
        characters: usize,
        /// Those of Caribou's own policy of the version.
        own: usize,
        /// Those of other versions.
        others: usize,
        /// IAM's limit.
        most: usize,
    },
    /// A layer or image lies in one region, and the function goes to another.
    #[error(
        "[aws.functions.{function}] {what} lies in another region than {region}; copy it there and write {{region}} in its place, or \
         keep the function out of {region}"
    )]
    Elsewhere {
        /// The function.
        function: String,
        /// The layer or image.
        what: String,
        /// Where the function goes.
        region: Region,
    },
    /// A function's queue would be taken for another function's.
    #[error(
        "function `{function}` cannot be deployed to AWS: its name ends with `-dead`, as the names of dead-letter queues do; give it \
         another name"
    )]
    Name {
        /// The function.
        function: String,
    },
    /// This program is at fault.
    #[error("a request to AWS could not be made: {0}; this is a fault of caribou")]
    Internal(String),
}

/// A call of AWS that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} of {resource} in {region} failed: {cause}; {}", self.remedy())]
pub struct CallError {
    /// What was asked, as IAM names it: `lambda:CreateFunction`.
    pub operation: &'static str,
    /// Where.
    pub region: Region,
    /// Of what.
    pub resource: String,
    /// What kind of fault it is.
    pub fault: Fault,
    /// AWS's code and text, or what happened on the way.
    pub cause: String,
}

/// The kinds of fault that have a remedy of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There are no credentials.
    NoCredentials,
    /// The credentials have expired.
    Expired,
    /// AWS does not know the credentials.
    UnknownCredentials,
    /// The credentials may not do that.
    Denied,
    /// The region has to be enabled for the account first.
    RegionNotEnabled,
    /// Too many calls.
    Throttled,
    /// A quota of the account is used up.
    Quota,
    /// The service did not answer.
    Unreachable,
    /// It is there already, or is being changed by somebody else.
    Conflict,
    /// There is no such thing.
    Absent,
    /// Anything else.
    Other,
}

impl CallError {
    fn remedy(&self) -> String {
        let Self { operation, region, resource, .. } = self;
        match self.fault {
            Fault::NoCredentials => {
                "give credentials: `aws configure`, `aws sso login`, or AWS_PROFILE".into()
            }
            Fault::Expired => {
                "renew the credentials (`aws sso login`, or whatever gave them), and repeat the command"
                    .into()
            }
            Fault::UnknownCredentials => {
                "check which credentials are used (`aws sts get-caller-identity`)".into()
            }
            Fault::Denied => {
                let action = denied_action(&self.cause).unwrap_or(operation);
                format!("the credentials in use need permission for `{action}` on {resource}")
            }
            Fault::RegionNotEnabled => format!(
                "{region} is not enabled for the account: enable it (`aws account enable-region --region-name {}`), or deny it in \
                 [regions] of the manifest",
                region.code()
            ),
            Fault::Throttled => {
                "AWS takes no more calls for the moment; repeat the command, it goes on where it stopped"
                    .into()
            }
            Fault::Quota => format!(
                "ask AWS for a higher quota in {region} (Service Quotas), or remove what is not needed"
            ),
            Fault::Unreachable => {
                "check the network, and that the region is not down; then repeat the command".into()
            }
            Fault::Conflict | Fault::Absent | Fault::Other => {
                "repeat the command; it goes on where it stopped".into()
            }
        }
    }
}

/// The action that AWS itself says was denied, such as `iam:PassRole` where a function is made.
fn denied_action(cause: &str) -> Option<&str> {
    let (_, rest) = cause.split_once("not authorized to perform: ")?;
    let action = rest.split([' ', ',']).next()?;
    action.contains(':').then_some(action)
}

impl AwsError {
    pub(super) fn call<E>(
        operation: &'static str,
        region: &Region,
        resource: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let (fault, cause) = (fault(error, region), shown(operation, cause(error)));
        Self::refused(operation, region, resource, fault, cause)
    }

    pub(super) fn refused(
        operation: &'static str,
        region: &Region,
        resource: &str,
        fault: Fault,
        cause: String,
    ) -> Self {
        let (region, resource) = (region.clone(), resource.to_owned());
        Self::Call(Box::new(CallError { operation, region, resource, fault, cause }))
    }

    #[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
    pub(super) fn internal(cause: impl ToString) -> Self {
        Self::Internal(cause.to_string())
    }

    /// What kind of fault it is, if a call failed.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Call(error) => Some(error.fault),
            _ => None,
        }
    }

    /// AWS's own words, if a call failed.
    pub(super) fn said(&self) -> &str {
        match self {
            Self::Call(error) => &error.cause,
            _ => "",
        }
    }
}

/// The longest text of AWS's that is told, in characters.
const LONGEST_SAID: usize = 600;

/// AWS's words as they may be told. What refuses the variables of a function repeats them with their values, in braces.
fn shown(operation: &str, said: String) -> String {
    let echoes = ["lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"].contains(&operation);
    let said = match (said.find('{'), said.rfind('}')) {
        (Some(from), Some(to)) if echoes && from < to => {
            format!("{}{{..}}{}", &said[..from], &said[to + 1..])
        }
        (Some(from), _) if echoes => format!("{}{{..", &said[..from]),
        _ => said,
    };
    match said.char_indices().nth(LONGEST_SAID) {
        Some((end, _)) => format!("{}..", &said[..end]),
        None => said,
    }
}

/// What happened, in AWS's words. They name resources and actions, never credentials.
fn cause<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    let Some(service) = error.as_service_error() else { return causes(error) };
    let status =
        || error.raw_response().map(|response| format!("HTTP status {}", response.status().as_u16()));
    match (service.code(), service.message()) {
        (Some(code), Some(message)) => format!("{code}: {}", message.trim_end_matches('.')),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => status().unwrap_or_else(|| "no reason given".into()),
    }
}

/// An error and what caused it.
fn causes<E>(error: &SdkError<E, HttpResponse>) -> String {
    use std::error::Error;
    let (what, source): (&str, Option<&(dyn Error + 'static)>) = match error {
        SdkError::ConstructionFailure(_) => ("the request could not be made", None),
        SdkError::TimeoutError(_) => ("no answer in time", None),
        SdkError::DispatchFailure(failure) => {
            ("no answer", failure.as_connector_error().map(|error| error as &(dyn Error + 'static)))
        }
        _ => ("an answer that cannot be read", None),
    };
    let mut text = what.to_owned();
    let mut source = source;
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn fault<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, region: &Region) -> Fault {
    let Some(service) = error.as_service_error() else {
        return of_credentials(error).unwrap_or(Fault::Unreachable);
    };
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let (code, message) = (service.code().unwrap_or_default(), service.message().unwrap_or_default());
    of_code(code, message, status, region)
}

/// Credentials are looked for as the request is made, and the SDK has no type of its own for what is wrong with them.
fn of_credentials<E>(error: &SdkError<E, HttpResponse>) -> Option<Fault> {
    let text = match error {
        SdkError::DispatchFailure(failure) => format!("{failure:?}"),
        SdkError::ConstructionFailure(failure) => format!("{failure:?}"),
        _ => return None,
    };
    let names = ["CredentialsNotLoaded", "NoMatchingAuthScheme", "ProviderError", "InvalidConfiguration"];
    let is_of_them = names.iter().any(|name| text.contains(name));
    let is_old = ["expired", "Expired"].iter().any(|word| text.contains(word));
    is_of_them.then_some(if is_old { Fault::Expired } else { Fault::NoCredentials })
}

fn of_code(code: &str, message: &str, status: u16, region: &Region) -> Fault {
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired" => {
            Fault::Expired
        }
        // how services of a region that is not enabled answer: they know nobody of the account
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" | "AuthFailure"
            if is_opt_in(region) =>
        {
            Fault::RegionNotEnabled
        }
        "OptInRequired" | "RegionDisabledException" => Fault::RegionNotEnabled,
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException" => Fault::UnknownCredentials,
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "UnauthorizedOperation"
        | "AllAccessDisabled" => Fault::Denied,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown" => Fault::Throttled,
        "LimitExceeded"
        | "LimitExceededException"
        | "TopicLimitExceeded"
        | "SubscriptionLimitExceeded"
        | "CodeStorageExceededException"
        | "TooManyBuckets"
        | "ServiceQuotaExceededException" => Fault::Quota,
        "ResourceConflictException"
        | "EntityAlreadyExists"
        | "EntityAlreadyExistsException"
        | "ResourceInUseException"
        | "QueueAlreadyExists"
        | "QueueNameExists"
        | "ResourceAlreadyExistsException"
        | "BucketAlreadyOwnedByYou"
        | "OperationAborted"
        | "OperationAbortedException"
        | "ConcurrentModification"
        | "PreconditionFailedException"
        | "ConcurrentModificationException" => Fault::Conflict,
        "ResourceNotFoundException"
        | "NoSuchEntity"
        | "NoSuchEntityException"
        | "NotFound"
        | "NotFoundException"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "QueueDoesNotExist"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "NoSuchBucketPolicy"
        | "NoSuchLifecycleConfiguration"
        | "NoSuchPublicAccessBlockConfiguration" => Fault::Absent,
        "InvalidParameter" if message.contains("already exists") => Fault::Conflict,
        "" => match status {
            403 => Fault::Denied,
            404 => Fault::Absent,
            409 => Fault::Conflict,
            429 => Fault::Throttled,
            _ => Fault::Other,
        },
        _ => Fault::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refuses_the_variables_of_a_function_does_not_tell_their_values() {
        let said = r#"InvalidParameterValueException: exceeded the 4KB limit. String measured: {"TOKEN":"s3cret"} at once"#;
        let told = shown("lambda:CreateFunction", said.to_owned());
        assert!(!told.contains("s3cret") && told.contains("{..} at once"), "{told}");
        let cut = shown("lambda:UpdateFunctionConfiguration", "Value '{A=s3cret".to_owned());
        assert_eq!(cut, "Value '{..");
        assert_eq!(shown("sqs:CreateQueue", "{a}".to_owned()), "{a}");
        assert_eq!(shown("sqs:CreateQueue", "ä".repeat(700)).chars().count(), 602);
    }

    #[test]
    fn services_of_a_region_that_is_not_enabled_know_nobody() {
        let of = |code, region| of_code(code, "", 403, &Region::aws(region));
        assert_eq!(of("UnrecognizedClientException", "eu-south-2"), Fault::RegionNotEnabled);
        assert_eq!(of("UnrecognizedClientException", "eu-west-1"), Fault::UnknownCredentials);
        assert_eq!(of("", "eu-west-1"), Fault::Denied);
    }

    #[test]
    fn an_error_says_what_was_asked_of_what_where_and_what_to_do() {
        let error = |fault, region| {
            AwsError::refused("sqs:CreateQueue", &Region::aws(region), "queue q", fault, "code: text".into())
                .to_string()
        };
        assert_eq!(
            error(Fault::Denied, "us-west-2"),
            "sqs:CreateQueue of queue q in aws:us-west-2 failed: code: text; the credentials in use need permission for \
             `sqs:CreateQueue` on queue q"
        );
        let cause = "AccessDeniedException: User: u is not authorized to perform: iam:PassRole on resource: r because ..";
        assert_eq!(denied_action(cause), Some("iam:PassRole"));
        assert_eq!(denied_action("AccessDenied: Access Denied"), None);
        let closed = error(Fault::RegionNotEnabled, "ca-west-1");
        assert!(
            closed.contains("--region-name ca-west-1") && closed.contains("deny it in [regions]"),
            "{closed}"
        );
    }
}
