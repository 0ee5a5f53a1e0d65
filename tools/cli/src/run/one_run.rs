//! One run of a program, from its name to the report.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Status;
use mod_alloc::report::SiteNames;
use mod_alloc::report::wire::signal_name;

use crate::base::exit_status::REFUSED;
use crate::base::say::say;
use crate::program::{self, Program, preload};
use crate::recordings;
use crate::reports::{self, Output};
use crate::serve::{Running, Service, Sources};

use super::ahead::Ahead;
use super::arguments::{Arguments, Children};
use super::failure::{Failure, refused};
use super::moments::Moments;
use super::place::{self, Place};
use super::process::Ended;
use super::scheduled::Scheduled;
use super::{environment, goes_on, process, unseen};

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match Run::prepare(arguments).and_then(Run::go) {
        Ok(status) | Err(Failure { status }) => ExitCode::from(status),
    }
}

struct Run<'a> {
    arguments: &'a Arguments,
    program: Program,
    place: Place,
    command: Command,
    service: Option<Service>,
    /// The number of the next report.
    next: u32,
}

/// The part of the recordings that is in reports.
enum Reported {
    All,
    /// All until now: some process still runs, and its recording stays.
    SoFar,
    /// Not all; the recordings stay.
    Failed,
}

impl<'a> Run<'a> {
    fn prepare(arguments: &'a Arguments) -> Result<Self, Failure> {
        let (name, words) = arguments.program.split_first().ok_or(Failure { status: REFUSED })?;
        let path = program::find(name, std::env::var_os("PATH").as_deref()).map_err(|error| {
            say!("{error}");
            Failure { status: error.status() }
        })?;
        // Before the environment is set: a taken port is told before anything is begun.
        let options = &arguments.options;
        let service = Service::of(&options.listening, &options.pushing).map_err(refused)?;
        let mut command = Command::new(&path);
        command.arg0(name).args(words);
        if std::env::var_os("MOD_ALLOC").is_some_and(|value| value == "off") {
            return Ok(Self::plain(arguments, path, command, service));
        }
        let program = Program::examine_with(path, words).map_err(refused)?;
        let several = arguments.options.children == Children::Yes;
        let of = if several { reports::Of::All } else { reports::Of::One };
        let output = output(arguments, program.name(), 0, 1);
        if arguments.options.schedule.every.is_some() && output.is_to_stdout() {
            return Err(refused("--every needs files: name one with -o FILE, or a folder"));
        }
        output.try_targets(of, &[&program.path, &program.executable]).map_err(refused)?;
        let users = place::users(arguments.options.children);
        let library = preload::library(users).map_err(refused)?;
        let place = Place::of(&arguments.options, &program)?;
        let libraries =
            program::libraries(&library, &program.executable, arguments.options.mappings);
        environment::set(&arguments.options, &libraries, &place);
        Ok(Self { arguments, program, place, command, service, next: 1 })
    }

    /// A run that records nothing.
    fn plain(
        arguments: &'a Arguments,
        path: PathBuf,
        command: Command,
        service: Option<Service>,
    ) -> Self {
        say!(
            "MOD_ALLOC=off: {} runs without a recording; unset MOD_ALLOC to record it",
            path.display()
        );
        let program = Program { executable: path.clone(), path, is_script: false };
        Self { arguments, program, place: Place::Nowhere, command, service, next: 1 }
    }

    fn go(mut self) -> Result<u8, Failure> {
        self.tell_of_script();
        let (ended, names) = match self.run_program() {
            Ok(ended) => ended,
            Err(error) => {
                say!("{} cannot be started: {error}", self.program.path.display());
                self.place.remove();
                return Err(Failure { status: process::status_of_start(&error) });
            }
        };
        let status = self.status(ended.status);
        let recording = self.place.recording(ended.pid, self.arguments.options.children);
        match self.report(&ended, names) {
            Reported::All => self.place.remove(),
            Reported::SoFar => {}
            Reported::Failed => {
                self.place.remove_if_empty();
                recording.iter().for_each(|path| recordings::shrink(path));
                // A failure of the program is more important.
                return Ok(if status == 0 { REFUSED } else { status });
            }
        }
        // A recording that is kept. Its room for more is not needed any longer.
        recording.iter().filter(|path| path.exists()).for_each(|path| recordings::shrink(path));
        Ok(status)
    }

    /// Runs the program, and names its sites meanwhile if there will be one recording.
    fn run_program(&mut self) -> io::Result<(Ended, Option<SiteNames>)> {
        let (mut ahead, mut moments, mut scheduled) = (None, None, None);
        let service = self.service.take();
        let mut serving = None;
        let started = |pid| {
            let recording = self.place.recording(pid, self.arguments.options.children);
            scheduled = recording.clone().and_then(|recording| {
                let name = self.program.name();
                Scheduled::begin(&self.arguments.options, recording, name, pid)
            });
            moments =
                recording.and_then(|path| Moments::begin(path, self.arguments.options.children));
            serving = service.map(|service| serve(service, self.arguments, &self.place, pid));
            // Servers are asked afterwards: the program runs undisturbed.
            let may_look = !self.arguments.options.debug_files.by_network();
            if let (Place::Own(_), Children::No, true) =
                (&self.place, self.arguments.options.children, may_look)
            {
                let recording = self.place.recording(pid, Children::No);
                let options = self.arguments.options.debug_files.options();
                ahead = recording.and_then(|recording| Ahead::begin(recording, options));
            }
        };
        let ended = process::run(&mut self.command, started);
        if let Ok(ended) = &ended {
            self.note_end(ended);
        }
        if let Some(serving) = serving {
            let recording = ended
                .as_ref()
                .ok()
                .and_then(|ended| self.place.recording(ended.pid, self.arguments.options.children));
            serving.stop(recording.as_deref());
        }
        self.next = scheduled.map_or(0, Scheduled::end) + 1;
        moments.into_iter().for_each(Moments::end);
        let ended = ended?;
        Ok((ended, ahead.and_then(Ahead::end)))
    }

    /// Notes the end in the recording while it is now: what follows takes its time.
    fn note_end(&self, ended: &Ended) {
        let recording = self.place.recording(ended.pid, Children::No);
        let recording = recording.filter(|_| self.arguments.options.children == Children::No);
        if let Some(file) = recording.and_then(|path| RecordingFile::open(&path).ok()) {
            // A failure is told when the report is made.
            let _ = file.mark_ended(end_of(ended.status));
        }
    }

    /// With `--children no` the interpreter alone is recorded, and a shell allocates little.
    fn tell_of_script(&self) {
        if self.program.is_script && self.arguments.options.children == Children::No {
            say!(
                "{} is a script: its interpreter {} is recorded, the programs that it starts are not \
                 (--children yes records them, too)",
                self.program.path.display(),
                self.program.executable.display()
            );
        }
    }

    /// The exit status that a shell would give.
    fn status(&self, status: ExitStatus) -> u8 {
        let program = self.program.path.display();
        if let Some(signal) = status.signal() {
            let name = signal_name(signal).unwrap_or("unknown");
            let core = if status.core_dumped() { ", core dumped" } else { "" };
            say!("{program} was killed by signal {signal} ({name}{core})");
            return u8::try_from(128 + signal).unwrap_or(u8::MAX);
        }
        status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
    }

    /// Writes the report of the recording. The user has been told of every failure.
    fn report(&self, ended: &Ended, names: Option<SiteNames>) -> Reported {
        let (pid, children) = (ended.pid, self.arguments.options.children);
        let status = end_of(ended.status);
        let Some(path) = self.place.recording(pid, children) else { return Reported::All };
        let output = output(self.arguments, self.program.name(), pid, self.next);
        let made = match children {
            Children::Yes => reports::of_processes(&path, &output, status),
            Children::No => {
                let child = self.child_that_goes_on();
                reports::of_process(&path, &output, reports::Known { status, names, child })
            }
        };
        match made {
            Ok(made) => {
                // Of several processes each has been looked at.
                if children == Children::No {
                    unseen::warn(&self.program, &made);
                }
                match (made.is_complete, made.is_running) {
                    (false, _) => Reported::Failed,
                    (true, true) => Reported::SoFar,
                    (true, false) => Reported::All,
                }
            }
            Err(error) => {
                unseen::explain(&self.program, &error);
                Reported::Failed
            }
        }
    }

    /// A child that the program has left. A run that shares its place with others cannot tell.
    fn child_that_goes_on(&self) -> Option<u32> {
        match self.place {
            Place::Own(_) | Place::Kept(_) => {
                goes_on::child(&self.program.executable, &self.place.pattern(Children::No))
            }
            Place::Named { .. } | Place::Nowhere => None,
        }
    }
}

/// Serves and pushes what process `pid` records, or what all processes of the run do.
fn serve(service: Service, arguments: &Arguments, place: &Place, pid: u32) -> Running {
    let options = &arguments.options;
    let sources = match (place, place.recording(pid, options.children)) {
        (Place::Nowhere, _) => Sources::Off,
        (_, Some(folder)) if options.children == Children::Yes => Sources::Folder(folder),
        _ => Sources::Process(pid),
    };
    service.start(sources, options.debug_files.options())
}

/// The report of process `pid` of the program with that name.
/// `next`: its number, if its path is to have one.
fn output(arguments: &Arguments, program: OsString, pid: u32, next: u32) -> Output<'_> {
    let path = arguments.options.output.clone();
    let (path, number) = match arguments.options.schedule.every {
        Some(_) => reports::placed(path, next, true),
        None => (path, None),
    };
    Output {
        path,
        number,
        format: arguments.options.format,
        sum_alone: arguments.options.sum,
        html: arguments.options.html,
        debug_files: &arguments.options.debug_files,
        program,
        pid,
    }
}

/// The end that the recording is to tell of.
fn end_of(status: ExitStatus) -> Option<Status> {
    let killed = status.signal().map(Status::Killed);
    killed.or_else(|| status.code().map(Status::Exited))
}
