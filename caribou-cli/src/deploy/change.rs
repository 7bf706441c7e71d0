//! What a deployment is going to change, as people read it.

use std::collections::BTreeMap;

use caribou_control::aws::{Account, Action, Change, Kind};
use caribou_model::Graph;

use super::Task;
use crate::phrase;
use crate::terminal::Terminal;

/// Tells what is going to be done.
pub(super) fn show(graph: &Graph, account: &Account, task: &Task, terminal: Terminal) {
    let Graph { workflow, version, .. } = graph;
    let before = match &task.released {
        None => String::new(),
        Some(before) if before.version == *version => "; it receives the runs already".to_owned(),
        Some(before) => format!("; {} receives the runs so far", before.version),
    };
    terminal.line(format!("{workflow} {version} in account {account}{before}"));
    if task.difference.is_empty() {
        terminal.line("Everything is there as it should be.");
    }
    for (region, changes) in task.difference.by_region() {
        terminal.line(format!("\nIn {}:", region.code()));
        for line in lines(&changes) {
            terminal.line(format!("  {line}"));
        }
    }
    if !task.difference.is_empty() {
        terminal.line("");
    }
    for note in &task.difference.notes {
        terminal.note(format!("Note: {note}."));
    }
    if task.difference.to_do().any(changes_code) {
        terminal.note(format!(
            "Note: version {version} is there with other code. Runs that are under way go on with the new code if its graph is \
             the same, and are refused if it is another: then give the workflow a new version."
        ));
    }
}

/// What is created, by its kind; everything else in full.
fn lines(changes: &[&Change]) -> Vec<String> {
    let mut created: BTreeMap<Kind, Vec<&str>> = BTreeMap::new();
    let mut others = Vec::new();
    for change in changes {
        match &change.action {
            Action::Create => created.entry(change.id.kind).or_default().push(&change.id.name),
            Action::Keep => {}
            Action::Delete => others.push(format!("remove {} {}", change.id.kind, change.id.name)),
            Action::Update(differing) => {
                others.push(format!("change {} {}", change.id.kind, change.id.name));
                others.extend(differing.iter().map(|one| format!("  {one}")));
            }
        }
    }
    let created = created.into_iter().map(|(kind, names)| match names.as_slice() {
        [name] => format!("create {kind} {name}"),
        names => format!("create {}", plural(names.len(), kind)),
    });
    created.chain(others).collect()
}

fn plural(count: usize, kind: Kind) -> String {
    match kind {
        // already in the plural as one thing of its kind
        Kind::Code => format!("{count} archives of code"),
        _ => phrase::count(count, &kind.to_string()),
    }
}

/// Whether the code of a function that is there is replaced.
fn changes_code(change: &Change) -> bool {
    let Action::Update(differing) = &change.action else { return false };
    change.id.kind == Kind::Function
        && differing.iter().any(|one| one.field == "code" || one.field == "image")
}

#[cfg(test)]
mod tests {
    use caribou_control::aws::Id;
    use caribou_model::Region;

    use super::*;

    fn change(kind: Kind, name: &str, action: Action) -> Change {
        Change { id: Id { region: Region::aws("us-east-1"), kind, name: name.into() }, action }
    }

    #[test]
    fn what_is_created_is_counted_and_the_rest_is_named() {
        let changes = [
            change(Kind::Topic, "w-0_1_0-a", Action::Create),
            change(Kind::Topic, "w-0_1_0-b", Action::Create),
            change(Kind::Table, "caribou-w", Action::Create),
            change(Kind::Queue, "w-0_1_0-a", Action::Delete),
            change(Kind::Role, "caribou-w", Action::Keep),
        ];
        let lines = lines(&changes.iter().collect::<Vec<_>>());
        assert_eq!(lines, ["create table caribou-w", "create 2 topics", "remove queue w-0_1_0-a"]);
    }
}
