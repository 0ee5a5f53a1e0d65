//! Processes that end without a word, at any moment: what was recorded is what they had done, for each
//! thread up to one moment, and nothing is missing that was before it.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::os::unix::process::ExitStatusExt;

use mod_alloc::recording::model::Recording;
use serde_json::json;
use traced::program::{Ended, Running};
use traced::progress::{self, Progress};
use traced::recorded::{Recorded, recording};

/// Never reached.
const FOR_EVER: u64 = u64::MAX;

/// Numbers that are alike in every run of the tests.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Often small, at times large.
    fn events(&mut self) -> u64 {
        let bits = self.below(18);
        self.below(1 << bits.max(1))
    }
}

/// Lets a few instructions pass, so that moments do not only fall where somebody looks.
fn linger(turns: u64) {
    for turn in 0..turns {
        std::hint::black_box(turn);
    }
}

/// Kills the program when it has done so much, and holds what was recorded against that.
fn killed_at(threads: usize, events: u64, turns: u64) -> usize {
    let mut running = progress::program(threads, "never", FOR_EVER).start_traced("no");
    progress::wait_until(&mut running, events);
    linger(turns);
    running.signal(libc::SIGKILL);
    let ended = running.wait().with_signal(libc::SIGKILL);
    let progress = progress::of(&ended, threads);
    let recorded = ended.recorded();
    assert_eq!(recorded.other_losses(&[]), [], "{progress:?}");
    assert_sizes(&recording(&ended.results.join("recording")), threads as u64 + 1);
    progress::assert_prefix(&recorded, &progress)
}

/// The sizes have the blocks of all sites, and of each thread at most one more: that of the event
/// in whose middle it was.
fn assert_sizes(recording: &Recording, threads: u64) {
    let sizes = recording.histograms.clone().expect("in each recording").sizes;
    let sizes = sizes.expect("in each recording");
    let [bytes, blocks]: [u64; 2] = [&sizes.bytes, &sizes.blocks].map(|all| all.iter().sum());
    let counters = || recording.sites.iter().map(|site| site.counters);
    let all_bytes: u64 = counters().map(|counters| counters.total_bytes).sum();
    let all: u64 = counters().map(|counters| counters.total_blocks).sum();
    assert!((all..=all + threads).contains(&blocks), "{blocks} blocks by size, {all} by site");
    assert!(bytes >= all_bytes, "{bytes} bytes by size, {all_bytes} by site");
    assert!(blocks != all || bytes == all_bytes, "{bytes} bytes by size, {all_bytes} by site");
}

fn killed_at_random(threads: usize, times: u32) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 + threads as u64);
    let mut in_the_middle = 0;
    for _ in 0..times {
        in_the_middle += killed_at(threads, random.events(), random.below(20_000));
    }
    // Else nothing of it says anything.
    let all = times as usize * threads;
    assert!(in_the_middle * 5 > all, "{in_the_middle} of {all} were in the middle of an event");
}

#[test]
fn sigkill_at_a_random_moment_100_times() {
    killed_at_random(1, 100);
}

#[test]
fn sigkill_at_a_random_moment_of_four_threads_100_times() {
    killed_at_random(4, 100);
}

/// Before it has done anything, too: then there is no recording, or one of what there was.
#[test]
fn sigkill_while_the_program_starts() {
    let mut random = Random(77);
    let mut recordings = 0;
    for round in 0..60 {
        let running = progress::program(1, "never", FOR_EVER).start_traced("no");
        let path = running.work("../traced/recording");
        if round % 2 == 0 {
            // As soon as there is a file, or a little later.
            while !path.exists() {
                std::thread::yield_now();
            }
        }
        linger(random.below(8_000_000));
        running.signal(libc::SIGKILL);
        let ended = running.wait().with_signal(libc::SIGKILL);
        recordings += readable(&ended);
    }
    assert!(recordings > 10, "{recordings} of 60");
}

/// 1 if there is a recording and it can be read; 0 if it says that it is none, or is not there.
fn readable(ended: &Ended) -> usize {
    use mod_alloc::recording::file::{Error, RecordingFile};
    let path = ended.results.join("recording");
    if !path.exists() {
        return 0;
    }
    match RecordingFile::open(&path).and_then(|file| file.read()) {
        Ok(_) => {
            Recorded::read(&path);
            1
        }
        Err(Error::NotARecording | Error::NotBegun) => 0,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// By itself, after a known number of events: all of them are there.
fn ends_itself(ending: &str, expected: impl Fn(&Ended) -> bool) {
    for (threads, events) in [(1, 0), (1, 1), (1, 20_001), (4, 5_000)] {
        let ended = progress::program(threads, ending, events).start_traced("no").wait();
        assert!(expected(&ended), "{ending}: {ended:#?}");
        let progress = progress::of(&ended, threads);
        assert_eq!(progress[0], Progress { begun: events, done: events }, "{ending}");
        let recorded = ended.recorded();
        recorded.assert_nothing_lost();
        progress::assert_prefix(&recorded, &progress);
    }
}

fn by_signal(ending: &str, signal: i32) {
    ends_itself(ending, |ended| ended.status.signal() == Some(signal));
}

#[test]
fn a_crash() {
    by_signal("segv", libc::SIGSEGV);
}

#[test]
fn an_abort() {
    by_signal("abort", libc::SIGABRT);
}

#[test]
fn a_termination() {
    by_signal("term", libc::SIGTERM);
}

#[test]
fn an_exit_without_handlers() {
    ends_itself("_exit", |ended| ended.status.code() == Some(3));
    ends_itself("quick_exit", |ended| ended.status.code() == Some(3));
}

#[test]
fn an_exit() {
    ends_itself("exit", |ended| ended.status.code() == Some(3));
}

/// The kernel kills it, because it wants more memory than its group of processes may have.
#[test]
fn out_of_memory() {
    let group = MemoryGroup::create(96 << 20);
    let ended = {
        let running = progress::program(2, "hog", 30_000).start_traced("no");
        group.add(running.id());
        running.wait().with_signal(libc::SIGKILL)
    };
    assert!(group.has_killed(), "something else has");
    let progress = progress::of(&ended, 2);
    assert_eq!(progress[0].done, 30_000);
    let recorded = ended.recorded();
    recorded.assert_nothing_lost();
    progress::assert_prefix(&recorded, &progress);
}

fn wrapped(threads: usize, ending: &str, events: u64) -> (Running, i32) {
    let mut running = progress::program(threads, ending, events).start_wrapped("no");
    let process = progress::process(&mut running);
    (running, process)
}

fn kill(process: i32) {
    // SAFETY: a process that this test has had started, and which nobody has waited for.
    assert_eq!(unsafe { libc::kill(process, libc::SIGKILL) }, 0);
}

/// `mod-alloc run` sees it end, and writes the report by itself.
#[test]
fn sigkill_of_the_program_under_run() {
    let mut random = Random(4711);
    for threads in [1, 4, 1, 4, 1, 4, 1, 4, 1, 4] {
        let (mut running, process) = wrapped(threads, "never", FOR_EVER);
        progress::wait_until(&mut running, random.events());
        linger(random.below(20_000));
        kill(process);
        let ended = running.wait().with_status(128 + libc::SIGKILL);
        let report = ended.report();
        report.assert_nothing_lost();
        progress::assert_prefix(&report, &progress::of(&ended, threads));
    }
}

#[test]
fn endings_under_run() {
    let signal = |signal, name: &str| {
        let text = format!("killed by {name}; complete up to the last event of each thread");
        json!({ "how": "signal", "signal": signal, "name": name, "text": text })
    };
    let gone = "exited with 3, without its exit handlers; complete up to the last event of each \
                thread";
    for (ending, status, expected) in [
        ("segv", 128 + libc::SIGSEGV, signal(libc::SIGSEGV, "SIGSEGV")),
        ("abort", 128 + libc::SIGABRT, signal(libc::SIGABRT, "SIGABRT")),
        ("term", 128 + libc::SIGTERM, signal(libc::SIGTERM, "SIGTERM")),
        ("_exit", 3, json!({ "how": "gone", "code": 3, "text": gone })),
        ("exit", 3, json!({ "how": "exit", "code": 3, "text": "exited with 3" })),
    ] {
        let (running, _) = wrapped(1, ending, 10_000);
        let ended = running.wait().with_status(status);
        let report = ended.report();
        report.assert_nothing_lost();
        progress::assert_prefix(&report, &progress::of(&ended, 1));
        assert_eq!(report.report.json["x_ending"], expected, "{ending}");
    }
}

/// A group of processes with a limit of memory, by whichever version of control groups there is.
#[derive(Debug)]
struct MemoryGroup {
    folder: std::path::PathBuf,
    events: &'static str,
}

impl MemoryGroup {
    fn create(bytes: u64) -> Self {
        let name = format!("mod-alloc-test-{}", std::process::id());
        let versions = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"),
            ("/sys/fs/cgroup", "memory.max", "memory.events"),
        ];
        for (parent, limit, events) in versions {
            let folder = std::path::Path::new(parent).join(&name);
            if std::fs::create_dir(&folder).is_ok() {
                let group = Self { folder, events };
                if std::fs::write(group.folder.join(limit), bytes.to_string()).is_ok() {
                    return group;
                }
            }
        }
        panic!("no control group with a limit of memory can be made here: root is needed");
    }

    fn add(&self, process: u32) {
        let file = self.folder.join("cgroup.procs");
        std::fs::write(file, process.to_string()).expect("the process is there");
    }

    fn has_killed(&self) -> bool {
        let events = std::fs::read_to_string(self.folder.join(self.events)).expect("it is there");
        let kills = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        kills.expect("the kernel counts them") != "0"
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Empty by now; if it is not, it stays, and says so by being there.
        let _ = std::fs::remove_dir(&self.folder);
    }
}
