//! `mod-alloc run`: starts a program with the library that records preloaded, waits for it, and
//! makes the report of what it recorded.
//!
//! ```text
//!  words ─▶ program: found, examined ─▶ preload: library ─▶ process: started, waited for
//!                                                                │ recording in a folder of the run
//!                                      unseen: warnings ◀── reports: read, named, written
//! ```

mod ahead;
mod process;
mod signals;
mod unseen;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use std::os::unix::process::{CommandExt, ExitStatusExt};

use mod_alloc::report::SiteNames;

use ahead::Ahead;

use crate::command_line::REFUSED;
use crate::program::{self, Program};
use crate::recordings::RunFolder;
use crate::reports::{self, Format, Output};
use crate::say::say;
use crate::{preload, recordings};

/// Arguments of `mod-alloc run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc run ls -la
  mod-alloc run -o heap.json -- python3 -c 'print(1)'
  mod-alloc run --children yes make -j8
  mod-alloc run --format text -o - ls         the report to standard output

Exit status: the program's; 128 + the signal that killed it; 125 if mod-alloc refuses or fails,
126 if the program cannot be executed, 127 if it is not found.

With --children yes, a forked child goes on with the numbers that its parent had: they are in both
reports, and twice in the sum.

Only programs that are linked dynamically against glibc can be recorded, and only what they allocate
through malloc and its relatives, or C++'s new. For a Rust program with an allocator of its own, use the crate.")]
pub(crate) struct Arguments {
    /// Where to write the report; `-` is standard output
    /// [default: mod-alloc.<program>.<pid>.json in the current folder]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Whether processes that the program starts are recorded too: a report each, and one of all
    #[arg(long, value_enum, default_value_t = Children::No)]
    children: Children,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Dhat)]
    format: Format,
    /// Frames kept of a stack, the innermost [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    frames: Option<u32>,
    /// With several threads, peaks are within 1 %, or exact at the price of a lock [default: bounded]
    #[arg(long, value_enum, value_name = "HOW")]
    peak: Option<Peak>,
    /// Call sites that the table holds, 64 to 1048576 [default: grows as needed]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(64..=1 << 20))]
    buckets: Option<u32>,
    /// Where debug files are; may be given several times
    #[arg(long = "debug-dir", value_name = "DIR")]
    debug_dirs: Vec<PathBuf>,
    /// Keep the recording, in this file; with --children yes, in this folder
    #[arg(long, value_name = "PATH")]
    record: Option<PathBuf>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"])]
    program: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Children {
    /// Only the program itself
    No,
    /// Every process
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Peak {
    Bounded,
    Exact,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match Run::prepare(arguments).and_then(Run::go) {
        Ok(status) | Err(Failure { status }) => ExitCode::from(status),
    }
}

/// Something failed, and has been said.
struct Failure {
    status: u8,
}

/// We cannot do what is asked for.
fn refused(why: impl std::fmt::Display) -> Failure {
    say!("{why}");
    Failure { status: REFUSED }
}

struct Run<'a> {
    arguments: &'a Arguments,
    program: Program,
    place: Place,
    command: Command,
}

/// Where the recording goes.
enum Place {
    /// Nothing is recorded.
    Nowhere,
    /// A folder of the run's own, taken away if all goes well.
    Own(RunFolder),
    /// Where the user wants to keep it.
    Kept(PathBuf),
}

impl<'a> Run<'a> {
    fn prepare(arguments: &'a Arguments) -> Result<Self, Failure> {
        let (name, words) = arguments.program.split_first().ok_or(Failure { status: REFUSED })?;
        let path = program::find(name, std::env::var_os("PATH").as_deref()).map_err(|error| {
            say!("{error}");
            Failure { status: error.status() }
        })?;
        let mut command = Command::new(&path);
        command.arg0(name).args(words);
        if std::env::var_os("MOD_ALLOC").is_some_and(|value| value == "off") {
            say!("MOD_ALLOC=off: {} runs plainly, and nothing is recorded", path.display());
            let program = Program { executable: path.clone(), path, is_script: false };
            return Ok(Self { arguments, program, place: Place::Nowhere, command });
        }
        let program = Program::examine(path).map_err(refused)?;
        let library = preload::library().map_err(refused)?;
        let place = arguments.place()?;
        arguments.set_environment(&library, &place);
        Ok(Self { arguments, program, place, command })
    }

    fn go(mut self) -> Result<u8, Failure> {
        self.tell_of_script();
        let mut ahead = None;
        let started = |pid| {
            if let (Place::Own(folder), Children::No) = (&self.place, self.arguments.children) {
                let path = folder.path().join(format!("recording.{pid}"));
                ahead = Ahead::begin(path, self.arguments.debug_dirs.clone());
            }
        };
        let ended = match process::run(&mut self.command, started) {
            Ok(ended) => ended,
            Err(error) => {
                say!("{} cannot be started: {error}", self.program.path.display());
                self.take_folder_away();
                return Err(Failure { status: process::status_of_start(&error) });
            }
        };
        let status = self.status(ended.status);
        if self.report(ended.pid, ahead.and_then(Ahead::end)) {
            self.take_folder_away();
            return Ok(status);
        }
        if let Place::Own(folder) = self.place {
            folder.remove_if_empty();
        }
        // What the program said is more important.
        Ok(if status == 0 { REFUSED } else { status })
    }

    /// With `--children no` the interpreter alone is recorded, and a shell allocates little.
    fn tell_of_script(&self) {
        if self.program.is_script && self.arguments.children == Children::No {
            say!(
                "{} is a script: {} is recorded, which runs it, and not what it starts \
                 (--children yes records that too)",
                self.program.path.display(),
                self.program.executable.display()
            );
        }
    }

    /// What a shell makes of it.
    fn status(&self, status: ExitStatus) -> u8 {
        let program = self.program.path.display();
        if let Some(signal) = status.signal() {
            let name = signals::name(signal).unwrap_or("unknown");
            let core = if status.core_dumped() { ", core dumped" } else { "" };
            say!("{program} was killed by signal {signal} ({name}{core})");
            return u8::try_from(128 + signal).unwrap_or(u8::MAX);
        }
        status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
    }

    /// Reads what was recorded and writes the report; whether that went well. What did not has been
    /// said.
    fn report(&self, pid: u32, names: Option<SiteNames>) -> bool {
        let output = Output {
            path: self.arguments.output.as_deref(),
            format: self.arguments.format,
            debug_dirs: &self.arguments.debug_dirs,
            program: self.program.name(),
            pid,
        };
        let (path, every_process) = match (&self.place, self.arguments.children) {
            (Place::Nowhere, _) => return true,
            (Place::Own(folder), Children::No) => {
                (folder.path().join(format!("recording.{pid}")), false)
            }
            (Place::Own(folder), Children::Yes) => (folder.path().to_owned(), true),
            (Place::Kept(path), children) => (path.clone(), children == Children::Yes),
        };
        let made = if every_process {
            reports::of_processes(&path, &output)
        } else {
            reports::of_process(&path, &output, true, names)
        };
        match made {
            Ok(made) => {
                unseen::warn(&self.program, &made);
                made.is_complete
            }
            Err(error) => {
                unseen::explain(&self.program, &error);
                false
            }
        }
    }

    fn take_folder_away(self) {
        let Place::Own(folder) = self.place else { return };
        let path = folder.path().to_owned();
        if let Err(error) = folder.remove() {
            say!("{} cannot be removed: {error}", path.display());
        }
    }
}

impl Arguments {
    fn place(&self) -> Result<Place, Failure> {
        let Some(path) = &self.record else {
            return RunFolder::create().map(Place::Own).map_err(refused);
        };
        // The program may change its folder before it forks.
        let path = std::path::absolute(path)
            .map_err(|error| refused(format_args!("{}: {error}", path.display())))?;
        let taken = match self.children {
            Children::No => path.exists(),
            Children::Yes => recordings::in_folder(&path).is_ok_and(|found| !found.is_empty()),
        };
        if taken {
            return Err(refused(format_args!(
                "{}: there is something already; --record overwrites nothing",
                path.display()
            )));
        }
        if self.children == Children::Yes
            && let Err(error) = std::fs::create_dir_all(&path)
        {
            return Err(refused(format_args!("{}: {error}", path.display())));
        }
        Ok(Place::Kept(path))
    }

    /// What the library needs is set in our own environment, which the program inherits as it is: a
    /// [`Command`] that sets variables itself sorts all of them.
    fn set_environment(&self, library: &Path, place: &Place) {
        let set = |name: &str, value: &OsStr| {
            // SAFETY: no other thread runs yet.
            unsafe { std::env::set_var(name, value) };
        };
        let mut preload = library.as_os_str().to_owned();
        if let Some(before) = std::env::var_os("LD_PRELOAD").filter(|before| !before.is_empty()) {
            preload.push(":");
            preload.push(before);
        }
        set("LD_PRELOAD", &preload);
        set("MOD_ALLOC_RECORD", &self.record_pattern(place));
        let children = if self.children == Children::Yes { "yes" } else { "no" };
        set("MOD_ALLOC_CHILDREN", children.as_ref());
        if let Some(frames) = self.frames {
            set("MOD_ALLOC_FRAMES", frames.to_string().as_ref());
        }
        if let Some(buckets) = self.buckets {
            set("MOD_ALLOC_BUCKETS", buckets.to_string().as_ref());
        }
        if let Some(peak) = self.peak {
            set("MOD_ALLOC_PEAK", (if peak == Peak::Exact { "exact" } else { "bounded" }).as_ref());
        }
    }

    /// `%p` stands for a process's id, and `%%` for a percent sign.
    fn record_pattern(&self, place: &Place) -> OsString {
        let (path, in_folder) = match place {
            Place::Own(folder) => (folder.path(), true),
            Place::Kept(path) => (path.as_path(), self.children == Children::Yes),
            Place::Nowhere => return OsString::new(),
        };
        let mut pattern = recordings::pattern_of(path);
        if in_folder {
            pattern.push("/recording.%p");
        }
        pattern
    }
}
