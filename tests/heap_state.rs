//! The allocators' figures against what the allocators themselves say in the same run, and the state in
//! reports and recordings.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use heap_support::{Ended, Launch, numbers_in, programs};
use mod_alloc::heap_state::Allocator;
use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;
use serde_json::Value;

/// Bytes that the programs have live when they ask, as requested: 20,000 blocks, every second freed, and 3 MiB.
const LIVE: u64 = {
    let (mut sum, mut index) = (3 << 20, 1);
    while index < 20_000 {
        sum += 50 + index * 37 % 1500;
        index += 2;
    }
    sum
};

/// A program of tests/allocators.
fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("below the target");
        let target = target.join("allocators");
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--release", "--bins", "--manifest-path"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/allocators/Cargo.toml"));
        command.arg("--target-dir").arg(&target);
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        let output = command.output().expect("cargo can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        target.join("release")
    });
    folder.join(name)
}

fn run(name: &str, arguments: &[&str]) -> Ended {
    let run = [&[name], arguments].concat().join("-");
    let ended = Launch::new(&run, &program(name), arguments).run().with_status(0);
    let moment = &ended.report().json["x_heap_state"]["peak"];
    assert_eq!(moment["allocator"], name.replace("state-", "").replace("unused", "glibc"));
    ended
}

/// The one line's numbers.
fn line<const N: usize>(ended: &Ended, word: &str) -> [u64; N] {
    let numbers = numbers_in(&ended.stdout, word);
    numbers.try_into().unwrap_or_else(|other| panic!("{word}: {other:?}"))
}

fn assert_about(found: u64, expected: u64, slack: u64) {
    assert!(found.abs_diff(expected) <= slack, "{found} is not about {expected}");
}

#[test]
fn jemallocs_figures_are_its_own() {
    let ended = run("state-jemalloc", &[]);
    let [allocated, active, resident, mapped, retained, arenas] = line(&ended, "ours");
    let [before, after] = line(&ended, "epochs");
    assert_eq!(after, before + 1, "the epoch is advanced once");
    let ours = [allocated, active, resident, mapped, retained];
    assert_eq!(ours, line::<5>(&ended, "mallctl"));
    // To print them it allocates a buffer of 64 KiB.
    let printed: [u64; 5] = line(&ended, "printed");
    assert_eq!(printed[0], allocated + (64 << 10));
    assert_about(printed[1], active + (64 << 10), 16 << 10);
    assert_eq!(printed[2..], ours[2..]);
    assert_eq!([arenas], line(&ended, "arenas"));
    assert!(LIVE <= allocated && allocated <= active && active <= resident, "{ours:?}");
}

#[test]
fn mimallocs_figures_are_its_own() {
    let ended = run("state-mimalloc", &[]);
    let [allocated, active, resident, mapped, retained, arenas] = line(&ended, "ours");
    assert_eq!([active], line(&ended, "process-info"));
    assert_eq!([active, mapped, arenas], line(&ended, "json"));
    assert_eq!((allocated, resident, retained), (0, 0, mapped - active), "not known, not known");
    assert!(active >= LIVE && arenas >= 1);
    // Printed sizes are rounded: `1.0 GiB`.
    let reserved = ended.stdout.lines().find(|line| line.trim_start().starts_with("reserved"));
    let printed = reserved.and_then(|line| line.split_whitespace().nth(2)).expect("it is printed");
    let printed: f64 = printed.parse().expect("a number");
    assert!((printed - mapped as f64 / (1 << 30) as f64).abs() < 0.1, "{reserved:?}");
}

#[test]
fn glibcs_figures_are_its_own() {
    for threads in ["0", "3"] {
        let ended = run("state-glibc", &[threads]);
        let [allocated, active, resident, mapped, retained, arenas] = line(&ended, "ours");
        let [arena, mappings, used, free] = line(&ended, "mallinfo2");
        assert_eq!([allocated, mapped, retained], [used + mappings, arena + mappings, free]);
        assert_eq!([active, resident], [0, 0], "not known");
        let [system, listed, listed_free, heaps] = line(&ended, "malloc_info");
        assert_eq!((system, listed, heaps), (arena, mappings, arenas));
        // Free blocks are listed after it has allocated its own.
        assert_about(listed_free, free, 64 << 10);
        assert_eq!(arenas, threads.parse::<u64>().expect("a number") + 1);
        assert!(allocated >= LIVE * arenas && mapped >= allocated);
    }
}

#[test]
fn what_is_linked_and_not_used_has_no_state() {
    let ended = run("state-unused", &[]);
    assert_eq!(line(&ended, "in-use"), [0, 0]);
    assert!(ended.stdout.contains("\nallocator-glibc\n"), "{}", ended.stdout);
    assert!(line::<1>(&ended, "version")[0] > 0);
}

#[test]
fn the_process_has_what_the_kernel_says() {
    let ended = run("state-glibc", &[]);
    let [resident, most] = line(&ended, "process");
    assert!(resident >= LIVE && most >= resident, "{resident} {most}");
}

/// A moment's number of that name.
fn number(moment: &Value, name: &str) -> u64 {
    moment[name].as_u64().unwrap_or_else(|| panic!("no {name} in {moment}"))
}

#[test]
fn a_report_has_the_state_near_the_peak_and_at_the_end() {
    let ended = Launch::new("states", programs(), &["states"]).run().with_status(0);
    let [live, peak] = line(&ended, "live");
    let states = &ended.report().json["x_heap_state"];
    let (before, end) = (&states["peak"], &states["end"]);
    assert_about(number(states, "peak_bytes"), peak, 64 << 10);
    // 1 % of a second is enough to be there when all has grown slowly.
    let requested = number(before, "requested_bytes");
    assert!(requested >= peak / 2 && requested <= number(states, "peak_bytes"), "{states}");
    for moment in [before, end] {
        let requested = number(moment, "requested_bytes");
        let (allocated, mapped) = (number(moment, "allocated"), number(moment, "mapped"));
        assert!(requested <= allocated && allocated <= mapped, "{moment}");
        assert_eq!(number(moment, "held"), mapped);
        let used = requested + number(moment, "profiler_bytes");
        let lost = moment["fragmentation"]["overall"].as_f64().expect("a share");
        assert!((lost - (1.0 - used as f64 / mapped as f64)).abs() < 1e-3, "{moment}");
        assert!(number(moment, "process_resident") > 0);
    }
    assert_about(number(end, "requested_bytes"), live, 64 << 10);
    assert!(number(before, "time") <= number(end, "time"));
}

#[test]
fn what_the_profiler_needed_for_earlier_reports_is_known() {
    let ended = Launch::new("reports", programs(), &["states-reports"]).run().with_status(0);
    let end = &ended.report().json["x_heap_state"]["end"];
    let earlier = fs::read(ended.folder.join("now.json")).expect("the program has written it");
    let earlier: Value = serde_json::from_slice(&earlier).expect("JSON");
    let before = &earlier["x_heap_state"]["end"];
    // Memory kept from one report to the next does not grow, whatever one of them takes.
    assert!(number(before, "profiler_bytes") < 8 << 10, "{before}");
    assert!(number(end, "profiler_bytes") < 8 << 10, "{end}");
    assert!(ended.report().json["x_losses"]["damaged_trailers"] == 0);
}

fn read(path: &Path) -> Recording {
    let recording = RecordingFile::open(path).and_then(|file| file.read());
    recording.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The report, which the process makes itself, needs much more than the program.
#[test]
fn the_end_of_a_recording_is_the_programs() {
    let launch = Launch::new("grown", programs(), &["states-grow"]);
    let ended = launch.env("MOD_ALLOC_RECORD", "one.rec").run().with_status(0);
    let states = read(&ended.folder.join("one.rec")).heap_states;
    let (peak, end) = (states.peak.expect("taken down"), states.end.expect("taken down"));
    assert_about(end.requested_bytes, states.peak_bytes, 1 << 10);
    assert_about(peak.requested_bytes, states.peak_bytes, 1 << 10);
    let state = end.state.expect("glibc is in use");
    assert_eq!(state.allocator, Allocator::Glibc);
    let [allocated, mapped] = [state.allocated, state.mapped].map(|figure| figure.expect("known"));
    assert_about(allocated, end.requested_bytes, 512 << 10);
    assert_about(mapped, allocated, 512 << 10);
}

#[test]
fn who_was_killed_leaves_the_state_near_the_peak() {
    let launch = Launch::new("killed", programs(), &["states-killed"]);
    let ended = launch.env("MOD_ALLOC_RECORD", "one.rec").run();
    assert_eq!(ended.status.code(), None, "killed");
    let recording = read(&ended.folder.join("one.rec"));
    let states = recording.heap_states;
    assert_eq!(states.end, None);
    let peak = states.peak.expect("it was taken down in time");
    assert!(peak.requested_bytes >= states.peak_bytes / 2, "{states:?}");
    let state = peak.state.expect("glibc is in use");
    assert!(state.allocated >= Some(peak.requested_bytes) && peak.process.resident.is_some());
    assert!(peak.micros <= recording.end_micros);
}

/// Where a handler has interrupted something, nobody knows what: only the kernel is asked.
#[test]
fn in_a_signals_handler_the_allocator_is_not_asked() {
    let launch = Launch::new("signal", programs(), &["states-in-handler"]);
    let ended = launch.env("MOD_ALLOC_RECORD", "one.rec").run().with_status(0);
    let states = read(&ended.folder.join("one.rec")).heap_states;
    let [outside] = line(&ended, "outside");
    let peak = states.peak.expect("from before the signal");
    assert!(peak.requested_bytes <= outside, "{states:?}");
    let launch = Launch::new("signal exit", programs(), &["states-exit-in-handler"]);
    let ended = launch.env("MOD_ALLOC_RECORD", "one.rec").env("MOD_ALLOC_OUT", "off").run();
    let end = read(&ended.with_status(3).folder.join("one.rec")).heap_states.end;
    let end = end.expect("the kernel's figures are there");
    assert!(end.state.is_none() && end.process.resident.is_some(), "{end:?}");
}

/// A recording, and what is read of it as of a version that had no heap over time.
fn as_of_version(version: u32, change: impl FnOnce(&mut [u8])) -> (Recording, Recording) {
    let launch = Launch::new(&format!("version {version}"), programs(), &["simple"]);
    let ended = launch.env("MOD_ALLOC_RECORD", "one.rec").run().with_status(0);
    let path = ended.folder.join("one.rec");
    let now = read(&path);
    assert!(now.heap_states.is_known() && now.timeline.is_some());
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[8..12].copy_from_slice(&version.to_ne_bytes());
    // The table's entries of Timeline and Histograms, and the words of the heap over time.
    bytes[160..192].fill(0);
    bytes[280..320].fill(0);
    // The line of more losses, where the command line went on.
    bytes[3648..3712].fill(0);
    change(&mut bytes);
    fs::write(&path, &bytes).expect("it can be changed");
    let old = read(&path);
    assert_eq!(old.sites, now.sites);
    assert!(old.timeline.is_none() && !old.moments.is_known());
    (now, old)
}

/// Version 1 had more of the command line where the states are now.
#[test]
fn recordings_of_the_first_version_are_read() {
    let (_, old) = as_of_version(1, |bytes| bytes[832..4096].fill(b'x'));
    assert_eq!(old.command, "x".repeat(3264));
    assert!(!old.heap_states.is_known());
}

#[test]
fn recordings_of_the_second_version_are_read() {
    let (now, old) = as_of_version(2, |_| {});
    assert_eq!(old.command, now.command);
    assert_eq!(old.heap_states, now.heap_states);
}

/// Until version 3 there was more of the command line where more losses are now.
#[test]
fn recordings_of_the_third_version_are_read() {
    let launch = Launch::new("version 3", programs(), &["simple"]);
    let ended = launch.env("MOD_ALLOC_RECORD", "one.rec").run().with_status(0);
    let path = ended.folder.join("one.rec");
    let now = read(&path);
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[8..12].copy_from_slice(&3_u32.to_ne_bytes());
    bytes[832..3712].fill(b'x');
    fs::write(&path, &bytes).expect("it can be changed");
    let old = read(&path);
    assert_eq!(old.command, "x".repeat(2880));
    assert_eq!((old.losses, old.heap_states), (now.losses, now.heap_states));
    assert!(old.timeline.is_some());
}

#[test]
fn memory_that_is_in_no_block_is_told() {
    let coverage = |program: &str| {
        let ended = Launch::new(program, programs(), &[program]).run().with_status(0);
        let unseen = ended.report().json["x_coverage"]["unseen_bytes"].as_u64().expect("a number");
        let line = ended.stderr.lines().find_map(|line| line.strip_prefix("mod-alloc: Not seen: "));
        (unseen, line.map(str::to_owned))
    };
    // The program that has given it back had it when it was looked at.
    let [(unseen, line), (earlier, _)] = ["states-mapped", "states-returned"].map(coverage);
    let all = 58 << 20..68 << 20;
    assert!(all.contains(&unseen) && all.contains(&earlier), "{unseen} {earlier}");
    assert!(line.is_some_and(|line| line.contains("the crate sees Rust's global allocator alone")));
    assert_eq!(coverage("states-blocks"), (0, None));
}
