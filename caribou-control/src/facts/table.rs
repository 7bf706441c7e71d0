//! A small table of figures: lines that start with `#` say where it comes from, then a header, then rows.

use std::ops::RangeInclusive;

use caribou_model::Region;

use super::FactsError;

/// A table as embedded in the program. Fields are separated by commas and never quoted.
pub(super) struct Table<'a> {
    name: &'static str,
    columns: Vec<&'a str>,
    rows: Vec<(usize, Vec<&'a str>)>,
}

/// One row of a table.
#[derive(Clone, Copy)]
pub(super) struct Row<'t, 'a> {
    table: &'t Table<'a>,
    line: usize,
    fields: &'t [&'a str],
}

impl<'a> Table<'a> {
    /// Reads a table. Every row must have as many fields as the header.
    pub(super) fn parse(name: &'static str, text: &'a str) -> Result<Self, FactsError> {
        let mut lines =
            text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
        let columns: Vec<&str> =
            lines.next().map_or_else(Vec::new, |(_, header)| header.split(',').collect());
        let mut rows = Vec::new();
        for (index, line) in lines {
            let fields: Vec<&str> = line.split(',').collect();
            if fields.len() != columns.len() {
                let (fields, expected) = (fields.len(), columns.len());
                return Err(FactsError::WrongFields { table: name, line: index + 1, fields, expected });
            }
            rows.push((index + 1, fields));
        }
        Ok(Self { name, columns, rows })
    }

    /// Every row in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_, 'a>> {
        self.rows.iter().map(|(line, fields)| Row { table: self, line: *line, fields })
    }

    /// The row whose `column` holds this text.
    pub(super) fn find(&self, column: &str, text: &str) -> Result<Row<'_, 'a>, FactsError> {
        self.rows()
            .find(|row| row.text(column) == Ok(text))
            .ok_or_else(|| FactsError::MissingRow { table: self.name, key: text.to_owned() })
    }
}

impl<'a> Row<'_, 'a> {
    /// The text in a column.
    pub(super) fn text(&self, column: &str) -> Result<&'a str, FactsError> {
        let index = self.table.columns.iter().position(|name| *name == column);
        index
            .and_then(|index| self.fields.get(index).copied())
            .ok_or_else(|| FactsError::MissingColumn { table: self.table.name, column: column.to_owned() })
    }

    /// The number in a column, which must lie in `range`.
    pub(super) fn number(&self, column: &str, range: &RangeInclusive<f64>) -> Result<f64, FactsError> {
        let text = self.text(column)?;
        text.parse().ok().filter(|value| range.contains(value)).ok_or_else(|| FactsError::BadNumber {
            table: self.table.name,
            line: self.line,
            column: column.to_owned(),
            value: text.to_owned(),
            lowest: range.start().to_string(),
            highest: range.end().to_string(),
        })
    }

    /// The region in a column.
    pub(super) fn region(&self, column: &str) -> Result<Region, FactsError> {
        let (table, line) = (self.table.name, self.line);
        self.text(column)?.parse().map_err(|fault| FactsError::BadRegion { table, line, fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a source\nregion,value\nus-east-1,1.5\nUS,NaN\n";

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns() {
        let table = Table::parse("test", TEXT).unwrap();
        let row = table.find("region", "us-east-1").unwrap();
        assert_eq!(row.number("value", &(0.0..=2.0)), Ok(1.5));
        assert_eq!(row.region("region"), Ok(Region::aws("us-east-1")));
        assert!(matches!(row.text("colour"), Err(FactsError::MissingColumn { .. })));
    }

    #[test]
    fn faults_name_the_table_the_line_and_the_range() {
        let table = Table::parse("test", TEXT).unwrap();
        let row = table.find("region", "US").unwrap();
        let error = row.number("value", &(0.0..=2.0)).unwrap_err().to_string();
        assert_eq!(error, "table test, line 4: value is `NaN`, which is no number from 0 to 2");
        assert!(matches!(row.region("region"), Err(FactsError::BadRegion { line: 4, .. })));
        assert!(matches!(table.find("region", "x"), Err(FactsError::MissingRow { .. })));
    }

    #[test]
    fn a_row_that_is_too_short_is_refused() {
        assert!(matches!(Table::parse("test", "a,b\n1"), Err(FactsError::WrongFields { line: 2, .. })));
    }
}
