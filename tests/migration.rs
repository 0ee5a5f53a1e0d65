//! The README's pages for who comes from another crate: each is a difference between two programs. The one
//! is compiled against the crate that is left, the other against this one; both run and print the same.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The pages' headings, and what the programs before them depend on.
const PAGES: [(&str, &str, &str); 4] = [
    ("dhat", "From dhat", "dhat = \"=0.3.3\""),
    ("mod-alloc", "From mod-alloc 1.0", "mod-alloc = \"=1.0.1\""),
    ("tracking", "From tracking-allocator", "tracking-allocator = \"=0.4.0\""),
    ("stats", "From stats_alloc", "stats_alloc = \"=0.1.10\""),
];

const README: &str = include_str!("../README.md");

/// The difference below a heading: the first block of that kind.
fn difference(heading: &str) -> &'static str {
    let heading = format!("\n### {heading}\n");
    let (_, page) = README.split_once(&heading).unwrap_or_else(|| panic!("no page:{heading}"));
    let page = page.split("\n### ").next().expect("there is a first part");
    let (_, rest) = page.split_once("```diff\n").expect("the page has a difference");
    rest.split("```").next().expect("the block ends")
}

/// The program before (`-`) or after (`+`) a difference.
fn side(difference: &str, sign: char) -> String {
    let line = |line: &str| match line.chars().next() {
        None | Some(' ') => Some(line.get(1..).unwrap_or("").to_owned()),
        Some(first) if first == sign => Some(line[1..].to_owned()),
        Some('-' | '+') => None,
        Some(_) => panic!("neither kept nor changed: {line}"),
    };
    let lines: Vec<_> = difference.lines().filter_map(line).collect();
    lines.join("\n") + "\n"
}

/// A folder of the running test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("migration").join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// Builds a package of one program; returns the program's path.
fn build(name: &str, dependency: &str, program: &str) -> PathBuf {
    let folder = scratch(name);
    let manifest = format!(
        "[workspace]\n[package]\nname = \"page-{name}\"\nedition = \"2024\"\n[dependencies]\n{dependency}\n"
    );
    fs::create_dir_all(folder.join("src")).expect("the folder can be written to");
    fs::write(folder.join("Cargo.toml"), manifest).expect("the folder can be written to");
    fs::write(folder.join("src/main.rs"), program).expect("the folder can be written to");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("below the target folder");
    let target = target.join("migration");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--target-dir"]).arg(&target).current_dir(&folder);
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = command.output().expect("cargo can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}\n{program}");
    // A warning of the page itself.
    assert!(!said.contains("src/main.rs"), "{name}: {said}");
    target.join("debug").join(format!("page-{name}"))
}

fn run(program: &Path) -> Output {
    let mut command = Command::new("timeout");
    let folder = scratch("run");
    command.arg("600").arg(program).current_dir(folder);
    let ours = |name: &str| name.starts_with("MOD_ALLOC");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
        command.env_remove(name);
    }
    let output = command.output().expect("timeout is part of every Debian");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", program.display());
    output
}

/// Compiles and runs both sides of a page; `features` of this crate.
fn follow(page: &str, features: &str) {
    let (name, heading, before) =
        PAGES.into_iter().find(|(name, ..)| *name == page).expect("a page of the list");
    let difference = difference(heading);
    let after =
        format!("mod-alloc = {{ path = {:?}, features = {features} }}", env!("CARGO_MANIFEST_DIR"));
    let before = build(&format!("{name}-before"), before, &side(difference, '-'));
    let after = build(&format!("{name}-after"), &after, &side(difference, '+'));
    let [before, after] = [run(&before), run(&after)].map(|output| output.stdout);
    assert!(!before.is_empty());
    assert_eq!(String::from_utf8_lossy(&before), String::from_utf8_lossy(&after), "{heading}");
}

#[test]
fn from_dhat() {
    follow("dhat", "[]");
}

#[test]
fn from_mod_alloc_1_0() {
    follow("mod-alloc", "[]");
}

#[test]
fn from_tracking_allocator() {
    follow("tracking", "[\"groups\"]");
}

#[test]
fn from_stats_alloc() {
    follow("stats", "[]");
}

/// What is not found is no empty program.
#[test]
fn a_difference_has_two_sides() {
    let difference = "-old\n+new\n kept\n\n+  more\n";
    assert_eq!(side(difference, '-'), "old\nkept\n\n");
    assert_eq!(side(difference, '+'), "new\nkept\n\n  more\n");
}
