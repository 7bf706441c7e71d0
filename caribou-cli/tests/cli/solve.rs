//! `caribou solve --input`, with the tables of `docs/tables`, and the guide that shows it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::caribou::{Said, caribou, command, folder, root};

const CONFIG: &str = "workflow_config.json";

/// A folder of its own with the tables, of which values were changed: file, pointer of RFC 6901, value.
fn tables(changes: &[(&str, &str, Value)]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(root().join("docs/tables")).expect("the tables") {
        let path = entry.expect("a table").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let mut table: Value = serde_json::from_str(&fs::read_to_string(&path).expect("text")).expect("JSON");
        for (_, pointer, value) in changes.iter().filter(|(file, ..)| *file == name) {
            *table.pointer_mut(pointer).expect(pointer) = value.clone();
        }
        fs::write(copy.path().join(name), table.to_string()).expect("a file");
    }
    copy
}

/// Solves for tables with few runs, so that an unoptimised build is quick.
fn solve(tables: &Path, arguments: &[&str]) -> Said {
    let first = ["solve", "--input", ".", "--samples", "300"];
    caribou(tables, &[&first[..], arguments].concat())
}

fn document(tables: &Path, arguments: &[&str]) -> Value {
    solve(tables, &[&["--json"], arguments].concat()).succeeded().json()
}

/// What was said of a mistake, which must not have been made on the way to an answer.
#[track_caller]
fn mistake(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.code, code, "{said}");
    for part in parts {
        assert!(said.stderr.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!said.stdout.contains("answer"), "{said}");
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// Every stage's region at an hour.
fn regions(solution: &Value, hour: usize) -> Vec<&str> {
    let placement = &solution["hours"][hour]["placement"];
    let regions = placement["regions"].as_array().expect("a list");
    let stages = placement["stages"].as_array();
    match stages {
        Some(stages) => stages
            .iter()
            .map(|index| regions[index.as_u64().expect("a number") as usize].as_str().expect("a region"))
            .collect(),
        None => regions.iter().map(|region| region.as_str().expect("a region")).collect(),
    }
}

#[test]
fn the_keys_of_the_document_stay_what_they_are() {
    let tables = tables(&[]);
    let arguments = ["--hours", "0,20", "--explain", "--pareto", "--what-if", "region=ca-central-1"];
    let document = document(tables.path(), &arguments);
    let hour = &document["solution"]["hours"][0];
    let all = json!({
        "document": keys(&document),
        "solution": keys(&document["solution"]),
        "solution.hours[]": keys(hour),
        "solution.hours[].expected": keys(&hour["expected"]),
        "per_run": keys(&document["per_run"]),
        "per_run.expected": keys(&document["per_run"]["expected"]),
        "what_if[]": keys(&document["what_if"][0]),
        "explain[]": keys(&document["explain"][0]),
        "explain[].stages[]": keys(&document["explain"][0]["stages"][0]),
        "pareto": keys(&document["pareto"]),
        "pareto.points[]": keys(&document["pareto"]["points"][0]),
    });
    insta::assert_snapshot!(serde_json::to_string_pretty(&all).unwrap());
}

#[test]
fn hours_that_were_not_asked_for_stay_at_home() {
    let tables = tables(&[]);
    let document = document(tables.path(), &["--hours", "20,0-1"]);
    let hours = document["solution"]["hours"].as_array().unwrap();
    let asked = |hour: &Value| hour["stays_home"] != "not_asked";
    let asked: Vec<usize> = (0..24).filter(|&hour| asked(&hours[hour])).collect();
    assert_eq!(asked, [0, 1, 20]);
    assert!(hours[20]["expected"]["carbon_best"] != hours[20]["at_home"]["carbon_best"], "{}", hours[20]);
    assert_eq!(hours[12]["expected"], hours[12]["at_home"]);
}

#[test]
fn the_same_seed_gives_the_same_answer_and_another_one_another() {
    let tables = tables(&[]);
    let of = |seed| document(tables.path(), &["--hours", "3", "--seed", seed])["solution"].clone();
    assert_eq!(of("1"), of("1"));
    assert_ne!(of("1")["hours"][3]["expected"], of("2")["hours"][3]["expected"]);
}

#[test]
fn exact_and_exhaustive_agree_and_the_others_are_never_better() {
    let tables = tables(&[]);
    let of = |algorithm, more: &[&str]| {
        let arguments = [&["--hours", "2,20", "--algorithm", algorithm], more].concat();
        let document = document(tables.path(), &arguments);
        assert_eq!(document["solution"]["algorithm"], algorithm);
        document["per_run"]["expected"]["carbon_g"].as_f64().unwrap()
    };
    let best = of("exhaustive", &[]);
    let exact = of("exact", &["--gap", "0"]);
    assert!((exact / best - 1.0).abs() < 1e-6, "{exact} and {best}");
    let [coarse, heuristic] = [of("coarse", &[]), of("heuristic", &["--time-limit", "20s"])];
    assert!(coarse > best * (1.0 + 1e-6), "{coarse} and {best}");
    assert!(heuristic > best * (1.0 - 1e-6), "{heuristic} and {best}");
}

#[test]
fn a_wide_gap_is_told_with_the_answer() {
    let tables = tables(&[]);
    let gap = |gap| {
        let document = document(tables.path(), &["--hours", "20", "--gap", gap, "--time-limit", "none"]);
        document["solution"]["hours"][20]["gap"].as_f64().unwrap()
    };
    assert!(gap("0") < 1e-9);
    assert!(gap("0.1%") <= 0.001 + 1e-9);
    let said = solve(tables.path(), &["--hours", "20", "--gap", "0"]).succeeded();
    assert!(said.stdout.contains("proven best"), "{said}");
    let coarse = ["--hours", "20", "--algorithm", "coarse"];
    assert!(document(tables.path(), &coarse)["solution"]["hours"][20]["gap"].as_f64().unwrap() > 0.001);
    let said = solve(tables.path(), &coarse).succeeded();
    assert!(said.stdout.contains("at most ") && !said.stdout.contains("proven best"), "{said}");
}

#[test]
fn the_models_differ_and_each_is_named() {
    let tables = tables(&[]);
    let of = |model| document(tables.path(), &["--hours", "0", "--model", model]);
    let (ours, theirs) = (of("caribou"), of("original"));
    assert_eq!((&ours["model"], &theirs["model"]), (&json!("caribou"), &json!("original")));
    assert_ne!(ours["per_run"]["at_home"], theirs["per_run"]["at_home"]);
    let said = solve(tables.path(), &["--hours", "0", "--model", "original"]).succeeded();
    assert!(said.stdout.contains("original model"), "{said}");
}

#[test]
fn without_any_other_region_it_stays_and_says_why() {
    let home = json!([{"provider": "aws", "region": "us-east-1"}]);
    let tables = tables(&[(CONFIG, "/regions_and_providers/allowed_regions", home)]);
    let said = solve(tables.path(), &["--hours", "0-3"]).succeeded();
    assert!(said.stdout.contains("all at home"), "{said}");
    assert!(said.stdout.contains("stays: no other"), "{said}");
}

#[test]
fn a_limit_that_holds_a_stage_is_told() {
    let tables = tables(&[]);
    let said = solve(tables.path(), &["--hours", "20", "--explain"]).succeeded();
    for part in ["summarize", "held from", "but p95", "above the"] {
        assert!(said.stdout.contains(part), "`{part}` is not in: {said}");
    }
    let document = document(tables.path(), &["--hours", "20", "--explain"]);
    let stages = document["explain"][0]["stages"].as_array().unwrap();
    let held = stages.iter().find(|stage| !stage["cleanest"].is_null()).expect("a stage that is held");
    assert_eq!(held["cleanest"]["breaks"]["metric"], "runtime");
}

#[test]
fn every_question_is_answered_beside_the_plan() {
    let tables = tables(&[]);
    let arguments = [
        "--hours",
        "20",
        "--what-if",
        "region=ca-central-1",
        "--what-if",
        "without=us-west-1",
        "--what-if",
        "limit=runtime.p95:none",
    ];
    let document = document(tables.path(), &arguments);
    let carbon = |answer: &Value| answer["per_run"]["expected"]["carbon_g"].as_f64().unwrap();
    let answers = document["what_if"].as_array().unwrap();
    let [with, without, unlimited] = [&answers[0], &answers[1], &answers[2]];
    assert!(carbon(with) < carbon(&document), "{document}");
    assert!(carbon(without) > carbon(&document), "{document}");
    assert!(carbon(unlimited) < carbon(&document), "{document}");
    assert!(regions(&with["solution"], 20).contains(&"aws:ca-central-1"), "{with}");
    assert!(!regions(&without["solution"], 20).contains(&"aws:us-west-1"), "{without}");
    let said = solve(tables.path(), &arguments).succeeded();
    for part in ["What if ca-central-1 were allowed too?", "change of a day", "100000 runs a month"] {
        assert!(said.stdout.contains(part), "`{part}` is not in: {said}");
    }
}

#[test]
fn questions_that_cannot_be_asked_are_told_before_the_search() {
    let tables = tables(&[]);
    for (question, parts) in [
        ("region=ca-centrl-1", &["ca-centrl-1", "did you mean `ca-central-1`?"][..]),
        ("region=us-west-2", &["us-west-2 is allowed already"]),
        ("without=us-east-1", &["us-east-1 is home"]),
        ("without=ca-central-1", &["ca-central-1 is not allowed anyway"]),
        ("limit=carbon.p50:none", &["there is no limit on p50 carbon"]),
        ("limit=runtime:0", &["`0` is no limit"]),
        ("eu-north-1", &["asks nothing", "region=eu-north-1"]),
    ] {
        mistake(&solve(tables.path(), &["--what-if", question]), 2, parts);
    }
    let said = solve(tables.path(), &["--what-if", "limit=runtime.p95:0.5"]);
    mistake(&said, 1, &["--what-if limit=runtime.p95:0.5", "home plan itself breaks", "raise the limit"]);
}

#[test]
fn the_front_names_the_plan_and_ends_at_the_cleanest_and_the_cheapest() {
    let tables = tables(&[]);
    let front = document(tables.path(), &["--hours", "20", "--pareto"])["pareto"].clone();
    assert_eq!(front["hour"], 20);
    let points = front["points"].as_array().unwrap();
    let of = |metric: &str| points.iter().map(|point| point[metric].as_f64().unwrap()).collect::<Vec<_>>();
    let (carbon, cost) = (of("carbon_g"), of("cost_usd"));
    assert!(points.len() > 2 && carbon.is_sorted(), "{front}");
    assert!(cost.iter().skip(1).any(|other| *other < cost[0]), "{front}");
    let said = solve(tables.path(), &["--hours", "20", "--pareto"]).succeeded();
    assert!(said.stdout.contains("the plan"), "{said}");
    let other = document(tables.path(), &["--hours", "20", "--pareto=5"]);
    assert_eq!(other["pareto"]["hour"], 5);
}

#[test]
fn every_mistake_of_an_option_says_what_can_be_written() {
    let tables = tables(&[]);
    for (arguments, parts) in [
        (&["--hours", "24"][..], &["`24` is no hour", "0 to 23"][..]),
        (&["--hours", "22-3"], &["`22-23,0-3`"]),
        (&["--pareto=24"], &["`24` is no hour"]),
        (&["--gap", "2"], &["`2` is no share", "0.1%"]),
        (&["--gap", "-0.1"], &["`-0.1` is no share"]),
        (&["--time-limit", "-1s"], &["`-1s` is no time", "10s"]),
        (&["--time-limit", "10"], &["`10` is no time", "unit"]),
        (&["--samples", "0"], &["draw 1 or more"]),
        (&["--algorithm", "magic"], &["`magic` is no algorithm", "`exact`", "`heuristic`"]),
        (&["--model", "python"], &["python", "original", "caribou"]),
        (&["--month", "6"], &["--input", "cannot be used with", "--month"]),
        (&["pages"], &["--input", "cannot be used with", "WORKFLOW"]),
        (&["--state", "there"], &["--input", "cannot be used with", "--state"]),
        (&["--gap", "0.1", "--algorithm", "coarse"], &["--gap has no meaning for --algorithm coarse"]),
        (
            &["--time-limit", "1s", "--algorithm", "exhaustive"],
            &["--time-limit has no meaning for --algorithm exhaustive"],
        ),
    ] {
        let arguments = [&["solve", "--input", "."], arguments].concat();
        // an option may stand once only, so no other is given
        mistake(&caribou(tables.path(), &arguments), 2, parts);
    }
    let said = caribou(tables.path(), &["solve", "--model", "original"]);
    mistake(&said, 2, &["--input"]);
}

#[test]
fn a_folder_or_a_table_that_is_not_there_is_named() {
    let empty = folder(&[]);
    let said = caribou(empty.path(), &["solve", "--input", "tabels"]);
    mistake(&said, 1, &["--input tabels", "no such folder", CONFIG]);
    let said = caribou(empty.path(), &["solve", "--input", "."]);
    mistake(&said, 1, &[CONFIG, "export it"]);
    let said = caribou(empty.path(), &["--json", "solve", "--input", "."]);
    assert!(said.json()["error"].as_str().unwrap().contains(CONFIG), "{said}");
}

#[test]
fn a_broken_table_is_named_with_the_key() {
    for (file, pointer, value, parts) in [
        (CONFIG, "/home_region/region", json!("us-est-1"), &["us-est-1", "home_region"][..]),
        (
            "carbon_region_table.json",
            "/aws:us-west-1/averages/7/carbon_intensity",
            json!(-3),
            &["aws:us-west-1", "-3"],
        ),
        (
            "workflow_instance_table.json",
            "/instance_summary/translate/executions/at_region",
            json!(7),
            &["instance_summary.translate.executions.at_region", "is 7"],
        ),
    ] {
        let tables = tables(&[(file, pointer, value)]);
        mistake(&solve(tables.path(), &[]), 1, &[&[file], parts].concat());
    }
    let tables = tables(&[]);
    fs::write(tables.path().join(CONFIG), "{\"home_region\": NaN}").unwrap();
    mistake(&solve(tables.path(), &[]), 1, &[CONFIG, "is no JSON", "NaN"]);
}

#[test]
fn a_limit_that_home_breaks_says_so() {
    let hard = json!({"runtime": {"type": "absolute", "value": 0.001}, "cost": null, "carbon": null});
    let tables = tables(&[(CONFIG, "/constraints/hard_resource_constraints", hard)]);
    mistake(&solve(tables.path(), &[]), 1, &["home plan itself breaks a hard limit", "raise the limit"]);
}

#[cfg(unix)]
#[test]
fn a_search_that_is_interrupted_says_that_nothing_was_lost() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::Stdio;

    let tables = tables(&[]);
    // many runs, and a front: it takes long enough in any build
    let arguments = ["solve", "--input", ".", "--samples", "200000", "--pareto", "--time-limit", "none"];
    let mut command = command();
    command.args(arguments).current_dir(tables.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    assert!(first.contains("read pages"), "{first}");
    let interrupt =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let ended = child.wait().unwrap();
    let (mut rest, mut told) = (String::new(), String::new());
    stdout.read_to_string(&mut rest).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(ended.code(), Some(130), "{rest}{told}");
    assert!(told.contains("Nothing was lost") && rest.is_empty(), "{rest}{told}");
}

/// A comment `<!-- caribou solve .. -->` in the guide names the command that the block of code below it comes from. With
/// `CARIBOU_PICTURES=write` the blocks are written anew. How many placements were scored may change with the solver.
#[test]
fn the_guide_shows_what_the_command_says() {
    let write = std::env::var("CARIBOU_PICTURES").is_ok_and(|value| value == "write");
    let path = root().join("docs/solve.md");
    let mut text = fs::read_to_string(&path).unwrap();
    let (mut from, mut shown) = (0, 0);
    while let Some(found) = text[from..].find("<!-- caribou solve ") {
        let start = from + found + "<!-- ".len();
        let end = start + text[start..].find(" -->").unwrap();
        let command = text[start..end].to_owned();
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let said = caribou(&root(), &arguments).succeeded().stdout;
        let mut lines: Vec<&str> = said.trim_end().lines().map(str::trim_end).collect();
        lines.push("");
        let said = lines.join("\n");
        let open = end + text[end..].find("```").unwrap();
        let open = open + text[open..].find('\n').unwrap() + 1;
        let close = open + text[open..].find("```").unwrap();
        if write {
            text.replace_range(open..close, &said);
        } else {
            let remedy =
                "write it anew with `CARIBOU_PICTURES=write cargo test -p caribou-cli --test cli guide`";
            let plain = |text: &str| {
                let lines = text.lines().filter(|line| !line.starts_with("✓ solved"));
                lines.map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(plain(&text[open..close]), plain(&said), "`{command}` says something else; {remedy}");
        }
        shown += 1;
        from = open;
    }
    if write {
        fs::write(&path, &text).unwrap();
    }
    assert!(shown >= 3, "the guide has lost its examples");
}

#[test]
fn the_reference_cases_are_solved_under_both_models() {
    let cases: PathBuf = root().join("../shared/reference-cases");
    if !cases.join("reference_metrics.csv").is_file() {
        eprintln!("skipped: {} is not there", cases.display());
        return;
    }
    for (case, stages) in [("chain2_r4", 2), ("t2s7_r4", 7)] {
        for model in ["caribou", "original"] {
            let arguments = ["--hours", "0,12", "--model", model, "--explain"];
            let document = document(&cases.join(case), &arguments);
            let worth = &document["per_run"];
            let carbon = |of: &str| worth[of]["carbon_g"].as_f64().unwrap();
            assert!(carbon("expected") < carbon("at_home"), "{case} {model}: {worth}");
            assert_eq!(document["explain"][0]["stages"].as_array().unwrap().len(), stages);
        }
    }
}
