//! The program `progress`, which leaves behind how far it got, held against what was recorded of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::native;
use super::program::{Ended, Program, Running};
use super::recorded::{Recorded, counted};

/// Its file, in its folder.
const FILE: &str = "progress";
/// Bytes that each thread's numbers take, and those of the process before them.
const APART: usize = 128;
/// Longer than any start may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Events begun and done by a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) begun: u64,
    pub(crate) done: u64,
}

/// Threads work until the process is killed, or until the first of them has done so many events and
/// ends it in the way that is said.
pub(crate) fn program(threads: usize, ending: &str, events: u64) -> Program {
    let (threads, events) = (threads.to_string(), events.to_string());
    let arguments = ["run", FILE, &threads, ending, &events];
    Program::new(native::program("progress"), &arguments).called(&format!("{ending}-{threads}"))
}

/// Its process id, as soon as it is known.
pub(crate) fn process(running: &mut Running) -> i32 {
    let path = running.work(FILE);
    wait_for(running, || i32::try_from(word(&path, 0)?).ok().filter(|id| *id > 0))
}

/// Waits until the first thread has begun so many events.
pub(crate) fn wait_until(running: &mut Running, events: u64) {
    let path = running.work(FILE);
    wait_for(running, || word(&path, APART).filter(|begun| *begun >= events));
}

fn wait_for<T>(running: &mut Running, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(!running.has_ended(), "it has ended: {running:?}");
        assert!(Instant::now() < deadline, "it does not get so far: {running:?}");
        std::thread::yield_now();
    }
}

fn word(path: &Path, at: usize) -> Option<u64> {
    let bytes = fs::read(path).ok()?;
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// How far each of its threads had got when it ended.
pub(crate) fn of(ended: &Ended, threads: usize) -> Vec<Progress> {
    let path = ended.work.join(FILE);
    let word = |at| word(&path, at).expect("the program has made its file");
    let of_thread = |thread| {
        let at = APART * (thread + 1);
        Progress { begun: word(at), done: word(at + 8) }
    };
    (0..threads).map(of_thread).collect()
}

/// Every site of each thread has the numbers of one moment, which is no earlier than its last event
/// done and no later than its last begun. Returns how many threads were in the middle of an event.
pub(crate) fn assert_prefix(recorded: &Recorded, progress: &[Progress]) -> usize {
    for (thread, at) in progress.iter().enumerate() {
        assert!(at.begun == at.done || at.begun == at.done + 1, "{at:?}");
        let (before, after) = (model(thread, at.done), model(thread, at.begun));
        let found: Vec<_> = before.iter().map(|(site, _)| recorded.site(site)).collect();
        let is = |model: &[(String, [u64; 4])]| {
            found.iter().zip(model).all(|(found, (_, expected))| found == expected)
        };
        assert!(
            is(&before) || is(&after),
            "thread {thread}, {at:?}: {found:?} is neither {before:?} nor {after:?}"
        );
    }
    progress.iter().filter(|at| at.begun != at.done).count()
}

/// The numbers of a thread's sites after so many events.
fn model(thread: usize, events: u64) -> Vec<(String, [u64; 4])> {
    let path: PathBuf = native::program("progress");
    let mut command = std::process::Command::new(path);
    command.args(["model", &thread.to_string(), &events.to_string()]);
    let output = command.output().expect("it can be started");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("it prints ASCII");
    counted(&text).map(|(site, numbers)| (site.to_owned(), numbers)).collect()
}
