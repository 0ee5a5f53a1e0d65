//! Outputs that cannot be written: found before the program starts where that can be, and nothing
//! is said to be saved that is not.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use run_support::{Scratch, ours, status, text};

/// The program has not run, and nothing was left.
fn assert_not_started(scratch: &Scratch, output: &Output, part: &str) {
    let said = ours(output);
    assert_eq!(status(output), 125, "{said}");
    assert!(said.contains(part), "{part}: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(!scratch.join("ran").exists(), "{said}");
}

#[test]
fn what_cannot_be_written_is_found_before_the_program_starts() {
    let scratch = Scratch::new("outputs");
    for (out, part) in [
        ("no/such/r.json", "cannot be written to no/such/r.json: No such file"),
        ("/dev/full", "cannot be written to /dev/full: No space left"),
        ("/proc/r.json", "cannot be written to /proc/r.json: "),
    ] {
        for more in [&["--children", "no"][..], &["--children", "yes"], &["--html"]] {
            let words = [&["run", "-o", out][..], more, &["--", "touch", "ran"]].concat();
            assert_not_started(&scratch, &scratch.run(&words), part);
        }
    }
    let mut here = scratch.command(&["run", "sh", "-c", "touch /proc/ran"]);
    let output = here.current_dir("/proc").output().unwrap();
    assert_not_started(&scratch, &output, "the report cannot be written to .: ");
    assert_eq!(scratch.names(), [""; 0]);
}

#[test]
fn a_closed_standard_output_is_no_output() {
    let scratch = Scratch::new("closed");
    let run = |words: &str| {
        let mut shell = std::process::Command::new("sh");
        let script = format!("exec {} {words} >&-", env!("CARGO_BIN_EXE_mod-alloc"));
        shell.args(["-c", &script]).current_dir(scratch.path()).output().unwrap()
    };
    let output = run("run -o - --format text -- touch ran");
    assert_not_started(&scratch, &output, "cannot be written to -: Bad file descriptor");
    assert_eq!(status(&scratch.run(&["run", "-o", "r.json", "sh", "-c", ":"])), 0);
    for words in ["report r.json", "export r.json --to collapsed -o -"] {
        let output = run(words);
        assert_eq!(status(&output), 1, "{words}: {}", ours(&output));
        assert!(ours(&output).contains("Bad file descriptor"), "{words}: {}", ours(&output));
    }
}

/// Whatever the mask of permissions allows.
#[test]
fn others_may_read_outputs_and_not_write_them() {
    let scratch = Scratch::new("permissions");
    let script =
        format!("umask 0; exec {} run -o r.json --html -- true", env!("CARGO_BIN_EXE_mod-alloc"));
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", &script]).current_dir(scratch.path()).output().unwrap();
    assert_eq!(status(&output), 0, "{}", ours(&output));
    for name in ["r.json", "r.html"] {
        let mode = fs::metadata(scratch.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{name}");
    }
}

#[test]
fn nothing_is_saved_that_could_not_be_written() {
    let scratch = Scratch::new("gone");
    for more in [&["--children", "yes", "--sum"][..], &["--html"]] {
        fs::create_dir(scratch.join("gone")).unwrap();
        let program = ["-o", "gone/r.json", "--record", "rec", "--", "sh", "-c", "rmdir gone"];
        let output = scratch.run(&[&["run"][..], more, &program].concat());
        let said = ours(&output);
        assert_eq!(status(&output), 125, "{said}");
        assert!(said.contains("writing the report to gone/r.json failed: No such file"), "{said}");
        assert!(!said.contains("saved") && !said.contains("report of its own"), "{said}");
        assert_eq!(text(&output.stdout), "");
        let rec = scratch.join("rec");
        if rec.is_dir() { fs::remove_dir_all(rec) } else { fs::remove_file(rec) }.unwrap();
    }
}

#[test]
fn neither_the_program_nor_what_is_read_is_overwritten() {
    let scratch = Scratch::new("spared");
    let program = scratch.compile("work", &[]);
    let before = fs::read(&program).unwrap();
    let path = program.to_str().unwrap();
    let refused = scratch.run(&["run", "-o", path, "--", path]);
    assert_not_started(&scratch, &refused, "it would take the place of what is read");
    assert_eq!(fs::read(&program).unwrap(), before);
    assert_eq!(status(&scratch.run(&["run", "-o", "r.json", "--", path, "0"])), 0);
    let report = fs::read(scratch.join("r.json")).unwrap();
    for words in [
        &["export", "r.json", "--to", "svg", "-o", "r.json"][..],
        &["report", "r.json", "--html", "-o", "r.json"],
    ] {
        let output = scratch.run(words);
        assert_eq!(status(&output), 1, "{words:?}");
        assert!(ours(&output).contains("the place of what is read"), "{}", ours(&output));
        assert_eq!(fs::read(scratch.join("r.json")).unwrap(), report, "{words:?}");
    }
}
