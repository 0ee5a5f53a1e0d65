//! `mod-alloc run --children`: whose allocations are in which report.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::collections::HashSet;
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use run_support::{Scratch, json, ours, status, sum, sum_of, text};
use serde_json::Value;

#[test]
fn without_it_the_program_alone_is_recorded() {
    let scratch = Scratch::new("alone");
    let program = scratch.compile("tree", &[]);
    let output = scratch.run(&["run", program.to_str().unwrap()]);
    assert_eq!(status(&output), 7, "{}", ours(&output));
    let report = json(&scratch.only("mod-alloc.tree.", ".json"));
    assert_eq!(sum_of(&report, "work", "tb"), 100);
    assert!(report.get("x_processes").is_none());
}

#[test]
fn every_process_has_a_report_and_all_have_one() {
    let scratch = Scratch::new("children");
    let program = scratch.compile("tree", &[]);
    let output = scratch.run(&["run", "--children", "yes", program.to_str().unwrap()]);
    assert_eq!(status(&output), 7, "{}", ours(&output));
    let folder = scratch.only("mod-alloc.tree.", "");
    let (names, merged, parts) = run_in(&folder);
    // The program, the forked child, and the other one before and after it executed.
    assert_eq!(parts.len(), 4, "{names:?}");
    // A forked child goes on with its parent's numbers: the one that works has 200 for it, the one
    // that executes has 100, and 100 again as the new program.
    let mut works: Vec<_> = parts.iter().map(|part| sum_of(part, "work", "tb")).collect();
    works.sort();
    assert_eq!(works, [100, 100, 100, 200]);
    is_the_sum(&merged, &parts);
    let root = merged["pid"].to_string();
    assert_eq!(folder, scratch.join(&format!("mod-alloc.tree.{root}")));
    assert_eq!(names[0], format!("mod-alloc.0-sum.tree.{root}.json"));
    assert_eq!(
        names.iter().filter(|name| **name == format!("mod-alloc.tree.{root}.json")).count(),
        1
    );
    assert_eq!(merged["cmd"], program.to_str().unwrap());
    assert!(ours(&output).contains("the sum of 4 programs in 3 processes"), "{}", ours(&output));
}

/// The names in the folder of a run, its sum, and the reports that follow the sum.
fn run_in(folder: &Path) -> (Vec<String>, Value, Vec<Value>) {
    let names = names_in(folder);
    let mut reports = names.iter().map(|name| json(&folder.join(name)));
    (names.clone(), reports.next().unwrap(), reports.collect())
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// As daemons do: the program ends, and a child of it goes on.
#[test]
fn a_child_that_outlives_the_program_keeps_its_recording() {
    let scratch = Scratch::new("outlives");
    let fifo = scratch.join("fifo");
    let path = CString::new(fifo.as_os_str().as_bytes()).unwrap();
    // SAFETY: a C string.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let script = format!("cat {} >/dev/null 2>&1 & exit 0", fifo.display());
    let output = scratch.run(&["run", "--children", "yes", "sh", "-c", &script]);
    let told = ours(&output);
    assert_eq!(status(&output), 0, "{told}");
    assert!(told.contains("1 process still runs: the reports are of this moment"), "{told}");
    let folder = told.lines().find_map(|line| line.split_once(": mod-alloc recover ")).unwrap().1;
    let again = scratch.run(&["recover", folder, "-o", "all.json"]);
    assert_eq!(status(&again), 0, "{}", ours(&again));
    fs::write(&fifo, "").unwrap(); // the child ends
    remove_run(folder);
}

/// A child that is not recorded: the report says which process it is without.
#[test]
fn a_child_that_outlives_the_program_is_named() {
    let scratch = Scratch::new("goes_on");
    let fifo = scratch.join("fifo");
    let path = CString::new(fifo.as_os_str().as_bytes()).unwrap();
    // SAFETY: a C string.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let script = format!("(read line <{}) >/dev/null 2>&1 & echo $!", fifo.display());
    let output = scratch.run(&["run", "-o", "r.json", "sh", "-c", &script]);
    fs::write(&fifo, "line\n").unwrap(); // the child ends
    let child = text(&output.stdout);
    let expected = format!("has ended, and process {}, a child of it, goes on", child.trim());
    assert!(ours(&output).contains(&expected), "{}", ours(&output));
    let said = json(&scratch.join("r.json"))["x_coverage"]["not_recorded"].clone();
    assert!(said[0].as_str().unwrap().contains(&expected), "{said}");
    let report = text(&scratch.run(&["report", "r.json"]).stdout);
    assert!(report.contains("Not in this report"), "{report}");

    let ended = scratch.run(&["run", "-o", "r.json", "sh", "-c", "(true) & wait"]);
    assert!(!ours(&ended).contains("goes on"), "{}", ours(&ended));
    let said = json(&scratch.join("r.json"))["x_coverage"]["not_recorded"].clone();
    assert!(said.as_array().is_none_or(Vec::is_empty), "{said}");
}

/// Removes a run's folder, which the recordings' folder is in if root has run it.
fn remove_run(recordings: &str) {
    let is_of_run = |folder: &&Path| {
        folder.file_name().is_some_and(|name| name.as_bytes().starts_with(b"mod-alloc."))
    };
    let of_run = Path::new(recordings).ancestors().find(is_of_run).unwrap();
    fs::remove_dir_all(of_run).unwrap();
}

/// As sandboxes do: every child is process 1 in a namespace of its own.
#[test]
fn ended_processes_of_other_namespaces_do_not_run() {
    let scratch = Scratch::new("namespaces");
    let program = scratch.compile("work", &[]);
    let program = program.to_str().unwrap();
    let script = format!("unshare --pid --fork {program} 0; unshare --pid --fork {program} 0");
    let output = scratch.run(&["run", "--children", "yes", "-o", "all.json", "sh", "-c", &script]);
    let told = ours(&output);
    assert_eq!(status(&output), 0, "this test needs root: {told}");
    assert!(!told.contains("still run"), "{told}");
    let names = names_in(&scratch.only("all.", ".reports"));
    let of_first = names.iter().filter(|name| name.contains(".1.")).count();
    // Each forks in its namespace, and executes the program there.
    assert_eq!(of_first, 4, "{names:?}");
}

/// A process of another namespace still runs, whatever its number is here.
#[test]
fn a_child_in_another_namespace_that_goes_on_is_seen() {
    let scratch = Scratch::new("goes-on");
    let fifo = scratch.join("fifo");
    let path = CString::new(fifo.as_os_str().as_bytes()).unwrap();
    // SAFETY: a C string.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let ready = scratch.join("ready");
    // It goes on as soon as the other side of the pipe is opened, and it says that before.
    let inner = format!("echo >{}; read line <{}", ready.display(), fifo.display());
    let script = format!(
        "unshare --pid --fork sh -c '{inner}' >/dev/null 2>&1 & \
         while ! test -s {}; do :; done",
        ready.display()
    );
    let output = scratch.run(&["run", "--children", "yes", "sh", "-c", &script]);
    fs::write(&fifo, "\n").unwrap(); // the child ends
    let told = ours(&output);
    assert_eq!(status(&output), 0, "{told}");
    // `unshare` waits for it.
    assert!(told.contains("2 processes still run"), "{told}");
    let folder = told.lines().find_map(|line| line.split_once(": mod-alloc recover ")).unwrap().1;
    remove_run(folder);
}

fn is_the_sum(merged: &Value, parts: &[Value]) {
    for key in ["tb", "tbk", "tl", "mb", "mbk", "gb", "gbk", "eb", "ebk"] {
        let of_parts: u64 = parts.iter().map(|part| sum(part, key)).sum();
        assert_eq!(sum(merged, key), of_parts, "{key}");
    }
    assert_eq!(merged["x_processes"].as_array().unwrap().len(), parts.len());
    assert_eq!(merged["x_upper_bounds"], serde_json::json!(["mb", "mbk", "gb", "gbk"]));
    // The viewer refuses such points.
    let points = merged["pps"].as_array().unwrap();
    let stacks: HashSet<String> = points.iter().map(|point| point["fs"].to_string()).collect();
    assert_eq!(stacks.len(), points.len());
    let frames = merged["ftbl"].as_array().unwrap();
    assert_eq!(frames.iter().collect::<HashSet<_>>().len(), frames.len());
    assert_eq!(frames[0], "[root]");
}

#[test]
fn a_given_name_is_the_sum_s() {
    let scratch = Scratch::new("sum");
    let output =
        scratch.run(&["run", "--children", "yes", "-o", "all.json", "sh", "-c", "sh -c :; exit 3"]);
    assert_eq!(status(&output), 3, "{}", ours(&output));
    let all = json(&scratch.join("all.json"));
    let folder = format!("all.{}.reports", all["pid"]);
    assert_eq!(scratch.names(), [folder.clone(), "all.json".into()]);
    assert!(ours(&output).contains(&format!("each program is in {folder}. ")), "{}", ours(&output));
    let names = names_in(&scratch.join(&folder));
    let parts: Vec<Value> =
        names.iter().map(|name| json(&scratch.join(&folder).join(name))).collect();
    assert!(parts.len() >= 2, "{names:?}");
    let own = format!(".{}.json", all["pid"]);
    assert_eq!(names.iter().filter(|name| name.ends_with(&own)).count(), 1, "{names:?}");
    is_the_sum(&all, &parts);
}

#[test]
fn recordings_may_be_kept_in_a_folder() {
    let scratch = Scratch::new("kept-children");
    let program = scratch.compile("tree", &[]);
    let words =
        ["run", "--children", "yes", "--record", "rec", "-o", "a.json", program.to_str().unwrap()];
    assert_eq!(status(&scratch.run(&words)), 7);
    let recovered = scratch.run(&["recover", "rec", "-o", "b.json"]);
    assert_eq!(status(&recovered), 0, "{}", ours(&recovered));
    let (a, b) = (json(&scratch.join("a.json")), json(&scratch.join("b.json")));
    for key in ["tb", "tbk", "gb", "eb"] {
        assert_eq!(sum(&a, key), sum(&b, key), "{key}");
    }
    assert_eq!(status(&scratch.run(&words)), 125, "there are recordings in it now");
}

const TWENTY: &str = "i=0; while [ $i -lt 20 ]; do /bin/true; i=$((i+1)); done";

#[test]
fn many_reports_are_in_the_folder_that_was_asked_for() {
    let scratch = Scratch::new("many");
    // The folders are made.
    let output = scratch.run(&["run", "--children", "yes", "-o", "a/b/", "sh", "-c", TWENTY]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert_eq!(scratch.names(), ["a"]);
    let (names, all, parts) = run_in(&scratch.join("a/b"));
    assert_eq!(names[0], format!("mod-alloc.0-sum.sh.{}.json", all["pid"]));
    assert!(parts.len() > 20, "the shell, its children, and they again as another program");
    is_the_sum(&all, &parts);
}

#[test]
fn a_folder_gets_the_pages_too_and_a_later_run() {
    let scratch = Scratch::new("pages");
    let run = |words: &[&str]| {
        let words = [&["run", "-o", "there"], words].concat();
        let output = scratch.run(&words);
        assert_eq!(status(&output), 0, "{}", ours(&output));
        ours(&output)
    };
    fs::create_dir(scratch.join("there")).unwrap();
    let told = run(&["--children", "yes", "--html", "sh", "-c", "/bin/true; /bin/true"]);
    let names = names_in(&scratch.join("there"));
    let pages = names.iter().filter(|name| name.ends_with(".html")).count();
    assert!(pages > 2 && names.len() == 2 * pages, "{names:?}");
    assert_eq!(told.matches("The page has been saved").count(), 1, "of the sum: {told}");
    run(&["/bin/true"]);
    assert_eq!(names_in(&scratch.join("there")).len(), names.len() + 1);
    assert_eq!(scratch.names(), ["there"]);
}

#[test]
fn a_file_is_no_folder() {
    let scratch = Scratch::new("no-folder");
    fs::write(scratch.join("file"), "").unwrap();
    let output = scratch.run(&["run", "--record", "rec", "-o", "file/", "/bin/true"]);
    assert_eq!(status(&output), 125);
    let told = ours(&output);
    assert!(told.contains("the report cannot be written to file/: Not a directory"), "{told}");
}

#[test]
fn the_sum_may_be_had_alone() {
    let scratch = Scratch::new("sum-alone");
    let words = ["run", "--children", "yes", "--sum", "-o", "all.json", "sh", "-c", TWENTY];
    let output = scratch.run(&words);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert_eq!(scratch.names(), ["all.json"]);
    assert!(json(&scratch.join("all.json"))["x_processes"].as_array().unwrap().len() > 20);
    assert!(!ours(&output).contains("report of"), "{}", ours(&output));
}

#[test]
fn the_end_of_the_program_s_own_process_is_told() {
    let scratch = Scratch::new("killed-with-children");
    let script = "/bin/true; kill -9 $$; :";
    let output = scratch.run(&["run", "--children", "yes", "-o", "all.json", "sh", "-c", script]);
    assert_eq!(status(&output), 128 + 9, "{}", ours(&output));
    let all = json(&scratch.join("all.json"));
    let folder = scratch.join(&format!("all.{}.reports", all["pid"]));
    let own = format!(".{}.json", all["pid"]);
    let own = names_in(&folder).into_iter().find(|name| name.ends_with(&own)).unwrap();
    let own = json(&folder.join(own));
    assert_eq!(own["x_ending"]["name"], "SIGKILL", "{}", own["x_ending"]);
    assert!(all.get("x_ending").is_none(), "it is of several processes");
}

/// A folder of reports has the sum, too: `merge *.json` would count each process twice.
#[test]
fn a_sum_is_not_added_to_its_parts() {
    let scratch = Scratch::new("twice");
    scratch.run(&["run", "--children", "yes", "-o", "all/", "sh", "-c", "/bin/ls; /bin/ls"]);
    let entries = fs::read_dir(scratch.join("all")).unwrap().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| format!("all/{}", entry.file_name().to_str().unwrap())).collect();
    names.sort();
    let merge = |names: &[String]| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        scratch.run(&[&["merge", "-o", "m.json"][..], &names].concat())
    };
    let refused = merge(&names);
    assert_eq!(status(&refused), 1);
    assert!(ours(&refused).contains("would be added twice"), "{}", ours(&refused));
    assert_eq!(status(&merge(&names[1..])), 0);
    assert_eq!(
        sum(&json(&scratch.join("m.json")), "tb"),
        sum(&json(&scratch.join(&names[0])), "tb")
    );
}
