//! `mod-alloc recover`.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use run_support::{Scratch, json, ours, status, sum, sum_of, text};

#[test]
fn what_we_did_not_live_to_report_is_listed_and_recovered() {
    let scratch = Scratch::new("recover");
    let program = scratch.compile("waits", &[]);
    let mut command = scratch.command(&["run", "-o", "r.json", program.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    let run = format!("mod-alloc.{}.", child.id());
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let pid = fs::read_to_string(children).unwrap().trim().parse::<u32>().unwrap();
    let waits = Reaped(pid);
    child.kill().unwrap();
    child.wait().unwrap();

    let listed = text(&scratch.run(&["recover"]).stdout);
    let (facts, path) = entry(&listed, &run);
    assert!(facts.contains(&pid.to_string()) && facts.contains("running"), "{listed}");
    assert!(facts.contains(program.to_str().unwrap()), "{listed}");
    let now = scratch.run(&["recover", &path, "-o", "now.json"]);
    assert!(ours(&now).contains(&format!("process {pid} still runs")), "{}", ours(&now));
    assert_eq!(
        sum_of(&json(&scratch.join("now.json")), "main", "tbk"),
        2,
        "malloc, and the buffer of puts"
    );
    assert_eq!(json(&scratch.join("now.json"))["x_ending"]["how"], "running");

    let listed = text(&scratch.run(&["recover"]).stdout);
    assert!(entry(&listed, &run).0.contains(" running "), "its end is to come: {listed}");

    waits.kill();
    // Its end of the pipe closes when it is gone.
    assert_eq!(lines.read_line(&mut String::new()).unwrap(), 0);
    let listed = text(&scratch.run(&["recover"]).stdout);
    assert!(entry(&listed, &run).0.contains(" ended "), "{listed}");
    let recovered = scratch.run(&["recover", &path]);
    assert_eq!(status(&recovered), 0, "{}", ours(&recovered));
    let marked = text(&scratch.run(&["recover"]).stdout);
    assert!(entry(&marked, &run).0.contains(" reported "), "{marked}");
    let report = json(&scratch.only(&format!("mod-alloc.waits.{pid}"), ".json"));
    assert_eq!(report["pid"], pid);
    assert_eq!(report["x_ending"]["how"], "gone", "{}", report["x_ending"]);
    fs::remove_dir_all(Path::new(&path).parent().unwrap()).unwrap();
    assert!(!text(&scratch.run(&["recover"]).stdout).contains(&run));
}

/// Kills a process that a test left when it failed: it would hold the test's streams open.
#[derive(Debug)]
struct Reaped(u32);

impl Reaped {
    fn kill(&self) {
        // SAFETY: sends a signal to a process that this test started.
        unsafe { libc::kill(self.0 as libc::pid_t, libc::SIGKILL) };
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.kill();
        }
    }
}

/// The two lines of the list that are of the run.
fn entry(listed: &str, run: &str) -> (String, String) {
    let lines: Vec<_> = listed.lines().collect();
    let at = lines.iter().position(|line| line.contains(run)).unwrap_or_else(|| panic!("{listed}"));
    (lines[at - 1].into(), lines[at].trim().into())
}

#[test]
fn several_give_a_report_each_or_their_sum() {
    let scratch = Scratch::new("several");
    for name in ["a.rec", "b.rec"] {
        scratch.run(&["run", "--record", name, "-o", "x.json", "sh", "-c", ":"]);
    }
    assert_eq!(status(&scratch.run(&["recover", "a.rec", "b.rec"])), 0);
    let each: Vec<_> =
        scratch.names().into_iter().filter(|name| name.starts_with("mod-alloc.")).collect();
    assert_eq!(each.len(), 2, "{each:?}");
    assert_eq!(status(&scratch.run(&["recover", "a.rec", "b.rec", "-o", "sum.json"])), 0);
    let total: u64 = each.iter().map(|name| sum(&json(&scratch.join(name)), "tb")).sum();
    assert_eq!(sum(&json(&scratch.join("sum.json")), "tb"), total);
}

#[test]
fn what_is_no_recording_is_named() {
    let scratch = Scratch::new("none");
    fs::write(scratch.join("x.json"), "{}").unwrap();
    for (path, part) in [
        ("x.json", "x.json: not a recording of mod-alloc"),
        ("missing", "missing: No such file"),
        (".", ".: the folder has no recordings"),
    ] {
        let output = scratch.run(&["recover", path]);
        assert_eq!(status(&output), 1);
        assert!(ours(&output).contains(part), "{}", ours(&output));
    }
    scratch.run(&["run", "--record", "good.rec", "-o", "y.json", "sh", "-c", ":"]);
    let output = scratch.run(&["recover", "missing", "good.rec"]);
    assert_eq!(status(&output), 1, "what is missing is an error");
    scratch.only("mod-alloc.", ".json");
    let bytes = fs::read(scratch.join("good.rec")).unwrap();
    fs::write(scratch.join("cut.rec"), &bytes[..5000]).unwrap();
    let output = scratch.run(&["recover", "cut.rec", "-o", "z.json"]);
    assert!(!ours(&output).contains("panicked"), "{}", ours(&output));
}

#[test]
fn a_folder_gets_the_report_of_each_and_of_all() {
    let scratch = Scratch::new("into-folder");
    let words = ["run", "--children", "yes", "--record", "rec", "-o", "a.json", "sh", "-c"];
    scratch.run(&[&words[..], &["/bin/ls; /bin/ls"]].concat());
    let names_of = |words: &[&str]| {
        let output = scratch.run(&[&["recover"], words].concat());
        assert_eq!(status(&output), 0, "{}", ours(&output));
        let entries = fs::read_dir(scratch.join("new/deep")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let names = names_of(&["rec", "-o", "new/deep/"]);
    assert!(names[0].starts_with("mod-alloc.0-sum."), "{names:?}");
    let recordings = fs::read_dir(scratch.join("rec")).unwrap().count();
    assert_eq!(names.len(), recordings + 1, "{names:?}");
    fs::remove_dir_all(scratch.join("new")).unwrap();
    let one = fs::read_dir(scratch.join("rec")).unwrap().next().unwrap().unwrap().path();
    let names = names_of(&[one.to_str().unwrap(), "-o", "new/deep/"]);
    assert_eq!(names.len(), 1, "{names:?}");
}

/// The recordings are in a folder for temporary files of the test's own.
#[test]
fn the_newest_is_last() {
    let scratch = Scratch::new("sorted");
    let folders: Vec<_> = ["b", "c", "a"]
        .iter()
        .map(|name| {
            let folder = scratch.join(&format!("mod-alloc.{name}"));
            fs::create_dir(&folder).unwrap();
            let path = folder.join("recording.1");
            scratch.run(&[
                "run",
                "--record",
                path.to_str().unwrap(),
                "-o",
                "x.json",
                "sh",
                "-c",
                ":",
            ]);
            path
        })
        .collect();
    for (hours, path) in (1..).zip(&folders) {
        let then = SystemTime::now() - Duration::from_secs(3600 * hours);
        fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    }
    let output = scratch.command(&["recover"]).env("TMPDIR", scratch.path()).output().unwrap();
    let listed = text(&output.stdout);
    let place = |path: &PathBuf| listed.find(path.to_str().unwrap()).expect("it is listed");
    let places: Vec<_> = folders.iter().rev().map(place).collect();
    assert!(places.is_sorted(), "{listed}");
    assert!(listed.lines().next().unwrap().contains("the newest last"), "{listed}");
}
