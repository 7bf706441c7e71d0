//! What separates what is wanted from what is there.

use std::collections::BTreeMap;
use std::fmt;

use caribou_model::Region;
use serde::Serialize;

use super::connection::Aws;
use super::error::AwsError;
use super::resource::{Differing, Fields, Id, Kind, Resource, function};
use super::together::{Work, all};

/// Every thing that a workflow should have, and what has to be done about it. Home comes first, then what others need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// One for each thing.
    pub changes: Vec<Change>,
    /// What the user should know of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What has to be done about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The thing.
    #[serde(flatten)]
    pub id: Id,
    /// What has to be done.
    #[serde(flatten)]
    pub action: Action,
}

/// What is done about a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", content = "differing", rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Create,
    /// These properties of it are changed.
    Update(Vec<Differing>),
    /// It is as it should be.
    Keep,
    /// It is removed.
    Delete,
}

impl Difference {
    /// Whether everything is as it should be.
    pub fn is_empty(&self) -> bool {
        self.to_do().next().is_none()
    }

    /// What is not as it should be.
    pub fn to_do(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action != Action::Keep)
    }

    /// How many things are made, changed, kept and removed.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            match change.action {
                Action::Create => counts.created += 1,
                Action::Update(_) => counts.updated += 1,
                Action::Keep => counts.kept += 1,
                Action::Delete => counts.deleted += 1,
            }
        }
        counts
    }

    /// What has to be done in each region.
    pub fn by_region(&self) -> BTreeMap<&Region, Vec<&Change>> {
        let mut regions: BTreeMap<&Region, Vec<&Change>> = BTreeMap::new();
        for change in self.to_do() {
            regions.entry(&change.id.region).or_default().push(change);
        }
        regions
    }
}

impl Change {
    /// Whether the thing is removed and made anew, and with it whatever is a part of it.
    pub(super) fn remakes(&self) -> bool {
        self.id.kind == Kind::Function
            && matches!(&self.action, Action::Update(differing) if function::must_be_remade(differing))
    }
}

/// How many things are made, changed, kept and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Made.
    pub created: usize,
    /// Changed.
    pub updated: usize,
    /// As they should be.
    pub kept: usize,
    /// Removed.
    pub deleted: usize,
}

/// A line for each thing that is not as it should be, and one for each property of it.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in self.to_do() {
            writeln!(f, "{change}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, action } = self;
        match action {
            Action::Create => write!(f, "create {id}"),
            Action::Keep => write!(f, "keep {id}"),
            Action::Delete => write!(f, "delete {id}"),
            Action::Update(differing) => {
                write!(f, "update {id}")?;
                differing.iter().try_for_each(|one| write!(f, "\n  {one}"))
            }
        }
    }
}

/// What has to be done about a thing.
pub(super) fn compare(wanted: Option<&Fields>, actual: Option<&Fields>) -> Action {
    match (wanted, actual) {
        (None, None) => Action::Keep,
        (None, Some(_)) => Action::Delete,
        (Some(_), None) => Action::Create,
        (Some(wanted), Some(actual)) => {
            let differing = actual.differing(wanted);
            if differing.is_empty() { Action::Keep } else { Action::Update(differing) }
        }
    }
}

/// Looks at every thing, in this order.
pub(super) async fn look(aws: &Aws, resources: &[Box<dyn Resource>]) -> Result<Difference, AwsError> {
    let mut looks: Vec<Work<'_, Change>> = Vec::new();
    for resource in resources {
        looks.push(Box::pin(change(aws, &**resource)));
    }
    let changes = all(looks).await?;
    Ok(Difference { changes, notes: Vec::new() })
}

/// What has to be done about a thing.
pub(super) async fn change(aws: &Aws, resource: &dyn Resource) -> Result<Change, AwsError> {
    let (id, wanted, actual) = (resource.id(), resource.wanted(), resource.actual(aws).await?);
    // The tags of others are listed by themselves, and a moment after they were set they may be missing.
    let must_have_tags = matches!(id.kind, Kind::Role | Kind::Function);
    if let (Some(wanted), Some(actual)) = (&wanted, &actual)
        && let Some(why) = actual.foreign(wanted, must_have_tags)
    {
        return Err(AwsError::NotOurs { id: Box::new(id), why });
    }
    Ok(Change { id, action: compare(wanted.as_ref(), actual.as_ref()) })
}

#[cfg(test)]
mod tests {
    use caribou_model::Region;

    use super::*;

    #[test]
    fn a_thing_is_made_changed_kept_or_removed() {
        let [small, large] = [512, 1024].map(|memory| Fields::default().with("memory", memory));
        assert_eq!(compare(None, None), Action::Keep);
        assert_eq!(compare(None, Some(&small)), Action::Delete);
        assert_eq!(compare(Some(&small), None), Action::Create);
        assert_eq!(compare(Some(&small), Some(&small)), Action::Keep);
        let Action::Update(differing) = compare(Some(&large), Some(&small)) else {
            panic!("nothing to change")
        };
        assert_eq!(differing[0].to_string(), "memory: 512 -> 1024");
    }

    #[test]
    fn only_what_has_to_be_done_is_shown() {
        let change =
            |name, action| Change { id: Id::new(Kind::Queue, &Region::aws("us-east-1"), name), action };
        let differing = Fields::default().with("memory", 1).differing(&Fields::default().with("memory", 2));
        let difference = Difference {
            changes: vec![
                change("a", Action::Keep),
                change("b", Action::Create),
                change("c", Action::Update(differing)),
                change("d", Action::Delete),
            ],
            notes: Vec::new(),
        };
        insta::assert_snapshot!(difference, @r"
        create queue b in aws:us-east-1
        update queue c in aws:us-east-1
          memory: 1 -> 2
        delete queue d in aws:us-east-1
        ");
        let Counts { created, updated, kept, deleted } = difference.counts();
        assert_eq!((created, updated, kept, deleted), (1, 1, 1, 1));
        assert!(!difference.is_empty() && Difference::default().is_empty());
        let json = serde_json::to_value(&difference.changes[2]).unwrap();
        assert_eq!(json["action"], "update");
        assert_eq!((&json["region"], &json["kind"]), (&"aws:us-east-1".into(), &"queue".into()));
        assert_eq!(json["differing"][0]["wanted"], "2");
    }
}
