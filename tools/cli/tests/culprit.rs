//! Rows are named after the function that a person can change, not after the allocation wrappers
//! that it calls.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use run_support::{Scratch, ours, status, text};
use serde_json::Value;

const C: &str = include_str!("programs/remembers.c");
const CPP: &str = include_str!("programs/scene.cpp");

/// `file:line` of the line that has `code`.
fn place(file: &str, source: &str, code: &str) -> String {
    let line = source.lines().position(|line| line.contains(code)).expect(code);
    format!("{file}:{}", line + 1)
}

fn scene(scratch: &Scratch) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/scene.cpp");
    let program = scratch.join("scene");
    let mut compiler = Command::new("c++");
    compiler.args(["-g", "-O0", "-o"]).args([&program, &source]);
    let output = compiler.output().expect("c++ can be started (tools/check/setup installs it)");
    assert!(output.status.success(), "{}", text(&output.stderr));
    program
}

fn remembers(scratch: &Scratch) -> PathBuf {
    scratch.compile("remembers", &[])
}

/// The command, where the sources are: reports name them without a folder there.
fn beside_sources(scratch: &Scratch, words: &[&str]) -> Command {
    let mut command = scratch.command(words);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs"));
    command
}

/// The default output of `mod-alloc run` for the program.
fn report_of(scratch: &Scratch, program: &Path) -> String {
    let words = ["run", "--format", "text", "-o", "-", program.to_str().unwrap()];
    let mut command = beside_sources(scratch, &words);
    let output = command.env("COLUMNS", "120").output().unwrap();
    assert_eq!(status(&output), 0, "{}", ours(&output));
    text(&output.stdout)
}

/// The rows of the table of live blocks: the lines below its title.
fn live(report: &str) -> &str {
    let (_, table) = report.split_once("\nStill live at the end\n").expect("it has the table");
    table.split("\n\n").next().unwrap_or(table)
}

#[test]
fn a_leak_behind_two_wrappers_of_c_is_in_its_function() {
    let scratch = Scratch::new("culprit-c");
    let report = report_of(&scratch, &remembers(&scratch));
    assert!(
        report.contains("\nAllocate for their callers: checked_alloc, make_node\n"),
        "{report}"
    );
    let rows = live(&report);
    // A node of 24 bytes and a text of 10, which are of one row.
    assert!(rows.contains("100.0 %   3.32 KiB  in 200 blocks, "), "{rows}");
    let at = |code: &str| place("remembers.c", C, code);
    let leak = format!("2 stacks\n      remember_line  {} → make_node", at("= make_node(text);"));
    assert!(rows.contains(" old, ") && rows.contains(&leak), "{rows}");
    assert_eq!(rows.matches('#').count(), 1, "{rows}");
    // The functions of the parser call each other and stay; the chain is whole where a row is first.
    let (term, factor) = (at("make_node(\"term\")"), at("make_node(\"factor\")"));
    for part in [
        format!("parse_term  {term}\n        make_node → checked_alloc\n        ← parse_factor "),
        format!(
            "parse_factor  {factor}\n        make_node → checked_alloc\n        ← parse_term\n"
        ),
        format!("read_line  {}\n        checked_alloc\n", at("checked_alloc(64)")),
    ] {
        assert!(report.contains(&format!("\n      {part}")), "{part} is not in\n{report}");
    }
}

#[test]
fn a_leak_behind_an_own_operator_new_is_in_its_method() {
    let scratch = Scratch::new("culprit-cpp");
    let report = report_of(&scratch, &scene(&scratch));
    let rows = live(&report);
    let told = report.lines().find(|line| line.starts_with("Allocate for their callers: "));
    for wrapper in ["tracked", "engine::Pool::create", "engine::Event::Event"] {
        assert!(told.is_some_and(|told| told.contains(wrapper)), "{wrapper}: {report}");
    }
    let leak = place("scene.cpp", CPP, "events.create(");
    let leak = format!("engine::Scene::on_event(int)  {leak} → engine::Pool");
    let leaks = |row: &&str| row.contains(&leak);
    assert_eq!(rows.lines().filter(leaks).count(), 1, "{rows}");
    assert!(rows.contains("in 200 blocks, ") && !rows.contains("draw"), "{rows}");
}

#[test]
fn a_leak_in_a_stripped_program_is_in_its_function() {
    let scratch = Scratch::new("culprit-stripped");
    let program = remembers(&scratch);
    let whole = fs::read(&program).unwrap();
    let whole = object::File::parse(&*whole).unwrap();
    let name = |function: &str| -> String {
        let symbols = object::Object::symbols(&whole);
        let mut found = symbols.filter(|symbol| object::ObjectSymbol::name(symbol) == Ok(function));
        format!("sub_{:x}", object::ObjectSymbol::address(&found.next().expect(function)))
    };
    let output = Command::new("strip").arg(&program).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = report_of(&scratch, &program);
    let [alloc, make, leak] = ["checked_alloc", "make_node", "remember_line"].map(name);
    assert!(
        report.contains(&format!("\nAllocate for their callers: {alloc}, {make}\n")),
        "{report}"
    );
    assert!(report.contains("\nFunctions of remembers have no names: "), "{report}");
    let rows = live(&report);
    assert!(rows.contains(" in 200 blocks, "), "{rows}");
    assert!(rows.contains(&format!("      {leak}  remembers → {make}")), "{rows}");
    assert_eq!(rows.matches('#').count(), 1, "{rows}");
}

#[test]
fn marks_are_in_json() {
    let scratch = Scratch::new("culprit-json");
    let program = remembers(&scratch);
    let output = scratch.run(&["run", "-o", "r.json", program.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let report = |words: &[&str]| -> Value {
        let all = [&["report", "r.json", "--format", "json"], words].concat();
        serde_json::from_slice(&scratch.run(&all).stdout).unwrap()
    };
    let json = report(&[]);
    assert_eq!(json["wrappers"], serde_json::json!(["checked_alloc", "make_node"]));
    let row = &json["sites"]["end"][0];
    let marks: Vec<_> = row["frames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|frame| (&frame["function"], &frame["culprit"], &frame["wrapper"]))
        .map(|(name, culprit, wrapper)| (name.as_str(), culprit == true, wrapper == true))
        .collect();
    let expected = [
        ("remember_line", true, false),
        ("make_node", false, true),
        ("checked_alloc", false, true),
    ];
    assert_eq!(marks, expected.map(|(name, culprit, wrapper)| (Some(name), culprit, wrapper)));
    assert_eq!((&row["stacks"], &row["total_blocks"]), (&2.into(), &200.into()));
    assert_eq!(row["callers"][0]["function"], "main");
    assert_eq!(row["callers"][0]["part"], row["end_bytes"]);
    assert!(row["lifetime"].is_number());

    let named = report(&["--wrapper", "remember_*"]);
    let frames = &named["sites"]["end"][0]["frames"];
    assert_eq!(frames[0]["function"], "main");
    assert_eq!(
        (&frames[1]["function"], &frames[1]["wrapper"]),
        (&"remember_line".into(), &true.into())
    );

    let whole = report(&["--stacks", "--sort", "end"]);
    let frames = whole["sites"]["end"][0]["frames"].as_array().unwrap();
    let culprit = frames.iter().filter(|frame| frame["culprit"] == true);
    let names: Vec<_> = culprit.map(|frame| frame["function"].as_str().unwrap()).collect();
    assert_eq!(names, ["remember_line"], "{frames:?}");
}

#[test]
fn a_wrapper_that_is_not_there_is_told() {
    let scratch = Scratch::new("culprit-unmet");
    let program = remembers(&scratch);
    let output = scratch.run(&["run", "-o", "r.json", program.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let words = ["--wrapper", "remember_nothing", "--wrapper", "remember_*"];
    for command in [&["report", "r.json"][..], &["diff", "r.json", "r.json"]] {
        let output = scratch.run(&[command, &words].concat());
        assert_eq!(status(&output), 0, "{}", ours(&output));
        let told = ours(&output);
        assert!(told.starts_with("mod-alloc: --wrapper remember_nothing: no function "), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn both_sides_of_a_difference_have_the_same_rows() {
    let scratch = Scratch::new("culprit-diff");
    let program = remembers(&scratch);
    let output = scratch.run(&["run", "-o", "a.json", program.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    // Alone, the second report has one caller of make_node: it would be no wrapper there.
    let report: Value = serde_json::from_slice(&fs::read(scratch.join("a.json")).unwrap()).unwrap();
    let mut less = report.clone();
    let frames = report["ftbl"].as_array().unwrap();
    let is_of = |point: &Value, function: &str| {
        let names = point["fs"].as_array().unwrap().iter();
        let mut texts = names.filter_map(|id| frames[id.as_u64()? as usize].as_str());
        texts.any(|text| text.contains(function))
    };
    less["pps"].as_array_mut().unwrap().retain(|point| is_of(point, ": remember_line ("));
    fs::write(scratch.join("b.json"), less.to_string()).unwrap();
    let output = scratch.run(&["diff", "b.json", "a.json", "--sort", "end"]);
    assert!(
        text(&output.stdout).contains("No differences in bytes at end"),
        "{}",
        text(&output.stdout)
    );
    let [a, b] = ["a.json", "b.json"].map(|name| scratch.join(name));
    let words = ["diff", b.to_str().unwrap(), a.to_str().unwrap()];
    let output = beside_sources(&scratch, &words).output().unwrap();
    let shown = text(&output.stdout);
    assert!(shown.contains("New (bytes): ") && !shown.contains("Gone"), "{shown}");
    let term = place("remembers.c", C, "make_node(\"term\")");
    let term = format!("\n      parse_term  {term}\n        make_node → checked_alloc\n");
    assert!(shown.contains(&term), "{shown}");
}
