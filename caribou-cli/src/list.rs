//! `caribou list`: what is deployed, in which versions and regions.

use std::collections::{BTreeMap, BTreeSet};

use caribou_control::aws::{Standing, standing};
use caribou_control::calendar;
use caribou_model::{Epoch, Region, Timestamp};
use caribou_runtime::Release;
use serde::Serialize;
use serde_json::json;

use crate::error::{CliError, Outcome};
use crate::platform::{Place, Platform, PlatformArgs};
use crate::session::{On, Session};
use crate::table::table;
use crate::terminal::Terminal;

/// Where to look.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    platform: PlatformArgs,
}

/// A workflow as it stands on its platform.
#[derive(Serialize)]
struct Workflow {
    #[serde(rename = "workflow")]
    name: String,
    on: Platform,
    account: Option<String>,
    home: Region,
    /// The version that receives new runs; `None` if none does.
    version: Option<String>,
    since: Option<Timestamp>,
    /// Of the plan in force of that version.
    epoch: Option<Epoch>,
    /// Until when that plan is followed; `None` if all is at home.
    expires: Option<Timestamp>,
    versions: Vec<Version>,
}

/// A version that is deployed.
#[derive(Serialize)]
struct Version {
    version: String,
    regions: BTreeMap<String, BTreeSet<String>>,
}

pub(crate) async fn list(args: Args, terminal: Terminal) -> Result<Outcome, CliError> {
    let places = args.platform.all()?;
    let spinner = terminal.spinner("looking");
    let mut workflows = Vec::new();
    for place in places {
        let workflow = look(place).await;
        match workflow {
            Ok(workflow) => workflows.push(workflow),
            Err(error) => {
                spinner.finish_and_clear();
                return Err(error);
            }
        }
    }
    spinner.finish_and_clear();
    terminal.document(&json!({ "workflows": workflows }));
    if workflows.is_empty() {
        terminal.line("No workflow is deployed from here.");
        return Ok(Outcome::Held);
    }
    let mut rows = table(&["workflow", "on", "version", "functions", "regions", "plan"]);
    for workflow in &workflows {
        for row in workflow.rows(calendar::now()) {
            rows.add_row(row);
        }
    }
    terminal.line(rows);
    Ok(Outcome::Held)
}

async fn look(place: Place) -> Result<Workflow, CliError> {
    let platform = place.at.platform();
    let session = Session::open(place).await?;
    let (graph, home) = (&session.deployed.graph, &session.deployed.manifest.home);
    let (account, versions) = match &session.on {
        On::Aws { aws, regions } => {
            let functions: Vec<&str> = graph.functions.iter().map(|spec| spec.name.as_str()).collect();
            let found = standing(aws, &graph.workflow, &functions, regions).await?;
            (Some(aws.account().to_string()), found)
        }
        On::Cloud { control, .. } => {
            let mut found = Standing::new();
            let all = control.deployments().await?.into_iter().map(|deployment| deployment.address);
            for address in all.filter(|address| address.workflow == graph.workflow) {
                let there = found.entry(address.version).or_default().entry(address.region).or_default();
                there.insert(address.function);
            }
            (None, found)
        }
    };
    // without functions there may be no table either
    let release = if versions.is_empty() {
        None
    } else {
        Release::read(&*session.ports.store, home, &graph.workflow).await?
    };
    let release = release.map(|(release, _)| release);
    let plan = match &release {
        Some(release) => {
            let store = &*session.ports.store;
            caribou_runtime::plan::read(store, home, &graph.workflow, &release.version).await?
        }
        None => None,
    };
    let plan = plan.map(|(plan, _)| plan);
    let codes = |regions: BTreeMap<Region, BTreeSet<String>>| {
        regions.into_iter().map(|(region, functions)| (region.code().to_owned(), functions)).collect()
    };
    Ok(Workflow {
        name: graph.workflow.clone(),
        on: platform,
        account,
        home: home.clone(),
        since: release.as_ref().map(|release| release.since),
        epoch: release.as_ref().map(|_| plan.as_ref().map_or(Epoch(0), |plan| plan.epoch)),
        expires: plan.map(|plan| plan.expires),
        version: release.map(|release| release.version),
        versions: versions
            .into_iter()
            .map(|(version, regions)| Version { version, regions: codes(regions) })
            .collect(),
    })
}

impl Workflow {
    /// A row for each version, the one that receives new runs first.
    fn rows(&self, now: Timestamp) -> Vec<[String; 6]> {
        let on = match &self.account {
            Some(account) => format!("AWS {account}"),
            None => self.on.to_string(),
        };
        let row = |version: &Version| {
            let functions: BTreeSet<&String> = version.regions.values().flatten().collect();
            let mut regions: Vec<&str> = version.regions.keys().map(String::as_str).collect();
            regions.sort_by_key(|code| *code != self.home.code());
            let receives = self.version.as_ref() == Some(&version.version);
            [
                self.name.clone(),
                on.clone(),
                if receives { version.version.clone() } else { format!("{} (older)", version.version) },
                functions.len().to_string(),
                regions.join(", "),
                if receives { self.plan(now) } else { String::new() },
            ]
        };
        let mut versions: Vec<&Version> = self.versions.iter().collect();
        versions.sort_by_key(|version| self.version.as_ref() != Some(&version.version));
        let mut rows: Vec<[String; 6]> = versions.into_iter().map(row).collect();
        if self.version.is_none() || rows.is_empty() {
            let nothing = "receives no runs".to_owned();
            rows.insert(0, [self.name.clone(), on, nothing, String::new(), String::new(), String::new()]);
        }
        rows
    }

    fn plan(&self, now: Timestamp) -> String {
        match (self.epoch, self.expires) {
            (Some(Epoch(0)) | None, _) | (_, None) => "all at home".to_owned(),
            (Some(epoch), Some(expires)) if expires <= now => format!("epoch {epoch}, expired: all at home"),
            (Some(epoch), Some(expires)) => format!("epoch {epoch}, until {}", calendar::minute(expires)),
        }
    }
}
