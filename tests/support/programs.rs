//! The fixture programs: built the way users build, run under each profiler.
//!
//! All are built by cargo in its release profile without further flags, so that the code of
//! the workloads is the same in each, and cargo builds only what changed.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::commands::{succeed, text};
use super::dhat_json::Report;

/// Deeper than any stack of the workloads, and the most that our walker keeps.
const FRAMES: &str = "256";

/// As in the main workspace's release profile.
const DEBUG_INFORMATION: &str = "limited";

/// The profiler that looks at the run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profiler {
    /// This crate.
    ModAlloc,
    /// dhat-rs, all frames.
    DhatRs,
    /// Valgrind's DHAT on the program without a profiler.
    Valgrind,
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Run {
    /// Where its report is.
    pub(crate) path: PathBuf,
    /// Its report.
    pub(crate) report: Report,
    /// The workload's output.
    pub(crate) stdout: String,
    /// Its words and the profiler's beside that.
    pub(crate) stderr: String,
}

impl Profiler {
    fn name(self) -> &'static str {
        match self {
            Self::ModAlloc => "ours",
            Self::DhatRs => "dhat-rs",
            Self::Valgrind => "valgrind",
        }
    }

    fn binary(self) -> &'static Path {
        static OURS: OnceLock<PathBuf> = OnceLock::new();
        static PLAIN: OnceLock<PathBuf> = OnceLock::new();
        static DHAT: OnceLock<PathBuf> = OnceLock::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let fixtures = root.join("fixtures/programs/Cargo.toml");
        match self {
            Self::ModAlloc => OURS.get_or_init(|| build(&fixtures, "fixture", &target())),
            Self::Valgrind => PLAIN.get_or_init(|| build(&fixtures, "fixture-plain", &target())),
            Self::DhatRs => DHAT.get_or_init(|| {
                // A workspace of its own gets a target folder of its own.
                let manifest = root.join("benches/peers/Cargo.toml");
                build(&manifest, "fixture-dhat", &target().join("peers"))
            }),
        }
    }

    /// Runs a workload, given as on the command line.
    ///
    /// # Panics
    /// If it cannot be built or run, fails, or leaves no sound report.
    pub(crate) fn run(self, workload: &str) -> Run {
        let folder = scratch(&format!("{} {workload}", self.name()));
        let program = folder.join("fixture");
        symlink(self.binary(), &program).expect("a link in an empty folder");
        let path = folder.join("report.dhat.json");
        let mut command = self.command(&path);
        command.args(workload.split(' ')).current_dir(&folder);
        let output = succeed(&mut command);
        Run {
            report: Report::read(&path),
            path,
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The program, called `./fixture` whoever profiles it: Rust's runtime allocates room
    /// for its own name.
    fn command(self, report: &Path) -> Command {
        let mut command = match self {
            Self::Valgrind => valgrind(report),
            Self::ModAlloc | Self::DhatRs => {
                let mut command = Command::new(self.binary());
                command.arg0("./fixture");
                command
            }
        };
        for (name, _) in env::vars_os().filter(|(name, _)| is_ours(name)) {
            command.env_remove(name);
        }
        command.env("MOD_ALLOC_OUT", report).env("MOD_ALLOC_FRAMES", FRAMES);
        command.env("DHAT_OUT", report).env_remove("DHAT_FRAMES");
        command
    }
}

/// With whole paths and with inlined functions, as the other two show them.
fn valgrind(report: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.arg("--tool=dhat").arg(format!("--num-callers={FRAMES}"));
    command.args(["--read-inline-info=yes", "--fullpath-after="]);
    let mut out = std::ffi::OsString::from("--dhat-out-file=");
    out.push(report);
    command.arg(out).arg("./fixture");
    command
}

fn is_ours(variable: &OsStr) -> bool {
    variable.to_string_lossy().starts_with("MOD_ALLOC")
}

/// The target folder of the running test.
pub(crate) fn target() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().expect("it is below the target folder").to_owned()
}

/// An empty folder of that name.
fn scratch(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the test has a path");
    let test = test.file_stem().expect("and a name").to_string_lossy();
    let test = test.rsplit_once('-').map_or(&*test, |(name, _hash)| name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test).join(name.replace(' ', "-"));
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("what an earlier run left can be removed");
    }
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// Has cargo build a program and say where it put it.
fn build(manifest: &Path, program: &str, target: &Path) -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--release", "--message-format=json-render-diagnostics"]);
    command.args(["--bin", program]).arg("--manifest-path").arg(manifest);
    command.arg("--target-dir").arg(target);
    // The release profile alone decides how the programs are built, and one of its settings
    // is made the same in all workspaces: it goes into the names of symbols, by which the
    // compiler orders functions, and so into what it inlines.
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.env("CARGO_PROFILE_RELEASE_DEBUG", DEBUG_INFORMATION);
    let output = succeed(&mut command);
    let executable = text(&output.stdout).lines().find_map(|line| executable(line, program));
    executable.unwrap_or_else(|| panic!("cargo did not say where it put {program}"))
}

fn executable(message: &str, program: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_it = message["target"]["name"] == program && message["reason"] == "compiler-artifact";
    message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
}
