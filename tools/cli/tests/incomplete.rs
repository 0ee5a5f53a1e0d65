//! Copies of recordings of which a part is missing, and recordings of programs that never began:
//! each is refused and said to be so, and no report is written.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

use mod_alloc::recording::file::RecordingFile;
use run_support::{Scratch, json, ours, status, sum, text};

const PAGE: u64 = 4096;

/// The recording of a program that has exited, with the room that it had to grow.
fn large(scratch: &Scratch, name: &str, words: &[&str]) -> Vec<u64> {
    let path = scratch.join(name);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("LD_PRELOAD", env!("MOD_ALLOC_PRELOAD_LIBRARY"));
    command.env("MOD_ALLOC_RECORD", &path).stdout(Stdio::null());
    assert!(command.status().expect("it can be started").success());
    let file = File::open(&path).expect("the recording is there");
    let pages = (0..file.metadata().expect("a file").len() / PAGE).filter(|page| {
        let mut bytes = [0; PAGE as usize];
        // Holes are skipped: a read of all of them takes too long.
        let is_data = next_data(&file, page * PAGE) == Some(page * PAGE);
        is_data && file.read_at(&mut bytes, page * PAGE).is_ok() && bytes != [0; PAGE as usize]
    });
    pages.collect()
}

fn next_data(file: &File, from: u64) -> Option<u64> {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is the file's.
    u64::try_from(unsafe { libc::lseek(file.as_raw_fd(), from as i64, libc::SEEK_DATA) }).ok()
}

fn copy(scratch: &Scratch, from: &str, to: &str) -> File {
    let mut cp = Command::new("cp");
    let output = cp.arg("--sparse=always").arg(scratch.join(from)).arg(scratch.join(to)).output();
    assert!(output.expect("cp is there").status.success());
    File::options().write(true).open(scratch.join(to)).expect("a copy")
}

/// Refused by name, and nothing else is written.
fn assert_refused(scratch: &Scratch, name: &str, part: &str) {
    let before = scratch.names();
    for words in [
        &["report", name][..],
        &["recover", name],
        &["recover", name, "-o", "out.json"],
        &["export", name, "--to", "collapsed", "-o", "out.txt"],
        &["merge", name, name, "-o", "out.json"],
    ] {
        let output = scratch.run(words);
        let said = ours(&output);
        assert_eq!(status(&output), 1, "{words:?}: {said}");
        assert!(said.contains(name) && said.contains(part), "{words:?}: {said}");
        assert!(!said.contains("saved") && !said.contains("Total"), "{words:?}: {said}");
        assert_eq!(text(&output.stdout), "", "{words:?}");
    }
    assert_eq!(scratch.names(), before);
}

#[test]
fn a_copy_that_was_cut_is_refused() {
    let scratch = Scratch::new("cut");
    let pages = large(&scratch, "large", &["sh", "-c", "echo $(ls /)"]);
    let end = (pages.last().expect("it has pages") + 1) * PAGE;
    let lengths = [PAGE, 5000, 64 << 10, 1 << 20, 64 << 20, 100 << 20, end / 2, end - PAGE];
    for length in lengths {
        copy(&scratch, "large", "cut").set_len(length).expect("it can be cut");
        assert_refused(&scratch, "cut", "bytes that it uses are missing");
    }
    copy(&scratch, "large", "cut").set_len(end - PAGE).expect("it can be cut");
    let output = scratch.run(&["recover", "--incomplete", "cut", "-o", "rest.json"]);
    assert_eq!(status(&output), 1, "{}", ours(&output));
    assert!(ours(&output).contains("cut: the report is incomplete: "), "{}", ours(&output));
    let shown = text(&scratch.run(&["report", "rest.json"]).stdout);
    assert!(shown.contains("the recording is incomplete: "), "{shown}");
    assert!(!shown.contains("\nNothing was lost") && !shown.contains("running"), "{shown}");
    assert!(sum(&json(&scratch.join("rest.json")), "tbk") > 0);
    let whole = copy(&scratch, "large", "whole");
    assert_eq!(status(&scratch.run(&["report", "whole"])), 0);
    drop(whole);
}

#[test]
fn a_copy_whose_pages_are_empty_is_refused() {
    let scratch = Scratch::new("holes");
    let pages = large(&scratch, "large", &["sh", "-c", "echo $(ls /)"]);
    assert!(pages.len() > 8, "{pages:?}");
    for page in pages.into_iter().skip(1) {
        let copied = copy(&scratch, "large", "hole");
        copied.write_all_at(&[0; PAGE as usize], page * PAGE).expect("it can be written");
        let output = scratch.run(&["recover", "hole", "-o", "out.json"]);
        let said = ours(&output);
        assert_eq!(status(&output), 1, "page {page}: {said}");
        assert!(said.contains("hole: a damaged recording: "), "page {page}: {said}");
        assert!(said.contains(" missing"), "page {page}: {said}");
        assert!(!scratch.join("out.json").exists(), "page {page}");
    }
}

/// Its content is whole, and its length that of its content.
#[test]
fn a_recording_that_is_kept_is_small() {
    let scratch = Scratch::new("small");
    let sh = ["sh", "-c", "echo $(ls /)"];
    let output = scratch.run(&[&["run", "--record", "rec", "-o", "r.json"][..], &sh].concat());
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let length = |name: &str| fs::metadata(scratch.join(name)).expect("a recording").len();
    assert!(length("rec") < 2 << 20, "{} bytes", length("rec"));
    let of_run = json(&scratch.join("r.json"));
    for length in [length("rec") / 2, length("rec") - 1] {
        let cut = copy(&scratch, "rec", "cut");
        cut.set_len(length).expect("it can be cut");
        assert_refused(&scratch, "cut", "bytes that it uses are missing");
    }
    assert_eq!(status(&scratch.run(&["recover", "rec", "-o", "again.json"])), 0);
    let again = json(&scratch.join("again.json"));
    for key in ["pps", "ftbl", "x_threads", "x_timeline", "x_losses", "x_histograms"] {
        assert_eq!(again[key], of_run[key], "{key}");
    }
}

/// `recover` makes the recording small, and nothing of it is lost.
#[test]
fn a_recovered_recording_is_small() {
    let scratch = Scratch::new("recovered");
    large(&scratch, "large", &["sh", "-c", "echo $(ls /)"]);
    let modified = || fs::metadata(scratch.join("large")).and_then(|facts| facts.modified()).ok();
    let before = modified();
    // A process that has it mapped would be ended by SIGBUS if that file were cut.
    let opened = File::open(scratch.join("large")).expect("a recording");
    let whole = opened.metadata().expect("it is open").len();
    assert_eq!(status(&scratch.run(&["recover", "large", "-o", "first.json"])), 0);
    let length = fs::metadata(scratch.join("large")).expect("it stays").len();
    assert!(length < 4 << 20, "{length} bytes");
    assert_eq!(opened.metadata().expect("it is open").len(), whole, "another file is in its place");
    assert_eq!(modified(), before, "it tells when the process ended");
    assert_eq!(status(&scratch.run(&["recover", "large", "-o", "second.json"])), 0);
    let [first, second] = ["first.json", "second.json"].map(|name| json(&scratch.join(name)));
    assert!(sum(&first, "tb") > 0);
    for key in ["tb", "tbk", "mb", "gb", "gbk", "eb", "ebk"] {
        assert_eq!(sum(&first, key), sum(&second, key), "{key}");
    }
    assert_eq!((&first["ftbl"], &first["x_losses"]), (&second["ftbl"], &second["x_losses"]));
}

#[test]
fn a_program_that_never_began_is_said_to_be_so() {
    const PROCESS: u64 = 192;
    let scratch = Scratch::new("never");
    large(&scratch, "never", &["true"]);
    let file = File::options().write(true).open(scratch.join("never")).expect("a recording");
    file.write_all_at(&[0; 4], PROCESS).expect("it can be written");
    assert_refused(&scratch, "never", "its program ended before it began to record");
}

/// `recover` invents nothing: of a program without blocks there is no report.
#[test]
fn a_recording_without_blocks_gives_no_report() {
    let scratch = Scratch::new("nothing");
    let source = "int main(void) { return 0; }";
    fs::write(scratch.join("nothing.c"), source).expect("a file");
    let mut cc = Command::new("cc");
    cc.current_dir(scratch.path()).args(["-o", "nothing", "nothing.c"]);
    assert!(cc.status().expect("cc is there").success());
    let program = scratch.join("nothing");
    large(&scratch, "rec", &[program.to_str().expect("text")]);
    let read = RecordingFile::open(&scratch.join("rec")).and_then(|file| file.read());
    assert_eq!(read.expect("it is whole").sites, []);
    let output = scratch.run(&["recover", "rec", "-o", "out.json"]);
    assert_eq!(status(&output), 1, "{}", ours(&output));
    assert!(ours(&output).contains("rec: its program had allocated nothing"), "{}", ours(&output));
    assert!(!Path::new(&scratch.join("out.json")).exists());
}
