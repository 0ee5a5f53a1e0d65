//! Writes past a block's end: found at the free, counted, and passed on to a debugging allocator,
//! which finds what it finds without us.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Output;

use run_support::{Scratch, ours, status, text};
use serde_json::Value;

struct Overruns {
    scratch: Scratch,
    program: PathBuf,
}

impl Overruns {
    fn new() -> Self {
        let scratch = Scratch::new("overruns");
        let program = scratch.compile("overruns", &[]);
        Overruns { scratch, program }
    }

    fn recorded(&self, case: &str, environment: &[(&str, &str)]) -> (Output, Value) {
        let words = ["run", "-o", "r.json", "--", self.program.to_str().unwrap(), case];
        let output = self.scratch.command(&words).envs(environment.iter().copied()).output();
        (output.unwrap(), run_support::json(&self.scratch.join("r.json")))
    }
}

/// The losses that are not zero.
fn lost(report: &Value) -> Vec<(&str, u64)> {
    let losses = report["x_losses"].as_object().unwrap().iter();
    let figures = losses.map(|(key, figure)| (key.as_str(), figure.as_u64().unwrap()));
    figures.filter(|(_, figure)| *figure != 0).collect()
}

/// Blocks live at the end, but for standard output's buffer.
fn left(report: &Value) -> u64 {
    let sites = report["pps"].as_array().unwrap().iter();
    sites
        .filter(|site| site["tb"] != 4096 && site["tb"] != 1024)
        .map(|site| site["ebk"].as_u64().unwrap())
        .sum()
}

#[test]
fn a_byte_past_the_end_is_counted_and_the_block_is_known() {
    let overruns = Overruns::new();
    for case in ["slack", "end", "resized"] {
        let (output, report) = overruns.recorded(case, &[]);
        assert_eq!(text(&output.stdout), "over\n", "{}", ours(&output));
        assert_eq!(lost(&report), [("overruns", 1)], "{case}");
        assert_eq!(left(&report), 0, "{case}");
        let line = "Lost: 1 block with bytes written past the end";
        assert!(ours(&output).contains(line), "{}", ours(&output));
    }
}

#[test]
fn with_lifetimes_the_slack_is_watched_too() {
    let (output, report) = Overruns::new().recorded("slack", &[("MOD_ALLOC_LIFETIMES", "on")]);
    assert_eq!(status(&output), 0);
    assert_eq!((lost(&report), left(&report)), (vec![("overruns", 1)], 0));
}

#[test]
fn a_trailer_that_is_gone_is_counted() {
    let (output, report) = Overruns::new().recorded("far", &[]);
    assert_eq!(status(&output), 0);
    let expected = [("damaged_bytes", 56), ("damaged_trailers", 1)];
    let mut lost = lost(&report);
    lost.sort_unstable();
    assert_eq!(lost, expected);
    assert_eq!(left(&report), 1, "it is shown as live");
}

#[test]
fn a_program_may_use_all_that_it_is_told_of() {
    for environment in [&[][..], &[("MOD_ALLOC_LIFETIMES", "on")]] {
        let (output, report) = Overruns::new().recorded("", environment);
        assert_eq!(status(&output), 0);
        assert_eq!((lost(&report), left(&report)), (vec![], 0));
    }
}

/// glibc's own, which programs find by the version of its functions.
#[test]
fn a_debugging_allocator_finds_what_it_finds_without_us() {
    const LIBRARY: &str = "libc_malloc_debug.so.0";
    let overruns = Overruns::new();
    let environment = [("LD_PRELOAD", LIBRARY), ("MALLOC_CHECK_", "3")];
    for (case, ends) in [("", None), ("end", Some(libc::SIGABRT)), ("resized", Some(libc::SIGABRT))]
    {
        let mut plain = std::process::Command::new(&overruns.program);
        let plain = plain.arg(case).envs(environment).output().unwrap();
        assert_eq!(plain.status.signal(), ends, "{case}: {}", text(&plain.stderr));
        let (output, report) = overruns.recorded(case, &environment);
        let killed = ends.map_or(0, |signal| 128 + signal);
        assert_eq!(status(&output), killed, "{case}: {}", ours(&output));
        assert_eq!(output.stdout, plain.stdout);
        assert!(text(&output.stderr).starts_with(&text(&plain.stderr)), "{}", text(&output.stderr));
        assert_eq!(lost(&report), if ends.is_some() { vec![("overruns", 1)] } else { vec![] });
    }
}
