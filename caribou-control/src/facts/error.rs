//! What can be wrong with facts.

use caribou_model::{InvalidRegion, Region};

/// Why facts cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// A region of which nothing is known.
    #[error("nothing is known of region {region}{}", did_you_mean(nearest.as_deref()))]
    UnknownRegion {
        /// The region.
        region: Region,
        /// The known region with the nearest name.
        nearest: Option<String>,
    },
    /// A grid zone without a carbon profile.
    #[error("no carbon profile is known for grid zone `{zone}`{}", did_you_mean(nearest.as_deref()))]
    UnknownZone {
        /// The zone.
        zone: String,
        /// The known zone with the nearest name.
        nearest: Option<String>,
    },
    /// A table without a column that it must have.
    #[error("table {table} has no column `{column}`; write the tables anew")]
    MissingColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// A row with another number of fields than the header.
    #[error("table {table}, line {line}: {fields} fields instead of {expected}")]
    WrongFields {
        /// The table.
        table: &'static str,
        /// Line of the table, from 1.
        line: usize,
        /// Fields in the row.
        fields: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// A field that is no number in its range.
    #[error(
        "table {table}, line {line}: {column} is `{value}`, which is no number from {lowest} to {highest}"
    )]
    BadNumber {
        /// The table.
        table: &'static str,
        /// Line of the table, from 1.
        line: usize,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
        /// The lowest plausible value.
        lowest: String,
        /// The highest plausible value.
        highest: String,
    },
    /// A field that is no region.
    #[error("table {table}, line {line}: {fault}")]
    BadRegion {
        /// The table.
        table: &'static str,
        /// Line of the table, from 1.
        line: usize,
        /// What is wrong with it.
        fault: InvalidRegion,
    },
    /// Two tables that do not belong together.
    #[error("table {table} has nothing for `{key}`; write the tables anew")]
    MissingRow {
        /// The table.
        table: &'static str,
        /// What was looked for.
        key: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; none that is known has a name like it: correct it, or leave it out".to_owned(),
        |name| format!("; did you mean `{name}`?"),
    )
}
