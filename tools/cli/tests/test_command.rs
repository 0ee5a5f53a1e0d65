//! `cargo mod-alloc test` on a workspace with every sort of test: outputs and statuses are those
//! without us, and every test has its row, exact.

#[expect(dead_code, reason = "other tests look at more")]
mod test_support;

use test_support::table::{Numbers, Table};
use test_support::{Ended, Package, fixture, with_nextest};

/// Blocks, bytes, peak, blocks and bytes at the end, of those that allocate exactly this.
const EXACT: [(&str, Numbers); 9] = [
    ("allocates_once", [1, 100, 100, 0, 0]),
    ("keeps_its_block", [1, 77, 77, 1, 77]),
    ("has_a_peak", [6, 3300, 1100, 0, 0]),
    ("grows", [2, 250, 150, 0, 0]),
    ("with_a_long_name_and_one", [1, 1111, 1111, 0, 0]),
    ("with_a_long_name_and_two", [1, 2222, 2222, 0, 0]),
    ("with_a_long_name_and_two_more", [1, 3333, 3333, 0, 0]),
    ("folded_first", [1, 512, 512, 0, 0]),
    ("folded_second", [1, 512, 512, 0, 0]),
];

fn assert_units(table: &Table, of: &str) {
    for (name, expected) in EXACT {
        assert_eq!(table.numbers(&format!("unit {of} tests::{name}")), expected, "{name}");
    }
    for (name, result) in [
        ("allocates_once", "ok"),
        ("panics", "ok"),
        ("prints", "ok"),
        ("sees_no_trace_of_us", "ok"),
        ("fails", "failed"),
        ("fails_to_panic_as_it_should", "failed"),
        ("gives_an_error", "failed"),
    ] {
        assert_eq!(table.result(&format!("unit {of} tests::{name}")), result, "{name}");
    }
    let failed = table.numbers(&format!("unit {of} tests::fails"));
    assert!(failed[1] > 321, "its panic allocates too: {failed:?}");
}

fn assert_outside(table: &Table, package: &str) {
    let of = |name: &str| format!("integration {package}::outside {name}");
    assert_eq!(table.numbers(&of("nothing")), [0; 5]);
    let [_, bytes, peak, blocks, at_end] = table.numbers(&of("threads_count"));
    // Two blocks by two threads each, and what starting four threads takes.
    assert!((400_000..410_000).contains(&bytes), "{bytes}");
    assert!((250_000..260_000).contains(&peak), "{peak}");
    assert!((100_000..105_000).contains(&at_end) && blocks >= 2, "{at_end} in {blocks}");
}

fn assert_docs(table: &Table, package: &str) {
    let row = |item: &str, line: u32| {
        format!("doc {package}::{package} src/lib.rs - {item}(line {line})")
    };
    // rustdoc's paths are from the workspace's folder.
    let row = |item: &str, line: u32| row(item, line).replace("src/", &format!("{package}/src/"));
    assert_eq!(table.numbers(&row("", 1)), [1, 1000, 1000, 0, 0]);
    assert_eq!(table.numbers(&row("double ", 8)), [1, 2000, 2000, 1, 2000], "its own main");
    let [_, bytes, ..] = table.numbers(&row("double ", 15));
    assert!((300..2500).contains(&bytes), "its thread counts: {bytes}");
    let [_, bytes, peak, ..] = table.numbers(&row("double ", 21));
    assert!(bytes >= 400 && peak >= 400, "{bytes} {peak}");
    for (line, result) in [(27, "ok"), (31, "ok"), (35, "ignored")] {
        assert_eq!(table.numbers(&row("double ", line)), [0; 5]);
        assert_eq!(table.result(&row("double ", line)), result);
    }
}

fn assert_all(table: &Table) {
    for package in ["alpha", "beta"] {
        assert_units(table, &format!("{package}::{package}"));
        assert_eq!(
            table.result(&format!("unit {package}::{package} tests::is_ignored")),
            "ignored"
        );
        assert_outside(table, package);
        assert_docs(table, package);
        let whole = format!("integration {package}::whole-{package} whole-{package}");
        let [_, bytes, peak, ..] = table.numbers(&whole);
        assert!(bytes >= 1_000_000 && peak >= 1_000_000 && table.result(&whole) == "ok");
    }
    let program = table.numbers("unit alpha::bin/alpha in_the_program");
    assert_eq!(program, [1, 42, 42, 0, 0]);
    assert_eq!((table.count("failed"), table.count("ignored")), (6, 4));
    // Units, those outside, whole programs, doc tests, and the program's.
    assert_eq!(table.rows.len(), 2 * (16 + 2 + 1 + 7) + 1);
    assert_eq!(table.losses(), [""; 0]);
    let sum: u64 = table.rows.values().map(|(_, numbers)| numbers[1]).sum();
    assert_eq!(table.value["total"]["bytes"], sum);
    let highest = table.rows.values().map(|(_, numbers)| numbers[2]).max();
    assert_eq!(table.value["total"]["peak_bytes"].as_u64(), highest);
}

#[test]
fn every_sort_of_test_has_its_row_and_nothing_else_changes() {
    let workspace = fixture::workspace();
    let (_, table) = workspace.alike(&["--workspace", "--no-fail-fast"]);
    assert_all(&table);
}

#[test]
fn release_builds_fold_functions_and_not_rows() {
    let workspace = fixture::workspace();
    let (_, table) = workspace.alike(&["--workspace", "--no-fail-fast", "--release"]);
    assert_all(&table);
}

#[test]
fn one_thread_or_many_make_no_difference() {
    let workspace = fixture::workspace();
    let words = ["-p", "beta", "--no-fail-fast", "--lib", "--test", "outside"];
    // Of several threads, what is not captured is mixed.
    for how in [&["--test-threads=1", "--nocapture"][..], &["--test-threads=8"]] {
        let (_, table) = workspace.alike(&[&words[..], &["--"], how].concat());
        assert_outside(&table, "beta");
        assert_eq!(table.numbers("unit beta::beta tests::has_a_peak"), [6, 3300, 1100, 0, 0]);
    }
}

#[test]
fn cargo_s_arguments_select_tests() {
    let workspace = fixture::workspace();
    let (ended, table) = workspace.alike(&[
        "-p",
        "alpha",
        "--lib",
        "--",
        "--ignored",
        "--exact",
        "tests::is_ignored",
    ]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(table.rows.len(), 1);
    assert_eq!(table.numbers("unit alpha::alpha tests::is_ignored"), [1, 9999, 9999, 0, 0]);
    // A failing program ends the run; what ran before is there.
    let (ended, table) = workspace.alike(&["-p", "alpha", "--lib", "--test", "outside"]);
    assert_eq!((ended.code, table.rows.len()), (Some(101), 16));
    let (ended, table) = workspace.alike(&["-p", "alpha", "--test", "outside", "--", "--list"]);
    assert_eq!((ended.code, table.rows.len()), (Some(0), 0));
    assert!(ended.stdout.contains("threads_count: test"));
}

#[test]
fn nextest_runs_each_test_in_a_process() {
    with_nextest();
    let workspace = fixture::workspace();
    let (ended, table) = workspace.alike(&[
        "nextest",
        "run",
        "--workspace",
        "--no-fail-fast",
        "--status-level=none",
    ]);
    assert_eq!(ended.code, Some(100));
    for package in ["alpha", "beta"] {
        assert_units(&table, &format!("{package}::{package}"));
        assert_outside(&table, package);
        let [_, bytes, ..] =
            table.numbers(&format!("integration {package}::whole-{package} of its own"));
        assert!(bytes >= 1_000_000);
    }
    let flag =
        workspace.mod_alloc(&["test", "--nextest", "--format=json", "-p", "beta", "nothing"]);
    assert_eq!(flag.code, Some(0), "{flag:#?}");
    assert_eq!(Table::parse(&flag.stdout).rows.len(), 1);
}

const FLAKY: &str = r#"
#[test]
fn passes_the_second_time() {
    let first = std::env::var("NEXTEST_ATTEMPT").unwrap() == "1";
    drop(std::hint::black_box(vec![1u8; if first { 100 } else { 200 }]));
    assert!(!first);
}
"#;

#[test]
fn of_nextest_s_attempts_the_last_counts() {
    with_nextest();
    let package = Package::with_library("flaky", "2021", FLAKY);
    let (ended, table) = package.alike(&["nextest", "run", "--retries=2", "--status-level=none"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(table.rows.len(), 1);
    assert_eq!(table.result("unit flaky passes_the_second_time"), "ok");
    // The variable's value is a block of one byte.
    assert_eq!(table.numbers("unit flaky passes_the_second_time"), [2, 201, 200, 0, 0]);
}

const DIES: &str = r#"
#[test] fn a_first() { drop(std::hint::black_box(vec![1u8; 10])); }
#[test] fn b_dies() { std::mem::forget(std::hint::black_box(vec![1u8; 20])); std::process::abort(); }
#[test] fn c_never() {}
"#;

#[test]
fn a_test_that_takes_the_process_with_it_has_a_row() {
    let package = Package::with_library("dies", "2021", DIES);
    let (ended, table) = package.alike(&["--lib", "--", "--test-threads=1"]);
    assert_eq!(ended.code, Some(101));
    assert!(ended.stderr.contains("signal: 6"), "cargo sees the signal: {}", ended.stderr);
    assert_eq!(table.result("unit dies a_first"), "ok");
    assert_eq!(table.result("unit dies b_dies"), "failed");
    assert_eq!(table.numbers("unit dies b_dies"), [1, 20, 20, 1, 20]);
    assert_eq!(table.rows.len(), 2);
    assert!(table.losses()[0].contains("1 tests did not run"), "{:?}", table.losses());
}

#[test]
fn what_does_not_compile_is_cargo_s_to_say() {
    let package = Package::with_library("broken", "2021", "this is no code");
    let plain = package.cargo(&["test"]);
    let ended = package.mod_alloc(&["test"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (plain.code, ""));
    assert_eq!(ended.ours(), [""; 0]);
    let nowhere = Package::new("empty");
    nowhere.write("Cargo.toml", "no package");
    let ended = nowhere.mod_alloc(&["test"]);
    assert_eq!((ended.code, ended.ours().len()), (Some(101), 0), "{ended:#?}");
}

fn text_of(ended: &Ended) -> Vec<&str> {
    ended.stdout.lines().skip_while(|line| !line.starts_with("test  ")).collect()
}

#[test]
fn the_table_follows_cargo_s_output_in_the_order_that_is_asked_for() {
    let package = Package::with_library("order", "2021", DIES);
    let words = ["test", "--lib", "--sort", "name", "--", "--skip", "b_dies"];
    let ended = package.mod_alloc(&words);
    let text = text_of(&ended);
    assert!(ended.stdout.find("test result").unwrap() < ended.stdout.find("test  ").unwrap());
    assert!(text[1].starts_with("a_first"), "{text:?}");
    assert!(text[2].starts_with("… 1 test without allocations"), "{text:?}");
    assert!(text[3].starts_with("[harness]"), "{text:?}");
    let last = text.last().unwrap();
    assert!(last.starts_with("2 tests") && last.contains("10 B max"), "{text:?}");
    let json = package.mod_alloc(&["test", "--lib", "--format", "json", "--", "--skip", "b_dies"]);
    assert_eq!(Table::parse(&json.stdout).rows.len(), 2, "standard output is JSON alone");
    assert!(json.stderr.contains("test result: ok"), "cargo's is on standard error");
}

/// A harness of its own that starts itself for each case, and another program besides.
const STARTS_ITSELF: &str = r#"
fn main() {
    if std::env::args().nth(1).as_deref() == Some("case") {
        return drop(std::hint::black_box(vec![1u8; 1_000_000]));
    }
    for _ in 0..3 {
        let own = std::env::current_exe().unwrap();
        assert!(std::process::Command::new(own).arg("case").status().unwrap().success());
    }
    let script = "$r = $ENV{MOD_ALLOC_RECORD} =~ s/%p/$$/r; print -e $r ? 'recorded' : 'unseen'";
    let other = std::process::Command::new("perl").args(["-e", script]).output().unwrap();
    assert_eq!(String::from_utf8(other.stdout).unwrap(), "unseen");
    unsafe extern "C" {
        safe fn fork() -> i32;
        safe fn _exit(status: i32) -> !;
        safe fn wait(no_status: usize) -> i32;
    }
    drop(std::hint::black_box(vec![1u8; 500_000]));
    if fork() == 0 {
        drop(std::hint::black_box(vec![1u8; 2_000_000]));
        _exit(0);
    }
    assert!(wait(0) > 0);
}
"#;

#[test]
fn a_program_that_starts_itself_is_one_row_with_all_its_processes() {
    let package = Package::with_library("starts", "2021", "");
    let manifest = std::fs::read_to_string(package.path("Cargo.toml")).unwrap();
    let test = "[[test]]\nname = \"itself\"\nharness = false\n";
    package.write("Cargo.toml", &format!("{manifest}\n{test}"));
    package.write("tests/itself.rs", STARTS_ITSELF);
    let ended = package.mod_alloc(&["test", "--test", "itself", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let [_, bytes, peak, ..] = Table::parse(&ended.stdout).numbers("integration itself itself");
    assert!((3_500_000..3_800_000).contains(&bytes), "{bytes}");
    let note = "what 1 process allocated after a fork is in no row";
    assert!(ended.stdout.contains(note), "{}", ended.stdout);
    assert!((1_000_000..1_100_000).contains(&peak), "{peak}");
}
