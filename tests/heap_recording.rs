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

#[test]
fn a_raw_recording_is_in_the_place_of_the_report() {
    let raw = |name: &str, out: &str| {
        Launch::new(name, programs(), &["reallocations"]).env("MOD_ALLOC_OUT", out).run()
    };
    let reported = run(&["reallocations"], "other.rec").with_status(0).report();
    for (name, out) in [("default", "raw"), ("path", "raw:it is.rec"), ("empty", "raw:")] {
        let ended = raw(name, out).with_status(0);
        let program = programs().file_name().expect("a name").to_string_lossy();
        let (file, argument) = match name {
            "path" => ("it is.rec".to_string(), "'it is.rec'".to_string()),
            _ => [(); 2].map(|()| format!("mod-alloc.{program}.{}.recording", ended.id)).into(),
        };
        assert!(!ended.folder.join("dhat-heap.json").exists(), "{out}");
        let said = ended.said();
        assert_eq!(said[3], format!("The recording is {file}; read it with:"));
        assert_eq!(said[4..], [format!("    mod-alloc report {argument}")]);
        let path = ended.folder.join(file);
        assert_eq!(numbers(&report_of(&path).0), numbers(&reported), "{out}");
        assert!(fs::metadata(path).expect("it is there").len() < 4 << 20);
    }
}

#[test]
fn a_raw_recording_has_the_path_that_is_asked_for_recordings() {
    let launch = Launch::new("both", programs(), &["simple"]).env("MOD_ALLOC_OUT", "raw:no.rec");
    let ended = launch.env("MOD_ALLOC_RECORD", "yes.rec").run().with_status(0);
    assert!(ended.said()[3].contains(" yes.rec;"), "{:?}", ended.said());
    assert!(ended.folder.join("yes.rec").exists() && !ended.folder.join("no.rec").exists());
    assert!(!ended.folder.join("dhat-heap.json").exists());
}

#[test]
fn a_raw_recording_that_cannot_be_made_leaves_a_report() {
    let launch = Launch::new("nowhere", programs(), &["simple"]);
    let ended = launch.env("MOD_ALLOC_OUT", "raw:no/where.rec").run().with_status(0);
    let said = ended.said();
    assert!(said[0].contains("cannot record to no/where.rec"), "{said:?}");
    Sites::of(&ended.report());
}
