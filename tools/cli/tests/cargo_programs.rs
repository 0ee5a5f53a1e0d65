//! `cargo mod-alloc run` and `bench`: cargo's own commands, profiled.

#[expect(dead_code, reason = "other tests look at more")]
mod test_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use test_support::Package;

const LIBRARY: &str = "pub fn grow() -> usize { std::hint::black_box(vec![1u8; 11_111]).len() }\n";

const PROGRAM: &str = "fn main() {
    println!(\"NAME {} {:?}\", programs::grow(), std::env::args().skip(1).collect::<Vec<_>>());
    let runners = std::env::vars().filter(|(name, _)| name.ends_with(\"_RUNNER\"));
    println!(\"{:?} {:?}\", runners.collect::<Vec<_>>(), std::env::var(\"LD_PRELOAD\"));
    if std::env::args().any(|word| word == \"fail\") { std::process::exit(7) }
}
";

fn package() -> Package {
    let package = Package::with_library("programs", "2021", LIBRARY);
    let manifest = fs::read_to_string(package.path("Cargo.toml")).expect("written above");
    let benches = "[[bench]]\nname = \"first\"\nharness = false\n[[bench]]\nname = \"second\"\nharness = false\n";
    package.write("Cargo.toml", &format!("{manifest}{benches}"));
    for (path, name) in [
        ("src/main.rs", "bin"),
        ("examples/ex.rs", "example"),
        ("benches/first.rs", "first"),
        ("benches/second.rs", "second"),
    ] {
        package.write(path, &PROGRAM.replace("NAME", name));
    }
    package
}

/// The blocks of `grow` in the report at `path`.
fn grown(path: &Path) -> u64 {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let report: Value = serde_json::from_slice(&text).expect("JSON");
    let points = report["pps"].as_array().expect("a list");
    points.iter().filter(|point| point["tb"] == 11_111).count() as u64
}

/// The only file in the package's folder whose name begins and ends so.
fn only(package: &Package, start: &str, end: &str) -> PathBuf {
    let entries = fs::read_dir(package.path("")).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().into_string().expect("UTF-8"));
    let found: Vec<_> = names.filter(|n| n.starts_with(start) && n.ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{start}…{end}: {found:?}");
    package.path(&found[0])
}

#[test]
fn run_is_cargo_s_with_a_report() {
    let package = package();
    let words = ["run", "-q", "--bin", "programs", "--", "a b", "-o", "fail"];
    let plain = package.cargo(&words);
    let ours = package.mod_alloc(&words);
    assert_eq!((ours.code, &ours.stdout), (plain.code, &plain.stdout), "{ours:#?}");
    assert_eq!(plain.code, Some(7), "{plain:#?}");
    assert_eq!(grown(&only(&package, "mod-alloc.programs.", ".json")), 1);
    assert!(ours.ours().iter().any(|line| line.starts_with("The data has been saved to")));
}

#[test]
fn options_of_mod_alloc_and_of_cargo_may_be_mixed() {
    let package = package();
    let words = ["run", "--html", "-q", "--example", "ex", "-o", "r.json", "--", "--html"];
    let ended = package.mod_alloc(&words);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.starts_with("example 11111 [\"--html\"]\n"), "{}", ended.stdout);
    assert_eq!(grown(&package.path("r.json")), 1);
    assert!(package.path("r.html").is_file());
    let ended = package.mod_alloc(&["run", "--frames", "0", "--bin", "programs"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:#?}");
    let ended = package.mod_alloc(&["run", "--bin", "absent"]);
    assert_eq!(ended.code, package.cargo(&["run", "--bin", "absent"]).code, "{ended:#?}");
}

#[test]
fn each_bench_has_its_report() {
    let package = package();
    let words =
        ["bench", "-q", "--bench", "first", "-o", "r.json", "--bench", "second", "--", "--quick"];
    let ended = package.mod_alloc(&words);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("first 11111 [\"--quick\", \"--bench\"]"), "{}", ended.stdout);
    for name in ["first", "second"] {
        assert_eq!(grown(&package.path(&format!("r.{name}.json"))), 1, "{name}");
    }
    let ended = package.mod_alloc(&["bench", "-q", "-o", "new/"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let names = fs::read_dir(package.path("new")).expect("it is made").flatten();
    let names: Vec<_> =
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    for name in ["mod-alloc.first-", "mod-alloc.second-"] {
        assert_eq!(names.iter().filter(|found| found.starts_with(name)).count(), 1, "{names:?}");
    }
    let failed = package.mod_alloc(&["bench", "-q", "--bench", "first", "--", "fail"]);
    let plain = package.cargo(&["bench", "-q", "--bench", "first", "--", "fail"]);
    assert_eq!(failed.code, plain.code, "{failed:#?}");
    assert_eq!(grown(&only(&package, "mod-alloc.first-", ".json")), 1);
}

/// The configured runner starts mod-alloc, and the program sees the variable as it was.
#[test]
fn a_configured_runner_is_started_in_front() {
    let package = package();
    package.write("runner", "#!/bin/sh\necho \"runs $1\"\nexec \"$@\"\n");
    let runner = package.path("runner");
    fs::set_permissions(&runner, fs::Permissions::from_mode(0o755)).expect("a mode");
    package.write(".cargo/config.toml", "[target.'cfg(unix)']\nrunner = \"./runner\"\n");
    let words = ["run", "-q", "--bin", "programs"];
    let (plain, ours) = (package.cargo(&words), package.mod_alloc(&words));
    let after_first = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(after_first(&ours.stdout), after_first(&plain.stdout), "{ours:#?}");
    assert!(ours.stdout.starts_with("runs /"), "{}", ours.stdout);
    assert_eq!(grown(&only(&package, "mod-alloc.programs.", ".json")), 1);
}

#[test]
fn help_is_of_cargo_s_commands() {
    let package = package();
    for (command, example) in [("run", "--example parse"), ("bench", "--bench parse")] {
        let ended = package.mod_alloc(&[command, "--help"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let usage = format!("cargo mod-alloc {command} [OPTIONS]");
        let has_all = ended.stdout.contains(&usage) && ended.stdout.contains(example);
        assert!(has_all && ended.stdout.contains("--children"), "{}", ended.stdout);
    }
}
