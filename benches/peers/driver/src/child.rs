//! Runs one bench program to its end.

use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::lines::Lines;
use crate::options::{Build, Options};
use crate::programs::Allocator;

/// A program about to be run.
pub(crate) struct Child<'a> {
    pub(crate) allocator: &'a Allocator,
    program: PathBuf,
    /// Where its report goes.
    directory: &'a Path,
}

/// What came of it.
pub(crate) enum Run {
    /// It ran.
    Ended(Ended),
    /// There is no such program, or its profiler would not start.
    Refused(String),
}

/// A run seen from outside.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) printed: Lines,
    /// The monotonic clock right after, in nanoseconds.
    pub(crate) at_nanos: f64,
    /// The most memory that was resident at once.
    pub(crate) resident_kib: f64,
    /// Where its report is, if it wrote one.
    pub(crate) report: PathBuf,
}

impl<'a> Child<'a> {
    /// The allocator's program in that build.
    pub(crate) fn new(options: &'a Options, build: &Build, allocator: &'a Allocator) -> Self {
        let program = build.directory.join(allocator.program);
        Self { allocator, program, directory: &options.scratch }
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    ///
    /// If the program fails.
    pub(crate) fn run(&self, arguments: &[String]) -> Result<Run, String> {
        let report = self.directory.join("report.json");
        let _ = fs::remove_file(&report);
        let errors = self.directory.join("stderr.txt");
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(fs::File::create(&errors).map_err(|error| error.to_string())?);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Run::Refused(self.allocator.if_missing.to_owned()));
            }
            Err(error) => return Err(format!("{}: {error}", self.program.display())),
        };
        let mut printed = String::new();
        let mut stdout = child.stdout.take().expect("it was asked for");
        stdout.read_to_string(&mut printed).map_err(|error| error.to_string())?;
        let (status, ended) = wait(child.id(), Lines(printed), report)?;
        if status != 0 {
            let said = fs::read_to_string(&errors).unwrap_or_default();
            return Err(format!("{} {arguments:?}: status {status:#x}\n{said}", self.name()));
        }
        match ended.printed.text("refused") {
            Some(reason) => Ok(Run::Refused(reason.to_owned())),
            None => Ok(Run::Ended(ended)),
        }
    }

    /// The program with its report in the directory, whichever allocator it runs under, and
    /// with no other settings than those that the allocator's row stands for.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        std::env::vars_os().map(|(name, _)| name).filter(is_setting).for_each(|name| {
            command.env_remove(name);
        });
        let report = self.directory.join("report.json");
        for variable in ["DHAT_OUT", "HEAPSCOPE_OUT", "MOD_ALLOC_1_OUT", "MOD_ALLOC_OUT"] {
            command.env(variable, &report);
        }
        command.envs(self.allocator.environment.iter().copied());
        command
    }

    pub(crate) fn name(&self) -> &'static str {
        self.allocator.name
    }
}

/// Whether a variable is one of the profilers'.
fn is_setting(name: &OsString) -> bool {
    let ours = |prefix: &&str| name.to_string_lossy().starts_with(*prefix);
    ["DHAT_", "HEAPSCOPE_", "MOD_ALLOC"].iter().any(ours)
}

/// Waits for a process that printed all it will; returns its status, as `wait4` gives it.
fn wait(pid: u32, printed: Lines, report: PathBuf) -> Result<(i32, Ended), String> {
    let pid = i32::try_from(pid).expect("process ids are positive");
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: both pointers are to writable memory of the right type, and nobody else waits for this child.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    let at_nanos = monotonic_nanos();
    if waited != pid {
        return Err(format!("wait4: {}", std::io::Error::last_os_error()));
    }
    // SAFETY: the call succeeded, so it filled the value in.
    let usage = unsafe { usage.assume_init() };
    Ok((status, Ended { printed, at_nanos, resident_kib: usage.ru_maxrss as f64, report }))
}

fn monotonic_nanos() -> f64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is to writable memory of the right type.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr()) };
    assert_eq!(status, 0, "every Linux has a monotonic clock");
    // SAFETY: the call succeeded, so it filled the value in.
    let time = unsafe { time.assume_init() };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::named;

    #[test]
    fn an_allocator_has_its_own_settings_and_no_others() {
        assert!(
            ["MOD_ALLOC", "MOD_ALLOC_BUCKETS", "DHAT_FRAMES"]
                .iter()
                .all(|name| is_setting(&name.into()))
        );
        assert!(!is_setting(&"MALLOC_ARENA_MAX".into()));
        let allocator = named("mod-alloc-1");
        let child = Child { allocator, program: "p".into(), directory: Path::new("d") };
        let command = child.command();
        let of = |name: &str| {
            command.get_envs().find(|(known, _)| *known == name).and_then(|(_, value)| value)
        };
        assert_eq!(of("MOD_ALLOC_BUCKETS"), Some("1048576".as_ref()));
        assert_eq!(of("MOD_ALLOC_1_OUT"), Some("d/report.json".as_ref()));
        assert_eq!(of("DHAT_FRAMES"), None);
    }
}
