//! What can be wrong with the original's tables.

use std::path::PathBuf;

use caribou_solver::ProblemError;
use caribou_solver::sample::SampleError;

/// Why the tables of the Python original cannot be used. Every text names the file, the key and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OriginalError {
    /// A table is not there.
    #[error("{file} is not in {}; export it with the other tables ({})", dir.display(), super::TABLES.join(", "))]
    MissingTable {
        /// The table's file.
        file: &'static str,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// A table cannot be read.
    #[error("{} cannot be read: {source}; check that it is a file that you may read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A table is larger than any that the original writes.
    #[error(
        "{} is larger than {limit_mib} MiB; export the table of one workflow only, with what the collector keeps",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size that is read, in MiB.
        limit_mib: u64,
    },
    /// A table is no JSON.
    #[error(
        "{file} is no JSON: {fault}; export it again (Python writes `NaN` and `Infinity`, which JSON does not have, \
         where a figure is missing: collect again, or take the entry out)"
    )]
    Syntax {
        /// The table's file.
        file: &'static str,
        /// What the parser says, with line and column.
        fault: String,
    },
    /// A key that the solver needs is not there.
    #[error("{file} has no {key}; {remedy}")]
    MissingKey {
        /// The table's file.
        file: &'static str,
        /// The key, with the keys that lead to it.
        key: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A value that is not what the original writes there.
    #[error("{file}: {key} is {found}, but it must be {expected}; correct it, or run the collectors again")]
    BadValue {
        /// The table's file.
        file: &'static str,
        /// The key, with the keys that lead to it.
        key: String,
        /// What stands there.
        found: String,
        /// What must stand there.
        expected: String,
    },
    /// A region that no row of the table of available regions describes.
    #[error(
        "{file}: {key} names region {region}, which available_regions_table.json does not have; add its row there \
         and to the other region tables, or take the region out"
    )]
    UnknownRegion {
        /// The table's file.
        file: &'static str,
        /// The key, with the keys that lead to it.
        key: String,
        /// The region.
        region: String,
    },
    /// An instance that the workflow's configuration does not have.
    #[error(
        "{file}: {key} names instance `{instance}`, which workflow_config.json does not have; export both tables from \
         the same version of the workflow"
    )]
    UnknownInstance {
        /// The table's file.
        file: &'static str,
        /// The key, with the keys that lead to it.
        key: String,
        /// The instance.
        instance: String,
    },
    /// The instances' successors lead back to an instance.
    #[error(
        "workflow_config.json: the succeeding_instances of {} lead in a circle; a workflow must have an order",
        instances.join(", ")
    )]
    Cycle {
        /// The instances in the circle, or behind it.
        instances: Vec<String>,
    },
    /// A workflow that does not start at exactly one instance.
    #[error(
        "workflow_config.json: {} instances have no preceding instance{}; a workflow starts at exactly one",
        starts.len(),
        if starts.is_empty() { String::new() } else { format!(" ({})", starts.join(", ")) }
    )]
    Starts {
        /// The instances at which it would start.
        starts: Vec<String>,
    },
    /// The tables are sound, but pose no problem that can be solved.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// A figure that single precision does not hold.
    #[error(transparent)]
    Sample(#[from] SampleError),
}
