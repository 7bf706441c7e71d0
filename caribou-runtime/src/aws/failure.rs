//! What a failed call says: whether it was certainly refused, and what to do.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use caribou_model::Region;

use super::connection::{is_unconnected, with_causes};
use crate::port::{BlobError, SendError, StoreError};

/// The longest text that is kept of what a service says, in bytes.
const LONGEST: usize = 600;

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// The call, what was said, and what to do.
    pub(super) cause: String,
}

/// What is certain of a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was not sent: no name, no connection, no TLS, no credentials.
    NotSent,
    /// It was refused, for now: too many at a time.
    Throttled,
    /// It was refused, and will be until somebody changes something.
    Refused,
    /// It was not made: nobody would accept it.
    Unsendable,
    /// It may have been done: no answer, or one that tells of a failure within.
    Doubtful,
}

impl Kind {
    /// What a status says together with the code of an error.
    pub(super) fn of_status(status: u16, code: &str) -> Self {
        match status {
            // The service has not got all of it, or so it says.
            408 => Self::Doubtful,
            429 => Self::Throttled,
            400..=499 if is_throttling(code) => Self::Throttled,
            400..=499 if code == "RequestTimeout" => Self::Doubtful,
            400..=499 => Self::Refused,
            _ => Self::Doubtful,
        }
    }
}

impl Failure {
    /// Of a call through one of the SDKs. `action` is named as in policies, `sns:Publish`.
    pub(super) fn of<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match error {
            SdkError::ServiceError(answer) => {
                let code = answer.err().code().unwrap_or_default();
                let said = answer.err().message().unwrap_or_default();
                Self::of_answer(action, answer.raw().status().as_u16(), code, said)
            }
            SdkError::ResponseError(answer) => {
                let status = answer.raw().status().as_u16();
                let kind = if status < 400 { Kind::Doubtful } else { Kind::of_status(status, "") };
                let cause = format!("{action} was answered with status {status} and {}", with_causes(error));
                Self::new(kind, cause, "try again; if it stays so, look who answers in the service's place")
            }
            SdkError::DispatchFailure(dispatch) => {
                let unsent = dispatch.as_connector_error().is_some_and(is_unconnected);
                Self::of_unanswered(action, unsent, error)
            }
            SdkError::ConstructionFailure(_) => Self::of_unanswered(action, true, error),
            _ => Self::of_unanswered(action, false, error),
        }
    }

    /// Of an answer with an error in it.
    pub(super) fn of_answer(action: &str, status: u16, code: &str, said: &str) -> Self {
        let what = match (code, said) {
            ("", "") => format!("status {status}"),
            ("", said) => format!("status {status}: {said}"),
            (code, "") => code.to_owned(),
            (code, said) => format!("{code}: {said}"),
        };
        let cause = format!("{action} failed with {what}");
        Self::new(Kind::of_status(status, code), cause, &remedy(action, status, code, said))
    }

    /// Of a call without an answer.
    pub(super) fn of_unanswered(
        action: &str,
        unsent: bool,
        error: &(dyn std::error::Error + 'static),
    ) -> Self {
        let said = with_causes(error);
        if has_no_credentials(error) {
            return Self::without_credentials(action, &said);
        }
        if unsent {
            let remedy = "look whether the region is meant, and whether there is a way to it from here: a function in a \
                          VPC needs a NAT gateway or endpoints";
            return Self::new(Kind::NotSent, format!("{action} was not sent: {said}"), remedy);
        }
        let remedy = "it is tried again; if it stays so, look at the AWS Health Dashboard";
        Self::new(Kind::Doubtful, format!("{action} was not answered: {said}"), remedy)
    }

    /// Of a call that nobody could sign.
    pub(super) fn without_credentials(action: &str, said: &str) -> Self {
        let remedy =
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the configuration a profile or role";
        Self::new(Kind::NotSent, format!("{action} was not sent: {said}"), remedy)
    }

    /// Of a call that is not made, because nobody would accept it.
    pub(super) fn unsendable(cause: String, remedy: &str) -> Self {
        Self::new(Kind::Unsendable, cause, remedy)
    }

    /// Of a call that this program should not have asked for.
    pub(super) fn defect(cause: String) -> Self {
        Self::unsendable(cause, "this is a defect of Caribou: please report it")
    }

    /// Of an answer that nobody expects.
    pub(super) fn strange(cause: String) -> Self {
        Self::new(Kind::Doubtful, cause, "look what else writes to the workflow's tables")
    }

    /// As the port for messages tells it.
    pub(super) fn of_send(self, region: &Region) -> SendError {
        let Self { kind, cause } = self;
        let region = region.clone();
        match kind {
            Kind::NotSent => SendError::NotAccepted { region, cause },
            Kind::Throttled => SendError::Busy { region, cause },
            Kind::Refused => SendError::Refused { region, cause },
            Kind::Unsendable => SendError::Unsendable { cause },
            Kind::Doubtful => SendError::Ambiguous { region, cause },
        }
    }

    /// As the port for items tells it.
    pub(super) fn of_store(self, region: &Region, operation: &'static str) -> StoreError {
        let refused = matches!(self.kind, Kind::Refused | Kind::Unsendable);
        StoreError { region: region.clone(), operation, cause: self.cause, refused }
    }

    /// As the port for large values tells it.
    pub(super) fn of_blob(self, region: &Region, key: &str) -> BlobError {
        let (region, key, cause) = (region.clone(), key.to_owned(), self.cause);
        match self.kind {
            Kind::Refused | Kind::Unsendable => BlobError::Refused { region, key, cause },
            _ => BlobError::Unreachable { region, key, cause },
        }
    }

    fn new(kind: Kind, mut cause: String, remedy: &str) -> Self {
        if cause.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|at| cause.is_char_boundary(*at)).unwrap_or_default();
            cause.truncate(end);
            cause.push_str("..");
        }
        let cause = cause.trim_end_matches(['.', ' ', '\n']);
        Self { kind, cause: format!("{cause}; {remedy}") }
    }
}

fn has_no_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<aws_credential_types::provider::error::CredentialsError>() {
            return true;
        }
        next = error.source();
    }
    false
}

fn is_throttling(code: &str) -> bool {
    const CODES: [&str; 6] = [
        "BandwidthLimitExceeded",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
    ];
    CODES.contains(&code) || code.contains("Throttl") || code.contains("TooManyRequests")
}

/// What a person can do about an error.
fn remedy(action: &str, status: u16, code: &str, said: &str) -> String {
    let service = action.split_once(':').map_or(action, |(service, _)| service);
    let any = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if any(&["ExpiredToken", "RequestExpired", "TokenRefreshRequired"]) {
        return "the credentials have expired: log in again, or start anew what holds them".to_owned();
    }
    if any(&[
        "UnrecognizedClient",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "MissingAuthenticationToken",
        "AuthFailure",
    ]) {
        return "the credentials are not known in this region: look whether they are of the right account, and whether the \
                region is enabled for it"
            .to_owned();
    }
    if any(&["RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignature", "IncompleteSignature"]) {
        return "look whether this machine's clock is right, and whether the secret key is whole".to_owned();
    }
    if any(&["KMS", "Kms"]) {
        return "the key that encrypts it refuses: look at its policy, and whether it is enabled".to_owned();
    }
    if any(&["AccessDenied", "AuthorizationError", "Unauthorized", "Forbidden"]) || status == 403 {
        let also = match action {
            "s3:GetObject" => ", and `s3:ListBucket`, without which a blob that is missing is told so",
            _ => "",
        };
        return format!(
            "the caller needs the permission `{action}`{also}: a function's is its workflow's role, which `caribou deploy` \
             mends"
        );
    }
    if is_throttling(code) || status == 429 {
        return match service {
            "dynamodb" | "s3" => "it is tried again; what is hot gets more room by itself".to_owned(),
            _ => format!("it is tried again; if it stays so, ask for a higher quota of {service}"),
        };
    }
    if code == "NoSuchBucket" {
        return "the account has no bucket here: deploy the workflow to this region with `caribou deploy`"
            .to_owned();
    }
    if any(&["NotFound", "NonExistent", "DoesNotExist"]) || status == 404 {
        return "nothing of it is deployed here: deploy the workflow to this region with `caribou deploy`"
            .to_owned();
    }
    if code.contains("Validation") && said.contains("size") {
        return "an item has at most 400 KB: let the stage return less at a time, or a blob's name"
            .to_owned();
    }
    if (500..600).contains(&status) {
        return "it is tried again; if it stays so, look at the AWS Health Dashboard".to_owned();
    }
    "deploy the workflow again, so that both sides are of one version; if it stays so, it is a defect of Caribou".to_owned()
}
