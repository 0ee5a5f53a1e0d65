//! `--every`: reports while the programs run, made here of the recordings. The number of files is
//! bounded: the oldest report is removed for a new one.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mod_alloc::report::SiteNames;

use crate::base::say::{Shown, say};
use crate::recordings::DebugFiles;
use crate::reports::{self, Format, Output};
use crate::units::duration;

use super::ahead::give_way;
use super::arguments::{Children, Options};

/// `--every` and `--keep`.
#[derive(Debug, clap::Args)]
pub(crate) struct Schedule {
    /// Write a report each TIME (`30s`, `10m`, `2h`) while the program runs, under the report's
    /// name with a number: heap.1.json, or in the place of %n in FILE
    #[arg(long, value_name = "TIME", value_parser = period)]
    pub(super) every: Option<Duration>,
    /// Keep the latest N of these reports, 1 to 10000
    #[arg(long, value_name = "N", requires = "every", default_value_t = 24)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) keep: u32,
}

/// The range of `MOD_ALLOC_EVERY`.
fn period(text: &str) -> Result<Duration, String> {
    const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
    let period = duration(text)?;
    let is_possible = (Duration::from_millis(100)..=WEEK).contains(&period);
    if is_possible { Ok(period) } else { Err("100ms to 7d is possible".into()) }
}

/// A thread that writes reports.
#[derive(Debug)]
pub(super) struct Scheduled {
    thread: JoinHandle<u32>,
    end: Sender<()>,
}

/// The facts that reports are made by.
struct Work {
    /// The recording, or the folder of all.
    recording: PathBuf,
    children: Children,
    /// Reports that are kept.
    kept: u32,
    path: Option<PathBuf>,
    format: Format,
    sum_alone: bool,
    debug_files: DebugFiles,
    program: OsString,
    pid: u32,
    /// Names of earlier reports of one process.
    names: Option<SiteNames>,
    /// The reports that are kept, the oldest first.
    written: VecDeque<PathBuf>,
    /// The number of the last report.
    number: u32,
}

impl Scheduled {
    /// Begins with process `pid` of the program with that name. `None`: no reports are wanted, or
    /// there can be no thread.
    pub(super) fn begin(
        options: &Options,
        recording: PathBuf,
        program: OsString,
        pid: u32,
    ) -> Option<Self> {
        let every = options.schedule.every?;
        let mut work = Work {
            recording,
            children: options.children,
            kept: options.schedule.keep,
            path: options.output.clone(),
            format: options.format,
            sum_alone: options.sum,
            debug_files: options.debug_files.clone(),
            program,
            pid,
            names: None,
            written: VecDeque::new(),
            number: 0,
        };
        let (end, ended) = mpsc::channel();
        let run = move || {
            give_way();
            let mut due = Instant::now() + every;
            loop {
                let pause = due.saturating_duration_since(Instant::now());
                if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return work.number;
                }
                work.write();
                // A report that takes longer than the pause must not keep the thread busy for ever.
                due = (due + every).max(Instant::now() + every / 2);
            }
        };
        let thread = thread::Builder::new().name("reports".into()).spawn(run);
        let told = thread.map_err(|error| say!("no reports on a schedule: no thread: {error}"));
        Some(Self { thread: told.ok()?, end })
    }

    /// The program has ended: waits for a report that is being written. Gives the number of the
    /// last one.
    pub(super) fn end(self) -> u32 {
        drop(self.end);
        self.thread.join().unwrap_or_default()
    }
}

impl Work {
    fn write(&mut self) {
        let number = self.number + 1;
        let (path, number_beside) = reports::placed(self.path.clone(), number, false);
        let output = Output {
            path,
            number: number_beside,
            format: self.format,
            sum_alone: self.sum_alone,
            // The page is made at the end.
            html: false,
            debug_files: &self.debug_files,
            program: self.program.clone(),
            pid: self.pid,
        };
        let made = match self.children {
            Children::No => reports::of_process_so_far(&self.recording, &output, &mut self.names),
            Children::Yes => reports::of_processes_so_far(&self.recording, &output),
        };
        let Some((path, written)) = made else { return };
        self.number = number;
        match written {
            Ok(()) => self.keep(path),
            Err(error) => say!(
                "cannot write the report {}: {error}; the next one is tried as ever",
                Shown(&path)
            ),
        }
    }

    /// Notes a report, and removes the oldest if there are too many.
    fn keep(&mut self, path: PathBuf) {
        self.written.push_back(path);
        while self.written.len() > self.kept as usize
            && let Some(oldest) = self.written.pop_front()
        {
            // Somebody else may have removed it.
            let _ = fs::remove_file(oldest);
        }
    }
}
