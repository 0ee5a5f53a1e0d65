//! `mod-alloc report`, and what all commands do alike.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::process::{Command, Stdio};

use run_support::{Scratch, ours, status, text, with_input};

const REPORT: &str = r#"{"dhatFileVersion":2,"mode":"rust-heap","verb":"Allocated","bklt":true,
"bkacc":false,"tu":"µs","Mtu":"s","tuth":10,"cmd":"app","pid":1,"te":100,"tg":50,"pps":[{"tb":2048,
"tbk":2,"tl":100,"mb":1024,"mbk":1,"gb":1024,"gbk":1,"eb":0,"ebk":0,"fs":[1]}],
"ftbl":["[root]","0x1: app::work (src/main.rs:1:1)"]}"#;

fn scratch() -> Scratch {
    let scratch = Scratch::new("report");
    fs::write(scratch.join("r.json"), REPORT).unwrap();
    scratch
}

#[test]
fn a_file_and_standard_input_give_the_same() {
    let scratch = scratch();
    let file = scratch.run(&["report", "r.json"]);
    assert!(text(&file.stdout).contains(" #1   100.0 %   2.00 KiB  in 2 blocks, living 50 µs\n"));
    assert_eq!(text(&file.stderr), "");
    let piped = with_input(scratch.command(&["report", "-"]), REPORT.as_bytes());
    assert_eq!((status(&piped), piped.stdout), (0, file.stdout));
}

#[test]
fn colours_are_for_who_wants_them() {
    let scratch = scratch();
    let coloured = |words: &[&str], set: &[(&str, &str)]| {
        let output = scratch.command(words).envs(set.iter().copied()).output().unwrap();
        assert_eq!(status(&output), 0, "{}", ours(&output));
        text(&output.stdout).contains('\x1b')
    };
    assert!(!coloured(&["report", "r.json"], &[]));
    assert!(coloured(&["report", "r.json", "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&["report", "r.json"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["report", "r.json"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["--color=never", "report", "r.json"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let scratch = scratch();
    for words in [
        &["report", "r.json"][..],
        &["report", "r.json", "--format=json"],
        &["completions", "bash"],
        &["recover"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output =
            scratch.command(words).stdout(Stdio::from(writer)).stderr(Stdio::piped()).spawn();
        let output = output.unwrap().wait_with_output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(status(&output), 0, "{words:?} {told}");
        assert!(told.is_empty() || words == ["recover"], "{told}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let scratch = scratch();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = scratch.command(&["report", "r.json"]).stdout(full).output().unwrap();
    assert_eq!(status(&output), 1);
    assert!(ours(&output).contains("No space left on device"), "{}", ours(&output));
}

#[test]
fn what_is_no_report_is_named_with_the_way_out() {
    let scratch = scratch();
    fs::write(scratch.join("text"), "x").unwrap();
    fs::write(scratch.join("old"), r#"{"dhatFileVersion":1}"#).unwrap();
    fs::write(scratch.join("other"), "{}").unwrap();
    fs::write(scratch.join("frames"), REPORT.replace("\"fs\":[1]", "\"fs\":[9]")).unwrap();
    for (file, part) in [
        ("missing", "missing: No such file"),
        (".", ".: Is a directory"),
        ("text", "text: no recording, and not JSON"),
        ("old", "old: no recording, and dhat file version 1; only version 2"),
        ("other", "other: no recording, and not a dhat report: it has no dhatFileVersion"),
        ("frames", "pps[0] names frame 9, and ftbl has 2"),
    ] {
        let output = scratch.run(&["report", file]);
        assert_eq!(status(&output), 1);
        assert!(ours(&output).contains(part), "{}", ours(&output));
        assert_eq!(ours(&output), text(&output.stderr));
    }
}

#[test]
fn other_profilers_reports_are_read() {
    let scratch = scratch();
    let program = scratch.compile("work", &[]);
    for (mode, part) in [
        ("heap", "Still live at the end"),
        ("ad-hoc", "Nothing is known of frees"),
        ("copy", "mode copy"),
    ] {
        let file = scratch.join(mode);
        let mut valgrind = Command::new("valgrind");
        valgrind.arg("--tool=dhat").arg(format!("--mode={mode}"));
        valgrind.arg(format!("--dhat-out-file={}", file.display())).arg(&program);
        let output =
            valgrind.stdin(Stdio::null()).output().expect("tools/check/setup installs valgrind");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let output = scratch.run(&["report", mode]);
        assert_eq!(status(&output), 0, "{}", ours(&output));
        assert!(text(&output.stdout).contains(part), "{}", text(&output.stdout));
    }
    let heap = text(&scratch.run(&["report", "heap"]).stdout);
    assert!(heap.contains("1000 B  in 10 blocks") && heap.contains("work  work.c:"), "{heap}");
}

#[test]
fn usage_errors_have_their_status_and_our_name() {
    let scratch = scratch();
    for (words, expected) in [
        (&["report", "--bad"][..], 2),
        (&["bad"], 2),
        (&[], 2),
        (&["report", "r.json", "--sort", "bad"], 2),
        (&["run", "--bad", "ls"], 125),
        (&["run"], 125),
        (&["run", "--frames", "257", "ls"], 125),
        (&["--color", "always", "run", "--children", "maybe", "ls"], 125),
    ] {
        let output = scratch.run(words);
        assert_eq!(status(&output), expected, "{words:?}");
        assert!(text(&output.stdout).is_empty());
        assert!(
            ours(&output).contains("Usage: mod-alloc") || ours(&output).contains("--help"),
            "{}",
            ours(&output)
        );
        assert_eq!(ours(&output), text(&output.stderr));
    }
}

#[test]
fn help_and_version_are_data() {
    let scratch = scratch();
    for words in [
        &["--help"][..],
        &["run", "--help"],
        &["help", "report"],
        &["recover", "-h"],
        &["--version"],
    ] {
        let output = scratch.run(words);
        assert_eq!((status(&output), text(&output.stderr).as_str()), (0, ""), "{words:?}");
        assert!(!output.stdout.is_empty());
    }
    let version = text(&scratch.run(&["--version"]).stdout);
    assert_eq!(version, format!("mod-alloc {}\n", env!("CARGO_PKG_VERSION")));
    assert!(
        text(&scratch.run(&["run", "--help"]).stdout)
            .contains("Examples:\n  mod-alloc run ls -la\n")
    );
}

#[test]
fn cargo_s_command_is_called_by_cargo_s_name() {
    let scratch = scratch();
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-mod-alloc"));
        let output = command.args(words).current_dir(scratch.path()).output().unwrap();
        (status(&output), text(&output.stdout) + &text(&output.stderr))
    };
    for words in [&["mod-alloc", "--help"][..], &["--help"]] {
        let (status, told) = run(words);
        assert!(
            status == 0 && told.contains("Usage: cargo mod-alloc [OPTIONS] <COMMAND>"),
            "{told}"
        );
    }
    let (status, told) = run(&["mod-alloc", "report", "--bad"]);
    assert!(status == 2 && told.contains("Usage: cargo mod-alloc report"), "{told}");
    let (status, told) = run(&["mod-alloc", "report", "r.json"]);
    assert!(status == 0 && told.contains("app::work"), "{told}");
}

#[test]
fn completions_are_made_of_the_definition() {
    let scratch = scratch();
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&scratch.run(&["completions", shell]).stdout);
        assert!(script.contains("recover") && script.contains("children"), "{shell}");
    }
    fs::write(scratch.join("m.bash"), scratch.run(&["completions", "bash"]).stdout).unwrap();
    let complete = "source m.bash; [[ $(complete -p mod-alloc) =~ -F\\ ([^ ]+) ]]; \
         COMP_WORDS=(mod-alloc rec); COMP_CWORD=1; ${BASH_REMATCH[1]} mod-alloc rec mod-alloc; echo $COMPREPLY";
    let output =
        Command::new("bash").args(["-c", complete]).current_dir(scratch.path()).output().unwrap();
    assert_eq!(text(&output.stdout), "recover\n", "{}", text(&output.stderr));
}
