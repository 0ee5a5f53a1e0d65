//! Recordings of earlier runs: listed, removed when asked, and kept within bounds. All are in a
//! folder for temporary files of the test's own; those of other tests in `/dev/shm` are too young.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, SystemTime};

use run_support::{Scratch, ours, status, text};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn mod_alloc(scratch: &Scratch, words: &[&str]) -> Output {
    scratch.command(words).env("TMPDIR", scratch.path()).output().unwrap()
}

/// The recording of a program that has ended; a report of it was made.
fn seed(scratch: &Scratch) -> PathBuf {
    let words = ["run", "--record", "seed", "-o", "r.json", "sh", "-c", ":"];
    let output = mod_alloc(scratch, &words);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    scratch.join("seed")
}

/// A copy of it in the folder of an earlier run, that old.
fn left(scratch: &Scratch, seed: &Path, run: &str, age: u64) -> PathBuf {
    let folder = scratch.join(&format!("mod-alloc.{run}"));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("recording.1");
    fs::copy(seed, &path).unwrap();
    make_old(&path, age);
    path
}

fn make_old(path: &Path, age: u64) {
    let then = SystemTime::now() - Duration::from_secs(age);
    File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

#[test]
fn those_of_an_age_are_removed() {
    let scratch = Scratch::new("clean");
    let seed = seed(&scratch);
    let ages = [("a", HOUR), ("b", 23 * HOUR), ("c", 25 * HOUR), ("d", 30 * DAY)];
    let left: Vec<_> = ages.iter().map(|(run, age)| left(&scratch, &seed, run, *age)).collect();
    for age in ["", "1", "yesterday", "1y"] {
        let output = mod_alloc(&scratch, &["recover", "--clean", "--older-than", age]);
        assert_eq!(status(&output), 2, "{age}");
        assert!(ours(&output).contains("30m"), "{}", ours(&output));
    }
    assert_eq!(status(&mod_alloc(&scratch, &["recover", "--older-than", "1d"])), 2);
    let output = mod_alloc(&scratch, &["recover", "--clean", "--older-than", "1d"]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert!(ours(&output).contains("removed 2 recordings of earlier runs ("), "{}", ours(&output));
    assert!(ours(&output).contains(", without a report\n"), "{}", ours(&output));
    let there: Vec<_> = left.iter().map(|path| path.exists()).collect();
    assert_eq!(there, [true, true, false, false]);
    assert!(!left[3].parent().unwrap().exists(), "the folder is empty");
}

/// A program that is killed when the test no longer needs it, or fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The program lives, or the run has not made its report yet.
#[test]
fn those_in_use_stay() {
    let scratch = Scratch::new("in-use");
    let seed = seed(&scratch);
    let program = scratch.compile("waits", &[]);
    fs::create_dir(scratch.join("mod-alloc.lives")).unwrap();
    let lives = scratch.join("mod-alloc.lives/recording.1");
    let mut command = std::process::Command::new(&program);
    command.env("LD_PRELOAD", env!("MOD_ALLOC_PRELOAD_LIBRARY")).env("MOD_ALLOC_RECORD", &lives);
    let mut child = Killed(command.stdout(Stdio::piped()).spawn().unwrap());
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    make_old(&lives, 30 * DAY);
    let locked = left(&scratch, &seed, "locked", 30 * DAY);
    let folder = File::open(locked.parent().unwrap()).unwrap();
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::flock(folder.as_raw_fd(), libc::LOCK_EX) }, 0);
    let clean = || mod_alloc(&scratch, &["recover", "--clean", "--older-than", "1d"]);
    let output = clean();
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert!(lives.exists() && locked.exists(), "{}", ours(&output));
    assert!(
        ours(&output).contains("in use by a program or a run, and kept: "),
        "{}",
        ours(&output)
    );
    drop(child);
    make_old(&lives, 30 * DAY);
    drop(folder);
    let output = clean();
    assert!(!lives.exists() && !locked.exists(), "{}", ours(&output));
}

/// A run has its folder locked until its report is made.
#[test]
fn a_run_s_folder_is_locked() {
    let scratch = Scratch::new("locked");
    let script = "for f in /dev/shm/mod-alloc.$PPID.* \"$TMPDIR\"/mod-alloc.$PPID.*; do \
                  test -d \"$f\" && { flock -n \"$f\" true; echo $?; }; done; :";
    let output = mod_alloc(&scratch, &["run", "-o", "r.json", "sh", "-c", script]);
    assert_eq!(text(&output.stdout), "1\n", "{}", ours(&output));
}

#[test]
fn a_run_keeps_them_within_bounds_and_says_so_once() {
    let scratch = Scratch::new("bounds");
    let seed = seed(&scratch);
    let old = left(&scratch, &seed, "old", 15 * DAY);
    let of_day = left(&scratch, &seed, "of-day", 12 * HOUR);
    let young: Vec<_> =
        (0..80).map(|n| left(&scratch, &seed, &format!("n{n}"), 2 * DAY + n * HOUR)).collect();
    let run = || mod_alloc(&scratch, &["run", "-o", "r.json", "sh", "-c", ":"]);
    let output = run();
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let said = ours(&output);
    assert_eq!(said.matches("removed ").count(), 1, "{said}");
    assert!(said.contains(" recordings of earlier runs ("), "{said}");
    assert!(!old.exists() && of_day.exists(), "{said}");
    // Other tests' recordings, in memory, are younger and count as well.
    let there = young.iter().filter(|path| path.exists()).count();
    assert!(there <= 63 && young[..there].iter().all(|path| path.exists()), "{there}: {said}");
    assert!(!ours(&run()).contains("removed"), "{}", ours(&run()));
}

/// Others may put links into a folder for temporary files, and any names.
#[test]
fn links_are_not_followed_and_names_are_escaped() {
    let scratch = Scratch::new("links");
    let seed = seed(&scratch);
    let elsewhere = scratch.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let kept = elsewhere.join("recording.1");
    fs::copy(&seed, &kept).unwrap();
    make_old(&kept, 30 * DAY);
    symlink(&elsewhere, scratch.join("mod-alloc.link")).unwrap();
    let colours = left(&scratch, &seed, "\x1b[31mred", 2 * HOUR);
    symlink(&kept, colours.with_file_name("recording.linked")).unwrap();
    let listed = text(&mod_alloc(&scratch, &["recover"]).stdout);
    assert!(listed.contains(r"mod-alloc.\u{1b}[31mred/recording.1"), "{listed:?}");
    assert!(!listed.contains("\x1b[31mred"), "{listed:?}");
    assert!(
        !listed.contains("mod-alloc.link") && !listed.contains("recording.linked"),
        "{listed:?}"
    );
    mod_alloc(&scratch, &["recover", "--clean", "--older-than", "1d"]);
    assert!(kept.exists() && colours.exists());
}
