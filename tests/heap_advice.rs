//! Programs built with less information than a report can use: each is told the setting to change,
//! and a program with all of it is told nothing.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::fs;
use std::path::Path;

use heap_support::{Launch, build_programs, programs};
use serde_json::{Value, json};

/// The lines of advice at the exit, and those of the report.
fn advice(name: &str, program: &Path) -> (Vec<String>, Value) {
    let ended = Launch::new(&format!("advice-{name}"), program, &["reallocations"]).run();
    let said = ended.said();
    let said = said.iter().filter_map(|line| line.strip_prefix("Advice: "));
    let report = fs::read(ended.folder.join("dhat-heap.json")).expect("there is a report");
    let report: Value = serde_json::from_slice(&report).expect("it is JSON");
    (said.map(String::from).collect(), report["x_advice"].clone())
}

#[track_caller]
fn assert_advice(name: &str, flags: &[&str], lacks: &str, why: &str, setting: &str) {
    let program = build_programs(&format!("advice-{name}"), flags);
    let expected = format!("no {lacks}: {} {why}; set {setting}", program.display());
    assert_eq!(advice(name, &program), (vec![expected.clone()], json!([expected])));
}

const LIMITED: &str = "debug = \"limited\" in its Cargo profile";

#[test]
fn a_program_without_debug_information_is_told_the_setting() {
    assert_advice("none", &["-C", "debuginfo=0"], "lines", "has no debug information", LIMITED);
}

#[test]
fn a_program_with_line_tables_alone_is_told_the_setting() {
    let flags = ["-C", "debuginfo=line-tables-only"];
    let lacks = "paths of inlined functions";
    assert_advice("lines", &flags, lacks, "has line tables alone", LIMITED);
}

#[test]
fn a_stripped_program_is_told_the_settings() {
    let setting = format!("strip = false and {LIMITED}");
    assert_advice("stripped", &["-C", "strip=symbols"], "names", "has no symbols", &setting);
}

#[test]
fn a_program_with_debug_information_is_told_nothing() {
    assert_eq!(advice("limited", programs()), (Vec::new(), Value::Null));
}
