//! Runs one bench program and takes down everything it shows from outside.

use std::fs;
use std::io::{ErrorKind, Read};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::Allocator;

/// A program about to be run.
pub(crate) struct Child<'a> {
    pub(crate) program: PathBuf,
    /// Where its report goes.
    pub(crate) directory: &'a Path,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It ran.
    Measured(Measured),
    /// There is no such program, or its profiler would not start.
    Refused(String),
}

/// What a run showed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Nanoseconds per unit.
    pub(crate) value: f64,
    /// Nanoseconds of the second pass of a whole program; 0 if there was none.
    pub(crate) again: f64,
    /// The most memory that was resident at once, in KiB.
    pub(crate) resident_kib: f64,
    /// From the end of the work until the process was gone, in milliseconds.
    pub(crate) exit_millis: f64,
    /// Bytes of the report; 0 if there is none.
    pub(crate) report_bytes: f64,
}

impl Child<'_> {
    /// Runs the program to its end.
    ///
    /// # Errors
    ///
    /// If the program fails or does not print what it should.
    pub(crate) fn run(
        &self,
        allocator: &Allocator,
        arguments: &[String],
    ) -> Result<Outcome, String> {
        let report = self.directory.join("report.json");
        let _ = fs::remove_file(&report);
        let errors = self.directory.join("stderr.txt");
        let mut command = self.command(allocator, &report);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(fs::File::create(&errors).map_err(|error| error.to_string())?);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Outcome::Refused(allocator.if_missing.to_owned()));
            }
            Err(error) => return Err(format!("{}: {error}", self.program.display())),
        };
        let mut printed = String::new();
        let mut stdout = child.stdout.take().expect("it was asked for");
        stdout.read_to_string(&mut printed).map_err(|error| error.to_string())?;
        let ended = wait(child.id())?;
        if ended.status != 0 {
            let said = fs::read_to_string(&errors).unwrap_or_default();
            return Err(format!(
                "{} {arguments:?}: status {:#x}\n{said}",
                allocator.name, ended.status
            ));
        }
        let report_bytes = fs::metadata(&report).map_or(0.0, |metadata| metadata.len() as f64);
        read(&printed, &ended, report_bytes)
            .ok_or(format!("{}: printed {printed:?}", allocator.name))
    }

    /// The program with its report at `report`, whichever allocator it runs under.
    pub(crate) fn command(&self, allocator: &Allocator, report: &Path) -> Command {
        let mut command = Command::new(&self.program);
        for variable in ["DHAT_OUT", "HEAPSCOPE_OUT", "MOD_ALLOC_1_OUT", "MOD_ALLOC_OUT"] {
            command.env(variable, report);
        }
        command.envs(allocator.environment.iter().copied());
        command
    }
}

/// How a process ended.
struct Ended {
    /// As `wait4` gives it.
    status: i32,
    /// The monotonic clock right after, in nanoseconds.
    at_nanos: f64,
    resident_kib: f64,
}

fn wait(pid: u32) -> Result<Ended, String> {
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
    Ok(Ended { status, at_nanos, resident_kib: usage.ru_maxrss as f64 })
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

/// Reads the lines of `key value`.
fn read(printed: &str, ended: &Ended, report_bytes: f64) -> Option<Outcome> {
    let text =
        |key: &str| printed.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    if let Some(reason) = text("refused") {
        return Some(Outcome::Refused(reason.to_owned()));
    }
    let number = |key: &str| text(key)?.parse::<f64>().ok();
    Some(Outcome::Measured(Measured {
        value: number("value")?,
        again: number("again").unwrap_or(0.0),
        resident_kib: ended.resident_kib,
        exit_millis: (ended.at_nanos - number("end")?) / 1e6,
        report_bytes,
    }))
}
