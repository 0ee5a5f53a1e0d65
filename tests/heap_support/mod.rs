//! Builds the programs of `tests/programs`, runs them and finds their sites in the report.
//!
//! They are built by cargo in its release profile without further flags, as users build,
//! into the target folder of the running test; cargo builds only what changed.

#[path = "../support/dhat_json.rs"]
pub(crate) mod dhat_json;

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use dhat_json::{Counters, Report};

/// All of dhat's numbers but the lifetimes, in the order in which tests write them down.
pub(crate) const COUNTED: [&str; 8] = ["tb", "tbk", "mb", "mbk", "gb", "gbk", "eb", "ebk"];

/// A program that runs longer than this hangs, even on a machine that has much else to do.
const TIME_LIMIT: Duration = Duration::from_secs(600);

/// The program of `tests/programs`.
pub(crate) fn programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_programs("release", &[]))
}

/// As above, the last step (compilation of their own code, and linking) with rustc's `flags`.
pub(crate) fn build_programs(variant: &str, flags: &[&str]) -> PathBuf {
    let mut arguments = vec!["--package", "mod-alloc", "--example", "heap-programs", "--"];
    arguments.extend(flags);
    build(&["rustc", "--release"], &arguments, "heap-programs", variant)
}

/// The program of `tests/programs` in the development profile.
pub(crate) fn programs_in_development() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let arguments = ["--package", "mod-alloc", "--example", "heap-programs"];
        build(&["build"], &arguments, "heap-programs", "development")
    })
}

/// The program `fixture` of `fixtures/programs`.
pub(crate) fn fixture() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let arguments = ["--package", "mod-alloc-fixtures", "--bin", "fixture"];
        build(&["build", "--release"], &arguments, "fixture", "fixture")
    })
}

/// The program `group-programs` of `tests/programs/groups`.
pub(crate) fn group_programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let package = ["--package", "mod-alloc", "--features", "tracing"];
        let arguments = [&package[..], &["--example", "group-programs"]].concat();
        build(&["build", "--release"], &arguments, "group-programs", "groups")
    })
}

/// The command `mod-alloc`.
pub(crate) fn mod_alloc_command() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let arguments = ["--package", "mod-alloc-cli", "--bin", "mod-alloc"];
        build(&["build"], &arguments, "mod-alloc", "mod-alloc")
    })
}
/// The program `memory-programs` of `tests/programs/memory`.
pub(crate) fn memory_programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["build", "--release"], &MEMORY, "memory-programs", "memory"))
}

/// As above, with the feature `counters` alone.
pub(crate) fn memory_programs_with_counters() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let features = ["--no-default-features", "--features", "counters"];
        let arguments = [&MEMORY[..], &features].concat();
        build(&["build", "--release"], &arguments, "memory-programs", "memory-counters")
    })
}

/// The program `service-programs` of `tests/programs/service`.
pub(crate) fn service_programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let arguments = ["--package", "mod-alloc", "--example", "service-programs"];
        build(&["build", "--release"], &arguments, "service-programs", "service")
    })
}

const MEMORY: [&str; 4] = ["--package", "mod-alloc", "--example", "memory-programs"];

const TORTURE: [&str; 4] = ["--package", "mod-alloc", "--example", "torture-programs"];

/// The program `torture-programs` of `tests/programs/torture`.
pub(crate) fn torture_programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["build", "--release"], &TORTURE, "torture-programs", "torture"))
}

/// As above, in cargo's development profile, in which the profiler looks for its own overflows.
pub(crate) fn torture_programs_in_development() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["build"], &TORTURE, "torture-programs", "torture-development"))
}

/// The program `dhat-programs` of `tests/programs/dhat`.
pub(crate) fn dhat_programs() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let arguments = ["--package", "mod-alloc", "--example", "dhat-programs"];
        build(&["build", "--release"], &arguments, "dhat-programs", "dhat")
    })
}

/// Has cargo build `program` and keeps a copy, for cargo gives all variants one place.
fn build(how: &[&str], arguments: &[&str], program: &str, variant: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("below the target folder");
    // Optimized tests run beside the others, and their cargo has the same place for the program.
    let others = File::create(target.join("test-programs.lock")).expect("the target folder");
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::flock(others.as_raw_fd(), libc::LOCK_EX) }, 0);
    let mut command = Command::new(env!("CARGO"));
    command.args(how).arg("--message-format=json-render-diagnostics");
    command.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    command.arg("--target-dir").arg(target).args(arguments);
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    if cfg!(mod_alloc_portable) {
        command.env("RUSTFLAGS", "--cfg mod_alloc_portable");
    }
    let output = command.stderr(Stdio::piped()).output().expect("cargo can be started");
    let messages = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let built = messages.lines().find_map(|line| executable(line, program));
    let copy = scratch("built").join(variant);
    fs::copy(built.expect("cargo says where it put the program"), &copy).expect("room for a copy");
    copy
}

fn executable(message: &str, program: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_it = message["target"]["name"] == program && message["reason"] == "compiler-artifact";
    message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
}

/// The running test's folder of that name, made if it is not there. Cargo has one folder for tests
/// of all profiles, and those of two may run at a time.
fn scratch(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).and_then(Path::file_name).expect("target/PROFILE/deps");
    let profile = profile.to_owned();
    let test = test.file_stem().expect("and a name").to_string_lossy();
    let test = test.rsplit_once('-').map_or(&*test, |(name, _hash)| name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(profile).join(test).join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// A program about to be run, in an empty folder of its own.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) command: Command,
    pub(crate) folder: PathBuf,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) folder: PathBuf,
    pub(crate) id: u32,
    /// From before it was started until it was seen to have ended.
    pub(crate) took: Duration,
}

impl Launch {
    /// `run` names the folder, beside the test; `{}` in an argument stands for its path.
    pub(crate) fn new(run: &str, program: &Path, arguments: &[&str]) -> Self {
        let test = std::thread::current();
        let folder = scratch(&format!("{} {run}", test.name().expect("the test's")));
        fs::remove_dir_all(&folder).expect("what an earlier run left can be removed");
        fs::create_dir(&folder).expect("its place is free");
        let mut command = Command::new(program);
        let path = folder.to_str().expect("a path in UTF-8");
        command.args(arguments.iter().map(|argument| argument.replace("{}", path)));
        let ours = |name: &str| name.starts_with("MOD_ALLOC");
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
            command.env_remove(name);
        }
        command.current_dir(&folder);
        Self { command, folder }
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the program.
    ///
    /// # Panics
    /// If it cannot be started or hangs.
    pub(crate) fn run(mut self) -> Ended {
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.folder.join(name));
        let file = |path: &Path| File::create(path).expect("the folder can be written to");
        self.command.stdin(Stdio::null()).stdout(file(&stdout)).stderr(file(&stderr));
        let start = Instant::now();
        let mut child = self.command.spawn().expect("the program can be started");
        let status = loop {
            if let Some(status) = child.try_wait().expect("it is our child") {
                break status;
            }
            if start.elapsed() > TIME_LIMIT {
                child.kill().expect("it is our child");
                panic!("{:?} hangs; see {}", self.command, self.folder.display());
            }
            sleep(Duration::from_millis(1));
        };
        let took = start.elapsed();
        let text = |path| String::from_utf8_lossy(&fs::read(path).expect("written")).into_owned();
        let (stdout, stderr) = (text(stdout), text(stderr));
        Ended { status, stdout, stderr, folder: self.folder, id: child.id(), took }
    }
}

impl Ended {
    /// This run, if the program ended with this status.
    pub(crate) fn with_status(self, status: i32) -> Self {
        assert_eq!(self.status.code(), Some(status), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The report in its folder.
    pub(crate) fn report(&self) -> Report {
        self.report_at("dhat-heap.json")
    }

    /// The report of that name in its folder.
    pub(crate) fn report_at(&self, name: &str) -> Report {
        let report = Report::read(&self.folder.join(name));
        if report.json["x_settings"]["peak"] == "exact" {
            let found = report.contradictions();
            assert!(found.is_empty(), "{name}: {found:?}");
        }
        report
    }

    /// The numbers in the first line on standard output that begins with this word.
    pub(crate) fn numbers(&self, word: &str) -> Vec<u64> {
        numbers_in(&self.stdout, word)
    }

    /// The lines of ours on standard error, without our name.
    pub(crate) fn said(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("mod-alloc: ")).collect()
    }
}

/// The numbers in the first line of `text` that begins with this word.
pub(crate) fn numbers_in(text: &str, word: &str) -> Vec<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    let line = lines.find_map(|mut words| (words.next() == Some(word)).then_some(words));
    let line = line.unwrap_or_else(|| panic!("no line of {word} in {text}"));
    line.map(|number| number.parse().expect("a number")).collect()
}

/// The `site_*` functions of a report, by name; each may have several stacks.
#[derive(Debug)]
pub(crate) struct Sites(BTreeMap<String, Vec<Counters>>);

impl Sites {
    pub(crate) fn of(report: &Report) -> Self {
        let mut sites = BTreeMap::<_, Vec<_>>::new();
        let names: Vec<_> = report.frames.iter().map(|frame| site_name(frame)).collect();
        for point in &report.points {
            if let Some(name) = point.stack.iter().find_map(|&index| names[index]) {
                sites.entry(name.to_owned()).or_default().push(point.counters);
            }
        }
        Self(sites)
    }

    /// The numbers called `keys` of the one stack of `site`.
    pub(crate) fn get<const N: usize>(&self, site: &str, keys: [&str; N]) -> [u64; N] {
        let stacks = self.0.get(site).map_or(&[][..], Vec::as_slice);
        let [counters] = stacks else { panic!("{site} has {} stacks", stacks.len()) };
        keys.map(|key| counters.get(key))
    }

    /// Likewise, added up over all stacks of `site`; 0 if it has none.
    pub(crate) fn sum<const N: usize>(&self, site: &str, keys: [&str; N]) -> [u64; N] {
        let mut sum = Counters::default();
        for counters in self.0.get(site).into_iter().flatten() {
            sum += *counters;
        }
        keys.map(|key| sum.get(key))
    }

    /// Panics unless `site` has these numbers, in the order of [`COUNTED`].
    pub(crate) fn expect(&self, site: &str, numbers: [u64; 8]) {
        assert_eq!(self.get(site, COUNTED), numbers, "{site}: {COUNTED:?}");
    }
}

/// The last part of the function's name in a frame, if it is a `site_*`.
fn site_name(frame: &str) -> Option<&str> {
    let (_, rest) = frame.split_once(": ")?;
    let name = rest.split(" (").next()?.rsplit("::").next()?;
    name.starts_with("site_").then_some(name)
}

/// The events lost by `cause`, as the report has it.
pub(crate) fn lost(report: &Report, cause: &str) -> u64 {
    report.json["x_losses"][cause].as_u64().expect("the report counts its losses")
}

/// Panics if anything was lost.
pub(crate) fn assert_nothing_lost(report: &Report) {
    assert_only_lost(report, &[]);
}

/// Panics if anything was lost by other causes than these.
pub(crate) fn assert_only_lost(report: &Report, causes: &[&str]) {
    let losses = report.json["x_losses"].as_object().expect("the report counts its losses");
    let other = |(cause, count): &(&String, &Value)| {
        !causes.contains(&cause.as_str()) && count.as_u64() != Some(0)
    };
    let other: Vec<_> = losses.iter().filter(other).collect();
    assert!(other.is_empty(), "lost: {other:?}");
}
