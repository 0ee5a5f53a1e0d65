//! Several processes of one run have one path for their reports, and none overwrites another's.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use heap_support::dhat_json::Report;
use heap_support::{Ended, Launch, Sites, numbers_in, programs};

/// The reports in a folder, by their names.
fn reports(folder: &Path) -> BTreeMap<String, Report> {
    let entries = fs::read_dir(folder).expect("the run's folder").flatten();
    let named =
        entries.map(|entry| (entry.file_name().into_string().expect("UTF-8"), entry.path()));
    let reports = named.filter(|(name, _)| name.starts_with("dhat-heap"));
    reports.map(|(name, path)| (name, Report::read(&path))).collect()
}

fn bytes(report: &Report, site: &str) -> u64 {
    Sites::of(report).sum(site, ["tb"])[0]
}

/// The children's ids and bytes, as the program has said them.
fn children(ended: &Ended) -> Vec<(u64, u64)> {
    let lines = ended.stdout.lines().map(|line| numbers_in(line, "child"));
    lines.map(|numbers| (numbers[0], numbers[1])).collect()
}

fn check_family(how: &str) {
    let ended = Launch::new(how, programs(), &["start-itself", how]).run().with_status(0);
    let (reports, children) = (reports(&ended.folder), children(&ended));
    assert_eq!((reports.len(), children.len()), (4, 3), "{:?}", reports.keys());
    assert_eq!(bytes(&reports["dhat-heap.json"], "site_own"), 10_000);
    let mut names = vec!["dhat-heap.json".to_owned()];
    for (id, allocated) in children {
        let name = format!("dhat-heap.json.{id}");
        assert_eq!(bytes(&reports[&name], "site_started"), allocated, "{name}");
        names.push(name);
    }
    for name in names {
        let line = format!("The data has been saved to {name}, and is viewable");
        let said = ended.said().into_iter().filter(|said| said.starts_with(&line));
        assert_eq!(said.count(), 1, "{name}: {}", ended.stderr);
    }
}

#[test]
fn children_that_run_at_once_have_names_of_their_own() {
    check_family("at-once");
}

#[test]
fn children_that_run_in_turn_have_names_of_their_own() {
    check_family("in-turn");
}

#[test]
fn a_process_id_in_the_path_is_enough() {
    let launch = Launch::new("pattern", programs(), &["start-itself", "in-turn"]);
    let ended = launch.env("MOD_ALLOC_OUT", "dhat-heap-%p.json").run().with_status(0);
    let mut ids: Vec<_> = children(&ended).into_iter().map(|(id, _)| id).collect();
    ids.push(ended.id.into());
    ids.sort_unstable_by_key(u64::to_string);
    let names: Vec<_> = ids.iter().map(|id| format!("dhat-heap-{id}.json")).collect();
    assert_eq!(reports(&ended.folder).into_keys().collect::<Vec<_>>(), names);
}

#[test]
fn a_later_run_overwrites_the_report_of_an_earlier_one() {
    let first = Launch::new("by hand", programs(), &["three-blocks"]).run().with_status(0);
    assert_eq!(bytes(&first.report(), "site_three"), 3_000);
    let mut second = waiting(&first.folder, "7000");
    end(&mut second);
    let reports = reports(&first.folder);
    assert_eq!(reports.keys().collect::<Vec<_>>(), ["dhat-heap.json"]);
    assert_eq!(bytes(&reports["dhat-heap.json"], "site_started"), 7_000);
}

#[test]
fn a_run_beside_another_leaves_that_one_its_report() {
    let folder = Launch::new("beside", programs(), &[]).folder;
    let mut first = waiting(&folder, "1000");
    let mut second = waiting(&folder, "2000");
    end(&mut second);
    end(&mut first);
    let reports = reports(&folder);
    let of_first = format!("dhat-heap.json.{}", first.id());
    assert_eq!(reports.keys().collect::<Vec<_>>(), ["dhat-heap.json", &of_first]);
    assert_eq!(bytes(&reports["dhat-heap.json"], "site_started"), 2_000);
    assert_eq!(bytes(&reports[&of_first], "site_started"), 1_000);
}

/// Processes that end at once: the lock decides who takes the name.
#[test]
fn of_many_that_end_at_once_each_has_its_report() {
    const PROCESSES: usize = 12;
    let folder = Launch::new("many", programs(), &[]).folder;
    let mut all: Vec<_> = (0..PROCESSES).map(|_| waiting(&folder, "1000")).collect();
    for process in &mut all {
        drop(process.stdin.take());
    }
    for process in &mut all {
        assert!(process.wait().expect("our child").success());
    }
    let reports = reports(&folder);
    assert_eq!(reports.len(), PROCESSES, "{:?}", reports.keys());
    let is_unfinished = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    let mut left = fs::read_dir(&folder).expect("the run's folder").flatten();
    assert!(left.all(|entry| !is_unfinished(&entry.file_name())));
    assert!(reports.values().all(|report| bytes(report, "site_started") == 1_000));
}

/// Whatever the mask of permissions allows.
#[test]
fn others_may_read_reports_and_not_write_them() {
    let mut launch = Launch::new("permissions", programs(), &["three-blocks"]);
    let all = || {
        // SAFETY: sets the mask of the child alone, and fails never.
        unsafe { libc::umask(0) };
        Ok(())
    };
    // SAFETY: the function calls the kernel and nothing else.
    unsafe { launch.command.pre_exec(all) };
    let ended = launch.run().with_status(0);
    let found = fs::metadata(ended.folder.join("dhat-heap.json")).expect("a report");
    assert_eq!(found.permissions().mode() & 0o777, 0o644);
}

/// Another process has the folder's lock, and does not give it back: what is there stays.
#[test]
fn a_folder_that_stays_locked_is_not_waited_for_long() {
    let first = Launch::new("locked", programs(), &["three-blocks"]).run().with_status(0);
    let path = first.folder.join("dhat-heap.json");
    let before = fs::read(&path).expect("a report");
    let file = File::open(&first.folder).expect("the run's folder");
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }, 0);
    let mut second = waiting(&first.folder, "7000");
    end(&mut second);
    assert_eq!(fs::read(&path).expect("a report"), before);
    let of_second = Report::read(&first.folder.join(format!("dhat-heap.json.{}", second.id())));
    assert_eq!(bytes(&of_second, "site_started"), 7_000);
}

#[test]
fn a_report_that_the_process_wrote_itself_is_overwritten_by_its_last() {
    let ended = Launch::new("own", programs(), &["snapshots-to", "dhat-heap.json"]).run();
    let reports = reports(&ended.with_status(0).folder);
    assert_eq!(reports.keys().collect::<Vec<_>>(), ["dhat-heap.json"]);
    assert_eq!(bytes(&reports["dhat-heap.json"], "site_own"), 3_000);
}

/// A process in `folder` that runs, and ends with its input.
fn waiting(folder: &Path, bytes: &str) -> Child {
    let mut launch = Launch::new(&format!("waiting {bytes}"), programs(), &[]);
    launch.command.args(["until-input-ends", bytes]).current_dir(folder);
    launch.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = launch.command.spawn().expect("the program can be started");
    let mut said = [0; 5];
    child.stdout.as_mut().expect("piped").read_exact(&mut said).expect("it says that it runs");
    child
}

fn end(child: &mut Child) {
    drop(child.stdin.take());
    assert!(child.wait().expect("our child").success());
}
