//! Finds and reads `caribou.toml`.

use std::ops::Range;
use std::path::{Path, PathBuf};

use caribou_model::manifest::{ManifestError as Rule, RegionRules};
use caribou_model::{Graph, Manifest, Region};

/// A manifest with the file that it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says.
    pub manifest: Manifest,
}

/// Why there is no usable manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestFileError {
    /// There is no such file.
    #[error(
        "there is no {}; a workflow needs a manifest beside its Cargo.toml, at least the one line `home = \"aws:us-east-1\"`",
        path.display()
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is no TOML, or holds something that no manifest has.
    #[error("{message}")]
    Syntax {
        /// Where.
        place: Box<Place>,
        /// What is wrong.
        message: String,
    },
    /// The file reads well and asks for something that cannot be.
    #[error("{rule}")]
    Rule {
        /// Where.
        place: Box<Place>,
        /// What is wrong.
        rule: Rule,
    },
}

/// A place in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The bytes of the text that are meant; `None` for the whole.
    pub span: Option<Range<usize>>,
}

impl ManifestFile {
    /// The name of the file.
    pub const NAME: &str = "caribou.toml";

    /// Reads the manifest in the folder of a workflow's package.
    ///
    /// # Errors
    ///
    /// [`ManifestFileError`] says what is wrong, and where in the file.
    pub fn read(package: &Path) -> Result<Self, ManifestFileError> {
        let path = package.join(Self::NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(path, text),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                Err(ManifestFileError::Missing { path })
            }
            Err(cause) => Err(ManifestFileError::Unreadable { path, cause }),
        }
    }

    /// Reads a manifest from its text.
    ///
    /// ```
    /// use caribou_control::manifest::ManifestFile;
    ///
    /// let file = ManifestFile::parse("caribou.toml".into(), "home = 'us-east-1'".into())?;
    /// assert_eq!(file.manifest.home.code(), "us-east-1");
    /// # Ok::<(), caribou_control::manifest::ManifestFileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ManifestFileError::Syntax`] or [`ManifestFileError::Rule`], with the place in the text.
    pub fn parse(path: PathBuf, text: String) -> Result<Self, ManifestFileError> {
        let manifest: Manifest = match toml::from_str(&text) {
            Ok(manifest) => manifest,
            Err(error) => {
                let (message, span) = (error.message().to_owned(), error.span());
                let place = Box::new(Place { path, text, span });
                return Err(ManifestFileError::Syntax { place, message });
            }
        };
        match manifest.validate() {
            Ok(()) => Ok(Self { path, manifest }),
            Err(rule) => {
                let span = place_of(&rule, &text);
                Err(ManifestFileError::Rule { place: Box::new(Place { path, text, span }), rule })
            }
        }
    }
}

impl ManifestFileError {
    /// The place in the file, where the error has one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Syntax { place, .. } | Self::Rule { place, .. } => Some(place),
            Self::Missing { .. } | Self::Unreadable { .. } => None,
        }
    }
}

/// Where the key that breaks a rule stands in the text.
fn place_of(rule: &Rule, text: &str) -> Option<Range<usize>> {
    let key = match rule {
        Rule::HomeDenied(_) => "home",
        Rule::OutOfRange { field, .. } => field.rsplit('.').next()?,
        Rule::PinnedAway { .. } => "pin",
        Rule::WeightsAndPriority => "weights",
        Rule::DuplicateMetric => "priority",
        Rule::FreeTierOfUnknownRuns => "count_free_tier",
        Rule::Aws(fault) => fault.field,
    };
    // several functions may have a pin, or files
    let value = match rule {
        Rule::PinnedAway { pin, .. } => pin.code(),
        Rule::Aws(fault) => &fault.value,
        _ => "",
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let rest = line.trim_start().strip_prefix(key).unwrap_or("");
        if rest.trim_start().starts_with('=') && rest.contains(value) {
            return Some(start + indent..start + line.trim_end().len());
        }
        start += line.len();
    }
    None
}

/// Something in the manifest that does not fit the workflow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The manifest has rules for a function that the workflow does not call.
    #[error("[{table}.{function}]: workflow `{workflow}` calls no function of that name; it calls {}", calls.join(", "))]
    UnknownFunction {
        /// The table that holds them.
        table: &'static str,
        /// The name in the manifest.
        function: String,
        /// The workflow.
        workflow: String,
        /// What it calls.
        calls: Vec<String>,
    },
    /// A function may not run at home, where plans fall back to and probes run.
    #[error(
        "function `{function}` may not run in the home region {home}; allow it there, or choose another home"
    )]
    DeniedAtHome {
        /// The function.
        function: String,
        /// The home region.
        home: Region,
    },
    /// Nothing is known about a region.
    #[error("nothing is known about region {region}; known are {}", known.iter().map(Region::code).collect::<Vec<_>>().join(", "))]
    UnknownRegion {
        /// The region.
        region: Region,
        /// The regions with facts.
        known: Vec<Region>,
    },
}

/// What in a manifest does not fit the workflow or the regions with facts.
pub fn findings(manifest: &Manifest, graph: &Graph, known: &[Region]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named = std::iter::once(&manifest.home)
        .chain(manifest.regions.named())
        .chain(manifest.functions.values().flat_map(RegionRules::named))
        .chain(graph.functions.iter().flat_map(|spec| spec.allow.iter().chain(&spec.deny)));
    let mut unknown: Vec<&Region> = named.filter(|region| !known.contains(region)).collect();
    unknown.sort();
    unknown.dedup();
    for region in unknown {
        findings.push(Finding::UnknownRegion { region: region.clone(), known: known.to_vec() });
    }
    let of_regions = manifest.functions.keys().map(|name| ("functions", name));
    for (table, name) in of_regions.chain(manifest.aws.functions.keys().map(|name| ("aws.functions", name))) {
        if !graph.functions.iter().any(|spec| spec.name == *name) {
            findings.push(Finding::UnknownFunction {
                table,
                function: name.clone(),
                workflow: graph.workflow.clone(),
                calls: graph.functions.iter().map(|spec| format!("`{}`", spec.name)).collect(),
            });
        }
    }
    for spec in &graph.functions {
        if !manifest.permits(spec, &manifest.home) {
            let (function, home) = (spec.name.clone(), manifest.home.clone());
            findings.push(Finding::DeniedAtHome { function, home });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::diamond;

    fn error(text: &str) -> ManifestFileError {
        ManifestFile::parse("caribou.toml".into(), text.into()).unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_shown_where_it_stands() {
        let error = error("home = \"us-east-1\"\nregion = 1\n");
        let place = error.place().unwrap();
        assert_eq!(&place.text[place.span.clone().unwrap()], "region");
        assert!(error.to_string().contains("unknown field `region`"), "{error}");
    }

    #[test]
    fn a_number_out_of_range_is_shown_where_it_stands() {
        let error = error("home = \"us-east-1\"\n[runs]\nprobe_share = 2.0\n");
        let place = error.place().unwrap();
        assert_eq!(&place.text[place.span.clone().unwrap()], "probe_share = 2.0");
    }

    #[test]
    fn a_pin_away_from_home_is_shown_where_it_stands() {
        let error = error(
            "home = \"us-east-1\"\n[functions.a]\npin = \"us-east-1\"\n[functions.b]\npin = \"aws:us-west-1\"\n",
        );
        let place = error.place().unwrap();
        assert_eq!(&place.text[place.span.clone().unwrap()], "pin = \"aws:us-west-1\"");
        assert!(error.to_string().contains("[functions.b] pin"), "{error}");
    }

    #[test]
    fn a_folder_without_a_manifest_is_told_what_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let error = ManifestFile::read(folder.path()).unwrap_err();
        assert!(error.to_string().contains("home = \"aws:us-east-1\""), "{error}");
    }

    #[test]
    fn rules_for_a_function_that_is_not_called_are_found() {
        let home = Region::aws("us-east-1");
        let mut manifest = Manifest::at_home(home.clone());
        manifest.functions.insert("q".into(), RegionRules::default());
        let findings = findings(&manifest, &diamond(), &[home]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].to_string().contains("`a`, `b`"), "{}", findings[0]);
    }

    #[test]
    fn a_function_denied_at_home_and_a_region_without_facts_are_found() {
        let home = Region::aws("us-east-1");
        let mut graph = diamond();
        graph.functions[1].deny.push(home.clone());
        graph.functions[1].deny.push(Region::aws("mars-1"));
        let findings = findings(&Manifest::at_home(home.clone()), &graph, &[home]);
        assert!(matches!(findings[0], Finding::UnknownRegion { .. }));
        assert!(matches!(findings[1], Finding::DeniedAtHome { .. }));
        assert_eq!(findings.len(), 2);
    }
}
