//! Programs that are started by glibc's loader, as portable bundles do: the loader is executed, and
//! the program is one of its words.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use run_support::{Scratch, json, of_program, ours, status, sum_of};

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

#[test]
fn the_program_is_recorded_with_its_names() {
    let scratch = Scratch::new("loader");
    // A bundle may be built either way.
    for flag in ["-pie", "-no-pie"] {
        let program = scratch.compile("shows", &[flag]);
        let program = program.to_str().unwrap();
        let words = ["run", "--", LOADER, "--library-path", "/lib", "--argv0", "x", program, "a"];
        let output = scratch.run(&words);
        assert_eq!(status(&output), 3, "{}", ours(&output));
        assert_eq!(of_program(&output), "");
        let report = scratch.only("mod-alloc.shows.", ".json");
        assert_eq!(sum_of(&json(&report), "by_shows", "tb"), 100_000, "{flag}");
        std::fs::remove_file(report).unwrap();
    }
}

#[test]
fn as_a_child_it_is_recorded_too() {
    let scratch = Scratch::new("loader-child");
    let program = scratch.compile("shows", &[]);
    let script = format!("{LOADER} {}; exit 0", program.display());
    let output = scratch.run(&["run", "--children", "yes", "-o", "r.json", "sh", "-c", &script]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert_eq!(sum_of(&json(&scratch.join("r.json")), "by_shows", "tb"), 100_000);
    assert!(!ours(&output).contains("not recorded"), "{}", ours(&output));
}

#[test]
fn a_static_program_behind_it_is_refused_by_its_own_name() {
    let scratch = Scratch::new("loader-static");
    let program = scratch.compile("shows", &["-static"]);
    let output = scratch.run(&["run", "--", LOADER, program.to_str().unwrap()]);
    let told = ours(&output);
    assert_eq!(status(&output), 125, "{told}");
    assert!(told.contains("shows is statically linked"), "{told}");
}
