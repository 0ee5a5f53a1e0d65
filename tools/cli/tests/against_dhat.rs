//! The numbers of `mod-alloc run` against those of Valgrind's DHAT for the same runs of Debian's
//! programs, and of one in C that calls whatever allocates.
//!
//! All must be equal: the sums, those of every function that both name, and those of every stack;
//! each of them ever allocated, at the peak and at the end. There is one difference, which is
//! taken out where it is: a block of no bytes is one of one byte for Valgrind.
//!
//! For that, the runs themselves must be the same:
//!
//! - The programs have one thread, and no randomness of addresses. Where they hash addresses, or
//!   keep them as numbers of as many digits as it takes, they still differ between the two; Python
//!   does when its objects are blocks of the heap (`PYTHONMALLOC=malloc`), and so it is not asked to.
//! - Programs keep their environment in blocks. Valgrind sets `LD_PRELOAD`, so the other run gets the
//!   same; [`one_environment`] proves it.
//! - Valgrind has the C library free its own blocks at the end: it is told not to.

#[path = "../../../tests/support/commands.rs"]
mod commands;
mod dhat_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;
#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;
#[expect(dead_code, reason = "what the page has beyond the numbers is looked at elsewhere")]
#[path = "../../../tests/support/viewer.rs"]
mod viewer;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use dhat_support::{Counted, Numbers};
use run_support::Scratch;
use traced::program::{Ended, Program};
use traced::recorded::Recorded;
use viewer::{Shown, view};

macro_rules! script {
    ($name:literal) => {
        include_str!(concat!("scripts/", $name))
    };
}

/// In the viewer's menu.
const BLOCKS: &str = "Total (blocks)";

/// Both runs, which must have printed the same.
struct Runs {
    ours: Ended,
    dhat: Ended,
}

fn run(program: Program) -> Runs {
    let program = program.prepare(same_addresses).env("MOD_ALLOC_FRAMES", "256");
    let dhat = program.under_dhat();
    let ours = program.env("LD_PRELOAD", preloaded_by_dhat()).wrapped();
    assert_eq!(ours.status, dhat.status, "{ours:#?}\n{dhat:#?}");
    assert_eq!(ours.stderr, dhat.stderr);
    Runs { ours, dhat }
}

fn same_addresses() -> io::Result<()> {
    // SAFETY: a system call, which changes what the process's next program is loaded like.
    let before = unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
    if before == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The libraries that a program under Valgrind has in `LD_PRELOAD`. Without Valgrind these libraries do nothing.
fn preloaded_by_dhat() -> &'static str {
    static PRELOADED: OnceLock<String> = OnceLock::new();
    PRELOADED.get_or_init(|| {
        let printed = Program::new("/usr/bin/printenv", &["LD_PRELOAD"]).under_dhat();
        let preloaded = printed.with_status(0).stdout;
        assert!(preloaded.contains("/vgpreload_dhat"), "{preloaded}");
        preloaded.trim_end().to_owned()
    })
}

/// Runs it under both and compares: see the top. These functions must have their names, the first
/// one in the viewer's tree too; and so many functions at least must be named by both.
fn compare(program: Program, names: &[&str], common: usize) -> Runs {
    let runs = run(program);
    assert_eq!(runs.ours.stdout, runs.dhat.stdout, "the two did not do the same");
    let report = runs.ours.report();
    report.assert_nothing_lost();
    let ours = Counted::new("ours", &report.report);
    let dhat = Counted::adjusted("DHAT", &runs.dhat.report().report, without_bytes_of_nothing);
    println!("{}\n{}", report.report.json["cmd"], Counted::header());
    println!("{}\n{}", ours.row(), dhat.row());
    let differences = ours.differences(&dhat);
    assert!(differences.is_empty(), "{} differences: {differences:#?}", differences.len());
    assert!(ours.common(&dhat) >= common, "{} functions", ours.common(&dhat));
    assert_named(&report, names);
    assert_viewable(&runs.ours.results, &ours, names[0]);
    runs
}

/// Callers that ask for blocks of no bytes: a function of `calls.c`, and of the C library's `regcomp` that
/// makes sets of numbers, some of them empty. Debian's programs here ask for none.
const ASK_FOR_NOTHING: [&str; 2] = ["zero_sized", "re_node_set_alloc"];

/// Valgrind takes a block of no bytes for one of one byte. None of the above asks for a single byte.
fn without_bytes_of_nothing(functions: &BTreeSet<&str>, numbers: Numbers) -> Numbers {
    let [tb, tbk, gb, gbk, eb, ebk] = numbers;
    if tb == tbk && ASK_FOR_NOTHING.iter().any(|name| functions.contains(name)) {
        [0, tbk, gb - gbk, gbk, eb - ebk, ebk]
    } else {
        numbers
    }
}

fn assert_named(report: &Recorded, names: &[&str]) {
    let frames = &report.report.frames;
    for name in names {
        let found = frames.iter().any(|frame| frame.contains(&format!(": {name}")));
        assert!(found, "no {name} in {frames:#?}");
    }
}

/// Its tree has no room for stacks of less than a hundredth of all blocks.
fn assert_viewable(results: &Path, counted: &Counted, name: &str) {
    let report = results.join("report.json");
    let page = view(&report, &[BLOCKS], &[name], &results.join("page.png"));
    assert_eq!(page.error(), None);
    let [tb, tbk, gb, gbk, eb, ebk] = counted.total;
    for (line, bytes, blocks) in [("total", tb, tbk), ("peak", gb, gbk), ("end", eb, ebk)] {
        assert_eq!(page.total(line), Shown { bytes, blocks }, "{line}");
    }
    assert!(page.found(BLOCKS, name).is_some(), "{name} is not in the viewer's tree");
}

#[test]
fn one_environment() {
    let runs = run(Program::new("/usr/bin/env", &[]));
    let lines = |ended: &Ended| ended.stdout.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(lines(&runs.ours), lines(&runs.dhat));
    assert!(lines(&runs.ours).len() > 5);
}

#[test]
fn calls_of_a_c_program() {
    let scratch = Scratch::new("calls");
    let program = Program::new(scratch.compile("calls", &[]), &[]);
    compare(program, &["plain (", "aligned (", "resized (", "library ("], 20);
}

#[test]
fn python() {
    let script = script!("modules.py");
    let program = Program::new("/usr/bin/python3", &["-s", "-P", "-c", script]).called("modules");
    let program = program.env("PYTHONHASHSEED", "0").env("PYTHONDONTWRITEBYTECODE", "1");
    let names = ["_PyEval_EvalFrameDefault", "_PyObject_", "PyDict_", "sqlite3_"];
    let runs = compare(program, &names, 200);
    assert_eq!(runs.ours.stdout, "300 44850\n");
}

#[test]
fn sqlite3() {
    let program = Program::new("/usr/bin/sqlite3", &[":memory:", ".read tables.sql"]);
    let program = program.input("tables.sql", script!("tables_in_memory.sql"));
    compare(program, &["sqlite3_step", "sqlite3_exec", "sqlite3_prepare_v2"], 100);
}

/// In a folder made once: in which order a folder lists its files is different in each.
#[test]
fn ripgrep() {
    let searched = Scratch::new("searched");
    for file in 1..=5 {
        let words = (file..3000 * file).map(|n| format!("line {n}\n")).collect::<String>();
        fs::write(searched.join(&format!("file{file}")), words).expect("the folder is ours");
    }
    let folder = searched.path().to_str().expect("a path in UTF-8");
    let program = Program::new("/usr/bin/rg", &["-j1", "-c", "1[23]*7", folder]);
    let runs = compare(program, &["__libc_start_main"], 5);
    assert_eq!(runs.ours.stdout.lines().count(), 5);
}

#[test]
fn git() {
    let script = Program::new("/bin/sh", &["-c", script!("repository.sh")]).called("repository");
    let repository = script.plain().with_status(0).work.join("repository");
    let changed = "one\nline\n".repeat(500);
    fs::write(repository.join("file3"), changed).expect("it is in the target folder");
    let repository = repository.to_str().expect("a path in UTF-8");
    // Otherwise the first of two runs writes what the second then need not find out.
    let options = ["-C", repository, "-c", "diff.autoRefreshIndex=false"];
    let git = |arguments: &[&str]| {
        let arguments: Vec<_> = options.iter().chain(arguments).copied().collect();
        let program = Program::new("/usr/bin/git", &arguments).called(&arguments[4..].join("-"));
        program.env("GIT_PAGER", "cat").env("GIT_CONFIG_NOSYSTEM", "1")
    };
    let log = compare(git(&["log", "--stat", "-5"]), &["inflateInit2_"], 20);
    assert_eq!(log.ours.stdout.matches("changed, ").count(), 5);
    let diff = compare(
        git(&["--no-pager", "diff", "--stat"]),
        &["_nl_make_l10nflist", "inflateInit2_"],
        10,
    );
    assert!(diff.ours.stdout.starts_with(" file3 | "), "{}", diff.ours.stdout);
}

/// The comparison, where one thing is wrong.
mod on_damaged_numbers {
    use serde_json::json;

    use super::traced::dhat_json::Report;
    use super::{Counted, without_bytes_of_nothing};

    fn sample(name: &'static str) -> Counted {
        let point = |bytes: u64, stack: &[u64]| {
            json!({ "tb": bytes, "tbk": 2, "tl": 0, "mb": bytes, "mbk": 1,
                "gb": bytes, "gbk": 1, "eb": bytes, "ebk": 1, "fs": stack })
        };
        let report = json!({
            "dhatFileVersion": 2, "mode": "heap", "verb": "Allocated", "bklt": true, "bkacc": false,
            "tu": "µs", "Mtu": "s", "tuth": 10, "cmd": "it", "pid": 1, "te": 50, "tg": 40,
            "pps": [point(30, &[1, 2, 3]), point(50, &[1, 4, 3]), point(2, &[5, 3])],
            "ftbl": ["[root]", "0x1: malloc (in /a/vgpreload_dhat.so)", "0x2: one@@V_1 (a.c:1)",
                "0x3: main (a.c:9)", "0x4: ??? (in /a/b)", "0x5: zero_sized (a.c:5)"],
        });
        let report = Report::parse(&report.to_string()).expect("a sound report");
        Counted::adjusted(name, &report, without_bytes_of_nothing)
    }

    fn complaints(damage: impl Fn(&mut Counted)) -> Vec<String> {
        let mut damaged = sample("B");
        damage(&mut damaged);
        sample("A").differences(&damaged)
    }

    #[test]
    fn none_where_none_is() {
        let sample = sample("A");
        assert_eq!(sample.total, [80, 6, 81, 3, 81, 3]);
        assert_eq!(sample.functions["one"], [30, 2, 30, 1, 30, 1]);
        assert_eq!(sample.functions["zero_sized"], [0, 2, 1, 1, 1, 1]);
        assert_eq!(sample.functions.len(), 3);
        assert_eq!(complaints(|_| ()), [""; 0]);
    }

    #[test]
    fn a_stack_less() {
        let found = complaints(|counted| {
            counted.stacks.remove(1);
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a stack only in A"), "{found:?}");
    }

    #[test]
    fn bytes_moved_from_stack_to_stack() {
        let found = complaints(|counted| {
            counted.stacks[1][0] -= 1;
            counted.stacks[2][0] += 1;
        });
        assert_eq!(found.len(), 4, "two stacks on each side: {found:?}");
    }

    #[test]
    fn a_number_of_a_function_and_of_all() {
        let found = complaints(|counted| counted.functions.get_mut("one").expect("it")[3] += 1);
        assert_eq!(found, ["one: gbk is 1 in A and 2 in B"]);
        let found = complaints(|counted| counted.total[5] -= 1);
        assert_eq!(found, ["total: ebk is 3 in A and 2 in B"]);
    }
}
