//! Recordings in files, of programs that use the crate: what they say is what the report says, however the
//! program ended.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::fs;
use std::path::{Path, PathBuf};

use heap_support::dhat_json::Report;
use heap_support::{Ended, Launch, Sites, assert_nothing_lost, programs};
use mod_alloc::recording::file::{Error, RecordingFile};
use mod_alloc::recording::model::{Ending, Status};
use mod_alloc::report::{Options, Profile, dhat};

/// Runs a program with a recording at `record`.
fn run(arguments: &[&str], record: &str) -> Ended {
    let name = arguments.join("-").replace(['{', '}', '/'], "");
    Launch::new(&name, programs(), arguments).env("MOD_ALLOC_RECORD", record).run()
}

/// The report that is made of a recording now.
fn report_of(path: &Path) -> (Report, Ending) {
    let recording = RecordingFile::open(path).and_then(|file| file.read());
    let recording = recording.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut json = Vec::new();
    let profile = Profile::from_recording(&recording, &Options::default());
    dhat::write(&profile, &mut json).expect("memory can be written to");
    let text = String::from_utf8(json).expect("JSON is UTF-8");
    (Report::parse(&text).expect("as at exit"), recording.ending)
}

/// The numbers of all sites, but for the report's own time and the events after it.
fn numbers(report: &Report) -> Vec<(Vec<String>, [u64; 6])> {
    let stack = |point| report.stack(point).map(String::from).collect();
    let keys = ["tb", "tbk", "gb", "gbk", "eb", "ebk"];
    let point = |point| (stack(point), keys.map(|key| point.counters.get(key)));
    let mut numbers: Vec<_> = report.points.iter().map(point).collect();
    numbers.sort();
    numbers
}

#[test]
fn a_recording_says_what_the_report_at_exit_says() {
    let ended = run(&["reallocations"], "now.rec").with_status(0);
    let (recorded, ending) = report_of(&ended.folder.join("now.rec"));
    assert_eq!(ending, Ending::Exit);
    assert_nothing_lost(&recorded);
    assert_eq!(numbers(&recorded), numbers(&ended.report()));
    assert!(recorded.sum().get("tb") > 100_000);
    // Its room for all that might have come is gone.
    let len = fs::metadata(ended.folder.join("now.rec")).expect("it is there").len();
    assert!(len < 4 << 20, "{len} bytes");
}

#[test]
fn who_aborts_writes_no_report_and_leaves_a_recording() {
    let ended = run(&["abort"], "aborted.%p.rec");
    assert!(ended.status.code().is_none() && !ended.folder.join("dhat-heap.json").exists());
    let path = ended.folder.join(format!("aborted.{}.rec", ended.id));
    let (recorded, ending) = report_of(&path);
    assert_eq!(ending, Ending::Open);
    assert_nothing_lost(&recorded);
    let file = RecordingFile::open(&path).expect("as before");
    file.mark_ended(None).expect("it can be written to");
    assert_eq!(report_of(&path).1, Ending::Gone);
    file.mark_ended(Some(Status::Killed(6))).expect("it can be written to");
    file.mark_ended(None).expect("it can be written to");
    let read = file.read().expect("as before");
    assert_eq!((read.ending, read.status), (Ending::Gone, Some(Status::Killed(6))));
    file.mark_ended(Some(Status::Exited(255))).expect("it can be written to");
    assert_eq!(file.read().expect("as before").status, Some(Status::Exited(255)));
    Sites::of(&recorded).expect("site_kept", [1_000, 1, 1_000, 1, 1_000, 1, 1_000, 1]);
}

#[test]
fn an_ended_recording_makes_room_for_the_next_and_other_files_do_not() {
    let ended = run(&["simple"], "one.rec").with_status(0);
    let path = ended.folder.join("one.rec");
    let first = RecordingFile::open(&path).and_then(|file| file.read()).expect("a recording").pid;
    let again = |folder: &PathBuf| {
        let mut launch = Launch::new("again", programs(), &["simple"]);
        launch.command.env("MOD_ALLOC_RECORD", folder.join("one.rec"));
        launch.run().with_status(0)
    };
    let second = again(&ended.folder);
    let now = RecordingFile::open(&path).and_then(|file| file.read()).expect("a recording").pid;
    assert!(now == second.id && now != first, "{first} {now}");
    fs::write(&path, "a letter").expect("the folder can be written to");
    let third = again(&ended.folder);
    assert_eq!(fs::read(&path).expect("still there"), b"a letter");
    let said = third.said();
    assert!(said.iter().any(|line| line.contains("cannot record to")), "{said:?}");
    assert!(matches!(RecordingFile::open(&path), Err(Error::NotARecording)));
    assert_eq!(numbers(&third.report()), numbers(&second.report()), "recorded in memory instead");
}

/// The child frees one of its parent's blocks and makes five of its own.
#[test]
fn a_forked_child_goes_on_in_a_recording_of_its_own() {
    let ended = run(&["fork"], "one.rec").with_status(0);
    let [child] = ended.numbers("child")[..] else { panic!("{}", ended.stdout) };
    let (parents, _) = report_of(&ended.folder.join("one.rec"));
    let parents = Sites::of(&parents);
    assert_eq!(parents.sum("site_parent", ["tbk", "ebk"]), [3, 3]);
    assert_eq!(parents.sum("site_child", ["tbk", "ebk"]), [0, 0]);
    let (childs, _) = report_of(&ended.folder.join(format!("one.rec.{child}")));
    let childs = Sites::of(&childs);
    assert_eq!(childs.sum("site_parent", ["tbk", "ebk"]), [2, 1]);
    assert_eq!(childs.sum("site_child", ["tbk", "ebk"]), [5, 5]);
}
