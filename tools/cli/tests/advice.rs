//! Programs of C without names or lines: each output tells the option to compile them with.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::process::Output;

use run_support::{Scratch, json, ours, text};

/// Runs `work`, compiled with `flags` as well; its report is `r.json`.
fn run(name: &str, flags: &[&str]) -> (Scratch, Output) {
    let scratch = Scratch::new(name);
    scratch.compile("work", flags);
    let output = scratch.run(&["run", "-o", "r.json", "./work"]);
    (scratch, output)
}

/// The sentence about `work`.
fn sentence(scratch: &Scratch, lacks: &str, why: &str, setting: &str) -> String {
    let path = std::fs::canonicalize(scratch.join("work")).unwrap();
    format!("no {lacks}: {} {why}; {setting}", path.display())
}

#[test]
fn all_outputs_tell_of_a_program_without_lines() {
    let (scratch, output) = run("advice-lines", &["-g0"]);
    let expected = sentence(&scratch, "lines", "has no debug information", "compile it with -g");
    assert!(ours(&output).contains(&format!("mod-alloc: Advice: {expected}\n")), "{output:?}");
    assert_eq!(json(&scratch.join("r.json"))["x_advice"], serde_json::json!([expected]));

    let shown = text(&scratch.run(&["report", "r.json"]).stdout);
    let (_, below) = shown.split_once("\nAdvice\n").unwrap_or_else(|| panic!("{shown}"));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(below).starts_with(&words(&expected)), "{below}");

    let data = text(&scratch.run(&["report", "r.json", "--format", "json"]).stdout);
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["advice"], serde_json::json!([expected]));

    // Equal sentences of two processes are one.
    scratch.run(&["run", "-o", "other.json", "./work"]);
    let merged = scratch.run(&["merge", "r.json", "other.json", "-o", "sum.json"]);
    assert!(merged.status.success(), "{merged:?}");
    assert_eq!(json(&scratch.join("sum.json"))["x_advice"], serde_json::json!([expected]));
}

#[test]
fn a_stripped_program_is_told_not_to_be_stripped() {
    let (scratch, output) = run("advice-stripped", &["-s"]);
    let setting = "compile it with -g, and do not strip it";
    let expected = sentence(&scratch, "names", "has no symbols", setting);
    assert!(ours(&output).contains(&format!("mod-alloc: Advice: {expected}\n")), "{output:?}");
}

#[test]
fn a_program_with_debug_information_is_told_nothing() {
    let (scratch, output) = run("advice-full", &[]);
    assert!(!ours(&output).contains("Advice"), "{output:?}");
    assert!(json(&scratch.join("r.json")).get("x_advice").is_none());
    assert!(!text(&scratch.run(&["report", "r.json"]).stdout).contains("Advice"));
}

#[test]
fn a_program_of_the_system_lacks_its_debug_symbols() {
    let scratch = Scratch::new("advice-system");
    let output = scratch.run(&["run", "-o", "r.json", "/bin/sh", "-c", "exit 0"]);
    let ours = ours(&output);
    let advice = ours.lines().find(|line| line.contains("Advice: no "));
    let advice = advice.unwrap_or_else(|| panic!("{ours}"));
    assert!(advice.ends_with("; install its debug symbols"), "{advice}");
}
