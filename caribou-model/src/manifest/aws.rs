//! How a workflow is deployed to AWS.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Region;

/// The table `[aws]` of a manifest. Other platforms ignore it.
///
/// ```
/// use caribou_model::manifest::{AwsSettings, FunctionUrl};
///
/// let aws: AwsSettings = toml::from_str(r#"
///     function_url = "iam"
///     policy = "policy.json"
///     log_retention_days = 14
///
///     [functions.synthesize]
///     layers = ["arn:aws:lambda:{region}:123456789012:layer:espeak:3"]
///     files = ["voices/en.bin"]
/// "#)?;
/// assert_eq!(aws.function_url, FunctionUrl::Iam);
/// assert_eq!(aws.functions["synthesize"].files, ["voices/en.bin"]);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSettings {
    /// Who may start runs over HTTP, at the function that receives requests.
    pub function_url: FunctionUrl,
    /// A file with an IAM policy: what the functions may do beside what Caribou itself needs, such as reading a bucket of
    /// the author's. A path beside the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// How many days CloudWatch keeps the functions' logs, telemetry among them. One of
    /// [`LOG_RETENTION_DAYS`](Self::LOG_RETENTION_DAYS).
    pub log_retention_days: u16,
    /// What single functions need, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, AwsFunction>,
}

/// Who may start runs over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionUrl {
    /// Nobody: there is no URL. Runs are started by `caribou run`, the client, or a message to the topic.
    #[default]
    None,
    /// Whoever signs the request as a user or role of the account that may do so.
    Iam,
    /// Everybody.
    Public,
}

/// What a function needs on AWS beside its bootstrap. In `layers` and `image`, `{region}` stands for the code of the region
/// that the function is deployed to, as AWS wants both in the function's own region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsFunction {
    /// ARNs of layer versions, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// Files and folders beside the manifest that go into the function's archive, beside `bootstrap`, under the same path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// A container image in ECR that is run instead of an archive; its entry point is the bootstrap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// A fault in `[aws]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{table} {field} is {value}: {why}")]
pub struct AwsFault {
    /// The table in the file.
    pub table: String,
    /// The key.
    pub field: &'static str,
    /// Its value.
    pub value: String,
    /// What is accepted.
    pub why: &'static str,
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self {
            function_url: FunctionUrl::None,
            policy: None,
            log_retention_days: Self::DEFAULT_LOG_RETENTION_DAYS,
            functions: BTreeMap::new(),
        }
    }
}

impl AwsSettings {
    /// The periods that CloudWatch Logs knows, in days.
    pub const LOG_RETENTION_DAYS: [u16; 22] = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
        3653,
    ];
    /// As long as the telemetry is learned from.
    pub const DEFAULT_LOG_RETENTION_DAYS: u16 = 30;
    /// The most layers of a function.
    pub const MOST_LAYERS: usize = 5;

    /// Whether everything is as if the manifest had no such table.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What a function needs; nothing if the manifest does not name it.
    pub fn function(&self, name: &str) -> AwsFunction {
        self.functions.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn validate(&self) -> Result<(), AwsFault> {
        let fault = |table: String, field, value: &str, why| {
            let value = value.chars().take(200).collect();
            Err(AwsFault { table, field, value, why })
        };
        let days = self.log_retention_days;
        if !Self::LOG_RETENTION_DAYS.contains(&days) {
            let why = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180 or 365 days, or for some numbers of \
                       years (400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653 days)";
            return fault("[aws]".into(), "log_retention_days", &days.to_string(), why);
        }
        if let Some(policy) = self.policy.as_deref().filter(|path| !is_beside(path)) {
            return fault(
                "[aws]".into(),
                "policy",
                policy,
                "name a file beside the manifest, or in a folder there",
            );
        }
        for (name, function) in &self.functions {
            let table = format!("[aws.functions.{name}]");
            if let Some(path) = function.files.iter().find(|path| !is_beside(path)) {
                return fault(table, "files", path, "name files beside the manifest, or in a folder there");
            }
            if function.files.iter().any(|path| path.trim_start_matches("./") == "bootstrap") {
                return fault(
                    table,
                    "files",
                    "bootstrap",
                    "the function itself has that name in the archive",
                );
            }
            if let Some(layer) = function.layers.iter().find(|layer| !is_layer(layer)) {
                let why = "write a layer's version as `arn:aws:lambda:{region}:ACCOUNT:layer:NAME:VERSION`";
                return fault(table, "layers", layer, why);
            }
            if function.layers.len() > Self::MOST_LAYERS {
                return fault(
                    table,
                    "layers",
                    &function.layers.len().to_string(),
                    "Lambda takes five layers at most",
                );
            }
            let Some(image) = &function.image else { continue };
            if !is_image(image) {
                let why = "write an image as `ACCOUNT.dkr.ecr.{region}.amazonaws.com/NAME:TAG`, or with `@sha256:` and its digest";
                return fault(table, "image", image, why);
            }
            if !function.layers.is_empty() || !function.files.is_empty() {
                return fault(
                    table,
                    "image",
                    image,
                    "an image has no layers and no files; put them into the image",
                );
            }
        }
        Ok(())
    }
}

impl AwsFunction {
    /// What is written, for a region.
    pub fn in_region(text: &str, region: &Region) -> String {
        text.replace("{region}", region.code())
    }
}

/// Whether a path leads to something beside the manifest.
fn is_beside(path: &str) -> bool {
    let path = std::path::Path::new(path);
    let mut parts = path.components().peekable();
    parts.peek().is_some()
        && parts.all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir))
}

/// `arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION`
fn is_layer(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, lambda, region, account, layer, name, version] = parts[..] else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    arn == "arn"
        && partition.starts_with("aws")
        && lambda == "lambda"
        && !region.is_empty()
        && account.len() == 12
        && digits(account)
        && layer == "layer"
        && !name.is_empty()
        && digits(version)
}

/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG`
fn is_image(text: &str) -> bool {
    text.split_once('/').is_some_and(|(host, name)| {
        host.contains(".dkr.ecr.")
            && host.contains(".amazonaws.com")
            && (name.contains(':') || name.contains('@'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        toml::from_str::<AwsSettings>(text).unwrap().validate().unwrap_err().to_string()
    }

    #[test]
    fn what_aws_would_refuse_is_refused_with_its_table_and_key() {
        assert!(fault("log_retention_days = 31").starts_with("[aws] log_retention_days is 31"));
        for path in ["/etc/passwd", "../policy.json", ""] {
            assert!(fault(&format!("policy = '{path}'")).starts_with("[aws] policy is"), "{path}");
        }
        let of_f = |text: &str| fault(&format!("[functions.f]\n{text}"));
        assert!(of_f("files = ['a', '../b']").starts_with("[aws.functions.f] files is ../b"));
        assert!(of_f("files = ['./bootstrap']").contains("the function itself"));
        assert!(of_f("layers = ['arn:aws:lambda:us-east-1:123456789012:layer:ffmpeg']").contains("VERSION"));
        let layer = "'arn:aws:lambda:{region}:123456789012:layer:l:1',";
        assert!(of_f(&format!("layers = [{}]", layer.repeat(6))).contains("five layers"));
        assert!(of_f("image = 'docker.io/library/debian'").contains("dkr.ecr"));
        let image = "image = '123456789012.dkr.ecr.{region}.amazonaws.com/f:1'";
        assert!(of_f(&format!("{image}\nfiles = ['a']")).contains("put them into the image"));
    }

    #[test]
    fn what_is_sound_is_accepted_and_means_each_region_its_own() {
        let text = "policy = 'aws/policy.json'\n[functions.f]\nlayers = ['arn:aws:lambda:{region}:123456789012:layer:l:1']\n\
                    [functions.g]\nimage = '123456789012.dkr.ecr.{region}.amazonaws.com/g@sha256:00'";
        let aws: AwsSettings = toml::from_str(text).unwrap();
        aws.validate().unwrap();
        let layer = AwsFunction::in_region(&aws.function("f").layers[0], &Region::aws("eu-north-1"));
        assert_eq!(layer, "arn:aws:lambda:eu-north-1:123456789012:layer:l:1");
        assert_eq!(aws.function("h"), AwsFunction::default());
    }

    #[test]
    fn an_unknown_way_to_be_called_names_those_that_there_are() {
        let error = toml::from_str::<AwsSettings>("function_url = 'open'").unwrap_err().to_string();
        assert!(error.contains("`none`, `iam`, `public`"), "{error}");
    }
}
