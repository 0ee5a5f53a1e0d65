//! `mod-alloc report --suppress`, and the blocks that the C and C++ libraries are known to keep.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::process::Command;

use run_support::{Scratch, ours, status, text};
use serde_json::Value;

const REPORT: &str = r#"{"dhatFileVersion":2,"mode":"rust-heap","verb":"Allocated","bklt":true,
"bkacc":false,"tu":"µs","Mtu":"s","tuth":10,"cmd":"app","pid":1,"te":100,"tg":50,"pps":[
{"tb":6000,"tbk":6,"tl":6000,"mb":1,"mbk":1,"gb":0,"gbk":0,"eb":600,"ebk":1,"fs":[1,3]},
{"tb":3000,"tbk":3,"tl":3000,"mb":1,"mbk":1,"gb":0,"gbk":0,"eb":30,"ebk":3,"fs":[1,4,3]},
{"tb":1000,"tbk":1,"tl":1000,"mb":1,"mbk":1,"gb":0,"gbk":0,"eb":5,"ebk":1,"fs":[2,3]}],
"ftbl":["[root]","0x1: app::parse (src/parse.rs:10:1)","0x2: draw (in /usr/lib/libdraw.so.2)",
"0x3: app::main (src/main.rs:3:1)","0x4: app::retry (src/main.rs:9:1)"]}"#;

fn scratch() -> Scratch {
    let scratch = Scratch::new("suppressions");
    fs::write(scratch.join("r.json"), REPORT).unwrap();
    scratch
}

/// The report of `file` as data, with the suppressions that `text` holds, if there is any.
fn json(scratch: &Scratch, file: &str, options: &[&str]) -> Value {
    let words = [&["report", file, "--format", "json", "--stacks", "--sort", "end"], options];
    let output = scratch.run(&words.concat());
    assert_eq!((status(&output), ours(&output)), (0, String::new()), "{options:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn with(scratch: &Scratch, suppressions: &str) -> Value {
    fs::write(scratch.join("s.supp"), suppressions).unwrap();
    json(scratch, "r.json", &["--suppress", "s.supp"])
}

/// Bytes at the end that are shown, and that are not.
fn shown_and_not(report: &Value) -> (u64, u64) {
    let number = |value: &Value| value.as_u64().unwrap();
    (number(&report["totals"]["end_bytes"]), number(&report["suppressed"]["end_bytes"]))
}

#[test]
fn lines_of_leak_sanitizer_fit_functions_files_and_modules() {
    let scratch = scratch();
    assert_eq!(shown_and_not(&json(&scratch, "r.json", &[])), (635, 0));
    for (line, suppressed) in [
        ("leak:parse", 630),
        ("leak:^app::retry$", 30),
        ("leak:^retry", 0),
        ("leak:libdraw.so", 5),
        ("leak:src/main.rs", 635),
        ("leak:app::*try", 30),
        ("# all\n\nleak:draw\nleak:retry\n", 35),
    ] {
        let report = with(&scratch, line);
        assert_eq!(shown_and_not(&report), (635 - suppressed, suppressed), "{line}");
    }
}

#[test]
fn blocks_of_valgrind_fit_stacks_from_their_innermost_frame() {
    let scratch = scratch();
    for (stack, suppressed) in [
        ("fun:app::parse", 630),
        ("fun:malloc\nfun:app::parse\nfun:app::retry", 30),
        ("fun:app::retry", 0),
        ("...\nfun:app::retry", 30),
        ("fun:app::parse\n...\nfun:app::main", 630),
        ("fun:app::parse\nfun:app::main", 600),
        ("obj:*/libdraw.so*", 5),
        ("src:parse.rs:10\n", 630),
        ("src:parse.rs:11\n", 0),
        ("fun:*pars?", 630),
    ] {
        let report = with(&scratch, &format!("{{\n a name\n Memcheck:Leak\n{stack}\n}}\n"));
        assert_eq!(shown_and_not(&report), (635 - suppressed, suppressed), "{stack}");
    }
    let other = "{\n a name\n Memcheck:Cond\n fun:app::parse\n}\n";
    assert_eq!(shown_and_not(&with(&scratch, other)), (635, 0));
}

#[test]
fn what_is_suppressed_is_counted_and_the_rest_stays() {
    let scratch = scratch();
    let report = with(&scratch, "leak:retry\nleak:parse\nleak:nobody\n");
    let suppressed = &report["suppressed"];
    assert_eq!((&suppressed["stacks"], &suppressed["end_blocks"]), (&2.into(), &4.into()));
    let rule = |index: usize| {
        let rule = &suppressed["rules"][index];
        (rule["pattern"].as_str().unwrap(), rule["end_bytes"].as_u64().unwrap())
    };
    assert_eq!((rule(0), rule(1)), (("leak:retry", 30), ("leak:parse", 600)));
    assert_eq!(suppressed["rules"].as_array().unwrap().len(), 2);
    assert_eq!(report["totals"]["total_bytes"], 10_000);
    assert_eq!(report["sites"]["end"].as_array().unwrap().len(), 1);
    let shown = text(&scratch.run(&["report", "r.json", "--suppress", "s.supp"]).stdout);
    for part in [
        "  at end         5 B              1  without 630 B suppressed\n",
        "\nStill live at the end\n  suppressed: 2 stacks, 630 B in 4 blocks: leak:retry, leak:parse\n",
        "\nMost bytes allocated\n #1    90.0 %   8.79 KiB",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let tree = ["report", "r.json", "--suppress", "s.supp", "--tree", "--sort", "end"];
    let tree = text(&scratch.run(&tree).stdout);
    assert!(tree.contains("\n  suppressed: 2 stacks,") && !tree.contains("app::parse"), "{tree}");
    assert_eq!(fs::read_to_string(scratch.join("r.json")).unwrap(), REPORT);
}

#[test]
fn a_bad_file_is_named_with_its_line() {
    let scratch = scratch();
    for (suppressions, part) in [
        ("leak:a\nleek:b\n", "s.supp:2: \"leek:b\" is no suppression"),
        ("leak:*\n", "s.supp:1: the pattern of \"leak:*\" fits every stack"),
        ("{\n n\n Memcheck:Leak\n fun:f\n", "s.supp:1: this block has no `}`"),
        (
            "{\n n\n Memcheck:Leak\n fun:_ZN1a1fEv\n}",
            "s.supp:4: _ZN1a1fEv is a name as it is linked",
        ),
    ] {
        fs::write(scratch.join("s.supp"), suppressions).unwrap();
        let output = scratch.run(&["report", "r.json", "--suppress", "s.supp"]);
        assert_eq!((status(&output), text(&output.stdout)), (1, String::new()));
        assert!(ours(&output).contains(part), "{}", ours(&output));
    }
    let output = scratch.run(&["report", "r.json", "--suppress", "missing"]);
    assert_eq!(status(&output), 1);
    assert!(ours(&output).contains("missing: No such file"), "{}", ours(&output));
}

/// Profiles `program`, and gives the report's file.
fn profiled(scratch: &Scratch, program: &std::path::Path) -> &'static str {
    let mut command = scratch.command(&["run", "-o", "p.json", "--"]);
    // A locale other than C has tables.
    let output = command.arg(program).env("LC_ALL", "C.UTF-8").output().unwrap();
    assert_eq!(status(&output), 0, "{}", ours(&output));
    "p.json"
}

/// Functions in stacks that are live at the end.
fn at_the_end(report: &Value) -> Vec<String> {
    let sites = report["sites"]["end"].as_array().unwrap().iter();
    let frames = sites.flat_map(|site| site["frames"].as_array().unwrap());
    frames.filter_map(|frame| frame["function"].as_str().map(String::from)).collect()
}

#[test]
fn what_glibc_keeps_is_no_leak() {
    let scratch = scratch();
    let file = profiled(&scratch, &scratch.compile("known_leaks", &["-w", "-pthread", "-ldl"]));
    let report = json(&scratch, file, &["--top", "1000"]);
    // Without debug files some of glibc's functions have no names, and such a stack is not known.
    let sites = report["sites"]["end"].as_array().unwrap();
    let mut has_names = true;
    for frames in sites.iter().map(|site| site["frames"].as_array().unwrap()) {
        let is_named = frames.iter().all(|frame| !frame["function"].is_null());
        assert!(!is_named || frames[0]["function"] == "main", "{frames:?}");
        has_names &= is_named;
    }
    assert_eq!(report["totals"]["end_bytes"] == 12_345, has_names);
    let rules = report["suppressed"]["rules"].as_array().unwrap();
    let names: Vec<_> = rules.iter().map(|rule| rule["name"].as_str().unwrap()).collect();
    for name in [
        "buffers of stdin and stdout",
        "locales of setlocale",
        "catalogues of gettext",
        "libraries that glibc loads for itself",
        "descriptors of threads",
        "name services",
        "the time zone",
        "texts of errors",
        "tables of character sets",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert!(names.contains(&"lists of exit handlers") || !has_names, "{names:?}");
    // All is there again, and as in the file.
    let all = json(&scratch, file, &["--suppress", "none"]);
    let all = shown_and_not(&all);
    let (shown, not_shown) = shown_and_not(&report);
    assert_eq!(all, (shown + not_shown, 0));
}

#[test]
fn what_a_program_leaks_by_the_c_library_is_shown() {
    let scratch = scratch();
    let file = profiled(&scratch, &scratch.compile("user_leaks", &["-w", "-pthread", "-ldl"]));
    let report = json(&scratch, file, &["--top", "1000"]);
    let shown = at_the_end(&report);
    let all = at_the_end(&json(&scratch, file, &["--top", "1000", "--suppress", "none"]));
    for part in [
        "fopen",
        "fprintf",
        "file_doallocate",
        "newlocale",
        "pthread_create",
        "getaddrinfo",
        "dlopen",
        "environ",
        "asprintf",
        "strdup",
        "getcwd",
        "opendir",
        "realpath",
        "regcomp",
    ] {
        let is_in = |names: &[String]| names.iter().any(|name| name.contains(part));
        assert_eq!(is_in(&shown), is_in(&all), "{part}: {shown:?}");
    }
    let rules = report["suppressed"]["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["name"] == "name services"), "{rules:?}");
    // A result of `getaddrinfo` is the caller's.
    assert!(shown.iter().any(|name| name.contains("getaddrinfo")), "{shown:?}");
}

#[test]
fn a_program_of_c_plus_plus_has_no_leaks_of_its_library() {
    let scratch = scratch();
    let source = "#include <iostream>\nint main() { std::cout << 3 << std::endl; }\n";
    fs::write(scratch.join("hello.cc"), source).unwrap();
    let program = scratch.join("hello");
    let mut compiler = Command::new("c++");
    compiler.arg("-g").arg("-o").arg(&program).arg(scratch.join("hello.cc"));
    assert!(compiler.status().expect("tools/check/setup installs c++").success());
    let report = json(&scratch, profiled(&scratch, &program), &[]);
    let (shown, not_shown) = shown_and_not(&report);
    assert_eq!(shown, 0, "{:?}", at_the_end(&report));
    assert!(not_shown > 70_000, "the pool for exceptions");
    // `run` shows it as `report` does.
    let mut command = scratch.command(&["run", "--format", "text", "-o", "-", "--"]);
    let output = command.arg(&program).output().unwrap();
    let shown = text(&output.stdout);
    assert!(shown.contains("libstdc++'s pool for exceptions"), "{shown}");
}
