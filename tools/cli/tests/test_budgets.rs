//! Baselines and budgets.

#[expect(dead_code, reason = "other tests look at more")]
mod test_support;

use std::fs;
use std::path::PathBuf;

use test_support::Package;

/// A library whose tests allocate so many bytes.
fn library(of: &[(&str, usize)]) -> String {
    let test = |(name, bytes): &(&str, usize)| {
        format!("#[test] fn {name}() {{ drop(std::hint::black_box(vec![1u8; {bytes}])); }}\n")
    };
    of.iter().map(test).collect()
}

fn package(of: &[(&str, usize)]) -> Package {
    let package = Package::with_library("budget", "2021", &library(of));
    let saved = package.mod_alloc(&["test", "--lib", "--save-baseline", "main", "--runs", "2"]);
    assert_eq!(saved.code, Some(0), "{saved:#?}");
    let names = names_of(&package.baselines());
    // The host's name is cargo's.
    assert!(names[0].starts_with("main.") && names[0].ends_with(".dev.jsonl"), "{names:?}");
    assert!(saved.ours()[0].starts_with("the baseline 'main' is saved"), "{:?}", saved.ours());
    package
}

fn names_of(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(name).collect()
}

const COMPARE: [&str; 8] =
    ["test", "--lib", "--baseline", "main", "--fail-above", "5%", "--floor", "0"];

#[test]
fn growth_beyond_the_budget_fails_with_a_table_of_it() {
    let package = package(&[("small", 100), ("large", 100_000)]);
    assert_eq!(package.mod_alloc(&COMPARE).code, Some(0));
    package.write("src/lib.rs", &library(&[("small", 105), ("large", 100_000)]));
    assert_eq!(package.mod_alloc(&COMPARE).code, Some(0), "5 % is within 5 %");
    package.write("src/lib.rs", &library(&[("small", 106), ("large", 100_000)]));
    let ended = package.mod_alloc(&COMPARE);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let grown = ended.stdout.split("Grown by more than 5 % since 'main'").nth(1).expect("a table");
    let lines: Vec<_> =
        grown.lines().skip(2).map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let expected = "budget small bytes 100 B 106 B +6.0 %".split(' ').collect::<Vec<_>>();
    assert!(lines.contains(&expected), "{grown}");
    assert!(!grown.contains("large") && !grown.contains("total"), "{grown}");
    let alone = package.mod_alloc(&["test", "--lib", "--baseline", "main"]);
    assert_eq!(alone.code, Some(0), "without a budget nothing fails");
    assert!(alone.stdout.contains("Grown since 'main'"));
}

#[test]
fn new_and_gone_tests_are_listed_and_do_not_fail() {
    let package = package(&[("stays", 100), ("goes", 100)]);
    package.write("src/lib.rs", &library(&[("stays", 100), ("comes", 1_000_000)]));
    let ended = package.mod_alloc(&COMPARE);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("New since 'main', not compared:\n  budget comes\n"));
    assert!(ended.stdout.contains("Gone since 'main', not compared:\n  budget goes\n"));
}

#[test]
fn something_from_nothing_fails_whatever_the_budget() {
    let package = package(&[("none", 0)]);
    package.write("src/lib.rs", &library(&[("none", 1)]));
    let ended =
        package.mod_alloc(&["test", "--lib", "--baseline", "main", "--fail-above", "1000%"]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stdout.contains("from nothing"));
}

#[test]
fn a_failing_cargo_keeps_its_status_and_saves_nothing() {
    let package = package(&[("a", 1)]);
    package.write("src/lib.rs", "#[test] fn a() { panic!() }");
    let ended = package.mod_alloc(&COMPARE);
    assert_eq!(ended.code, Some(101));
    assert!(
        ended.ours().iter().any(|line| line.ends_with("nothing was compared with the baseline")),
        "{:?}",
        ended.ours()
    );
    let ended = package.mod_alloc(&["test", "--lib", "--save-baseline", "other"]);
    assert_eq!(ended.code, Some(101));
    let names = names_of(&package.baselines());
    assert!(!names.iter().any(|name| name.starts_with("other.")), "{names:?}");
}

#[test]
fn a_missing_baseline_is_said_before_anything_runs() {
    let package = package(&[("a", 1)]);
    let ended = package.mod_alloc(&["test", "--baseline", "mian", "--fail-above", "5%"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert_eq!(ended.stderr.lines().count(), 1, "cargo did not start: {}", ended.stderr);
    assert!(ended.ours()[0].contains("there are: main."), "{:?}", ended.ours());
    for words in [
        &["test", "--fail-above", "5%"][..],
        &["test", "--baseline", "main", "--fail-above", "5"],
        &["test", "--save-baseline", "../.x"],
        &["test", "--save-baseline", "main", "--runs", "0"],
        &["test", "--fail-on", "bytes"],
    ] {
        let ended = package.mod_alloc(words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert_eq!(ended.ours().len(), ended.stderr.lines().count(), "{}", ended.stderr);
    }
}

/// Blocks that differ from run to run, and how many more of them come on top.
fn counting(more: usize) -> String {
    format!(
        r#"
#[test] fn exact() {{ for _ in 0..{more} + 3 {{ drop(std::hint::black_box(vec![1u8; 8])); }} }}
#[test] fn varies() {{
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/run");
    let run: usize = std::fs::read_to_string(file).map_or(0, |text| text.len());
    std::fs::write(file, "x".repeat(run + 1)).unwrap();
    drop(std::hint::black_box(vec![1u8; 100_000 + run % 5 * 5_000]));
}}
"#
    )
}

#[test]
fn numbers_that_vary_within_a_baseline_s_runs_do_not_fail_and_one_more_block_does() {
    let package = Package::with_library("varies", "2021", &counting(0));
    let saved = package.mod_alloc(&["test", "--lib", "--save-baseline", "main"]);
    assert_eq!(saved.code, Some(0), "{saved:#?}");
    let compare = ["test", "--lib", "--quiet", "--baseline", "main", "--fail-above", "5%"];
    for _ in 0..5 {
        let ended = package.mod_alloc(&compare);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert!(!ended.stdout.contains("at end"), "no table: {}", ended.stdout);
    }
    package.write("src/lib.rs", &counting(1));
    let ended = package.mod_alloc(&compare);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let row = ended.stdout.lines().find(|line| line.contains(" exact ")).expect("a row");
    let words: Vec<_> = row.split_whitespace().skip(1).take(4).collect();
    assert_eq!(words, ["exact", "blocks", "3", "4"]);
    assert!(!ended.stdout.contains(" varies "), "{}", ended.stdout);
    for words in [["--fail-on", "bytes,peak,end"], ["--ignore", "exact"], ["--only", "varies"]] {
        let ended = package.mod_alloc(&[&compare[..], &words].concat());
        assert_eq!(ended.code, Some(0), "{words:?}: {ended:#?}");
    }
    let ended = package.mod_alloc(&[&compare[..], &["--format", "markdown"]].concat());
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stdout.contains("| varies exact | blocks | 3 | 4 | +33.3 % |"), "{ended:#?}");
}

#[test]
fn a_baseline_is_of_one_profile_and_lies_where_it_is_committed() {
    let package = Package::with_library("place", "2021", &library(&[("a", 10)]));
    let saved =
        package.mod_alloc(&["test", "--lib", "--save-baseline", "budgets/ci", "--runs", "1"]);
    assert_eq!(saved.code, Some(0), "{saved:#?}");
    let entries = fs::read_dir(package.path("budgets")).unwrap().flatten();
    let names = names_of(&entries.map(|entry| entry.path()).collect::<Vec<_>>());
    assert!(names.len() == 1 && names[0].starts_with("ci.") && names[0].ends_with(".dev.jsonl"));
    let with = |more: &[&str]| {
        package.mod_alloc(&[&["test", "--lib", "--baseline", "budgets/ci"], more].concat())
    };
    assert_eq!(with(&["--fail-above", "0%"]).code, Some(0));
    let other = with(&["--release"]);
    assert_eq!(other.code, Some(2), "{other:#?}");
    let way_out = format!("other targets or profiles: {}", names[0].trim_end_matches(".jsonl"));
    assert!(other.ours()[0].ends_with(&way_out), "{:?}", other.ours());
}

/// Set-up and panics fall on the test that comes first; what they allocate is in no test's numbers.
#[test]
fn what_happens_once_is_in_no_test() {
    let test = |name: &str| {
        format!(
            "#[test] fn {name}() {{ std::hint::black_box(TABLE.len()); \
             drop(std::hint::black_box(vec![1u8; 100])); }}\n\
             #[test] #[should_panic] fn {name}_panics() {{ panic!() }}\n"
        )
    };
    let table = "static TABLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {\n\
                 \x20   // A thread that serves all, as a pool's.\n\
                 \x20   std::thread::Builder::new().name(\"pool\".into())\n\
                 \x20       .spawn(|| drop(std::hint::black_box(vec![1u8; 5_000]))).unwrap()\n\
                 \x20       .join().unwrap();\n\
                 \x20   vec![1; 70_000]\n\
                 });\n";
    let package =
        Package::with_library("once", "2021", &format!("{table}{}{}", test("a"), test("b")));
    let mut command = package.mod_alloc_command();
    command.args(["test", "--lib", "--format", "json"]).env("RUST_BACKTRACE", "1");
    let output = command.output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let bytes = |name: &str| {
        let rows = found["tests"].as_array().unwrap().iter();
        let rows = rows.chain(found["apart"].as_array().unwrap());
        let mut rows = rows.filter(|row| row["name"] == name);
        rows.next().unwrap_or_else(|| panic!("{name}: {found}"))["bytes"].as_u64().unwrap()
    };
    assert_eq!([bytes("a"), bytes("b")], [100, 100]);
    assert_eq!(bytes("a_panics"), bytes("b_panics"));
    assert!((70_000..75_000).contains(&bytes("[once]")), "{found}");
    assert!(bytes("[panic]") > 1_000_000, "the symbols: {found}");
    assert!(found.get("losses").is_none(), "{found}");
}

/// Numbers that vary by nature do not fail; those that grew do, and are seen in several runs.
#[test]
fn what_varies_is_marked_and_is_no_growth() {
    let varying = |more: usize| {
        format!(
            "#[test] fn varies() {{\n\
             \x20   let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos() as usize;\n\
             \x20   drop(std::hint::black_box(vec![1u8; {more} + nanos % 1000]));\n}}\n"
        )
    };
    let package = Package::with_library("varies", "2021", &varying(100_000));
    let saved = package.mod_alloc(&["test", "--lib", "--save-baseline", "main", "--runs", "4"]);
    assert_eq!(saved.code, Some(0), "{saved:#?}");
    assert!(saved.stdout.contains("~ differs from run to run"), "{}", saved.stdout);
    assert_eq!(package.mod_alloc(&COMPARE).code, Some(0));
    package.write("src/lib.rs", &varying(120_000));
    let grown = package.mod_alloc(&COMPARE);
    assert_eq!(grown.code, Some(1), "{grown:#?}");
    assert!(grown.ours()[0].starts_with("tests grew: they run again"), "{:?}", grown.ours());
}

#[test]
fn a_part_that_no_name_has_is_said_and_compares_nothing_in_silence() {
    let package = package(&[("small", 100)]);
    let with =
        |option: &str, part: &str| package.mod_alloc(&[&COMPARE[..], &[option, part]].concat());
    let only = with("--only", "smal1");
    assert_eq!(only.code, Some(2), "{only:#?}");
    assert!(only.ours()[0].starts_with("no test has 'smal1' in its name"), "{:?}", only.ours());
    assert!(only.ours()[1].contains("no test that could be compared"), "{:?}", only.ours());
    let ignore = with("--ignore", "nothing");
    assert_eq!((ignore.code, ignore.ours().len()), (Some(0), 1), "{ignore:#?}");
}

/// The floor is for noise, and a number that was 0 has none.
#[test]
fn the_floor_does_not_hide_the_first_block_that_stays() {
    let leak = "#[test] fn a() { std::mem::forget(std::hint::black_box(vec![1u8; 200])); }\n";
    let package = package(&[("a", 200)]);
    let compare = ["test", "--lib", "--baseline", "main", "--fail-above", "5%"];
    let same = package.mod_alloc(&compare);
    assert!(same.stdout.contains("Nothing grew by more than 5 % and 256 B"), "{}", same.stdout);
    package.write("src/lib.rs", leak);
    let grown = package.mod_alloc(&compare);
    assert_eq!(grown.code, Some(1), "{grown:#?}");
    assert!(grown.stdout.contains("at end"), "{}", grown.stdout);
}
