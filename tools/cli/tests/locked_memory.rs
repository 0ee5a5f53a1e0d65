//! Limits of a program that is recorded. `mlockall` locks its memory as ever, and the recording is
//! neither locked, nor made resident, nor held against the limit; address space is left to it.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::path::Path;
use std::process::{Command, Output};

use run_support::{Scratch, status, text};

/// KiB that the recorder may take besides: the library itself, and what a thread's state takes.
const ALLOWED: u64 = 16 << 10;

/// Locked and resident KiB.
fn numbers(output: &Output) -> [u64; 2] {
    let line = text(&output.stdout);
    let numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
    let numbers: Vec<u64> = numbers.collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{line}{}", text(&output.stderr)))
}

/// The program alone, and recorded.
fn both(arguments: &[&str]) -> [Output; 2] {
    let scratch = Scratch::new("locks");
    let program = scratch.compile("locks", &[]);
    let plain = Command::new(&program).args(arguments).output().unwrap();
    let run = ["run", "-o", "r.json", "--", program.to_str().unwrap()];
    let recorded = scratch.run(&[&run, arguments].concat());
    [plain, recorded]
}

fn assert_alike(arguments: &[&str]) {
    let [plain, recorded] = both(arguments);
    assert_eq!((status(&plain), status(&recorded)), (0, 0), "{}", text(&recorded.stdout));
    for (plain, recorded) in numbers(&plain).into_iter().zip(numbers(&recorded)) {
        assert!((plain..plain + ALLOWED).contains(&recorded), "{arguments:?}: {plain} {recorded}");
    }
}

#[test]
fn the_recording_is_not_locked() {
    assert_alike(&[]);
}

#[test]
fn the_recording_is_not_held_against_the_limit() {
    // Enough for the program, and less than a recording's address space.
    assert_alike(&["256"]);
    assert_alike(&["256", "fault"]);
}

#[test]
fn a_program_that_may_not_lock_is_told_so_as_ever() {
    assert!(Path::new("/proc/self/status").exists());
    for output in both(&["1"]) {
        assert_eq!(text(&output.stdout), format!("refused {}\n", libc::ENOMEM));
    }
}

/// KiB of address space that a process may have, as a shell sets it.
fn limited(limit: u32, scratch: &Scratch, words: &[&str]) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -v {limit} && exec \"$@\""), "sh"]).args(words);
    shell.current_dir(scratch.path()).output().unwrap()
}

#[test]
fn a_limited_address_space_is_the_programs() {
    let scratch = Scratch::new("fills");
    let program = scratch.compile("fills", &[]);
    let program = program.to_str().unwrap();
    for limit in [100_000, 300_000, 1_000_000] {
        let plain = limited(limit, &scratch, &[program]);
        let command = env!("CARGO_BIN_EXE_mod-alloc");
        let recorded = limited(limit, &scratch, &[command, "run", "-o", "r.json", "--", program]);
        assert_eq!((status(&plain), status(&recorded)), (0, 0), "{}", text(&recorded.stderr));
        let [plain, recorded] =
            [plain, recorded].map(|output| text(&output.stdout).trim().parse::<u32>().unwrap());
        assert!(recorded >= plain * 7 / 10, "{recorded} of {plain} MiB");
        assert!(
            text(&limited(limit, &scratch, &[command, "report", "r.json"]).stdout).contains("main")
        );
    }
}
