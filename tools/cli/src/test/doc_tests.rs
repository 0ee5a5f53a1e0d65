//! In rustdoc's place: runs it, has it log results, and names the programs of its tests.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::{self, JoinHandle};

use super::doc_names::{self, Notes};
use super::ran::{self, Ran};
use super::runner::exec;
use super::state::unique;
use super::step::Context;
use super::{Refused, hush, results, supervise};
use crate::say::say;

/// `__test rustdoc STATE ARGUMENTS…`
pub(super) fn run(context: &Context, arguments: Vec<OsString>) -> Result<ExitCode, Refused> {
    let mut rustdoc = Command::new(&context.plan.rustdoc);
    if !runs_tests(&arguments) {
        rustdoc.args(arguments);
        return Err(exec(&mut rustdoc));
    }
    let run = prepare(context).map_err(|error| {
        Refused::from(format!("{} cannot be prepared: {error}", context.state.folder().display()))
    })?;
    if logs(context) {
        // In front of the user's: behind a `--` it would be the name of a test.
        rustdoc.args(["--test-args", "--logfile", "--test-args"]).arg(&run.log);
        rustdoc.env("LD_PRELOAD", preloaded(context));
    }
    rustdoc.args(without_logs(&arguments)).env(hush::NOTES, &run.folder);
    let log = run.read_log()?;
    let status = supervise::run(&mut rustdoc, |_| ());
    let log = run.finish(log);
    let status = status.map_err(|error| {
        let name = Path::new(&context.plan.rustdoc).display();
        Refused::from(format!("{name} cannot be started: {error}"))
    })?;
    for path in logs_of_user(&arguments) {
        if let Err(error) = fs::write(&path, &log) {
            say!("{} cannot be written: {error}", Path::new(&path).display());
        }
    }
    if let Err(error) = keep(context, &run, &arguments, &log) {
        say!("what the doc tests allocated cannot be kept: {error}");
    }
    Ok(supervise::end_as(status))
}

fn runs_tests(arguments: &[OsString]) -> bool {
    let is_test = arguments.iter().any(|word| word == "--test");
    let asks = test_arguments(arguments).any(|(_, word)| {
        word.split(|byte| byte.is_ascii_whitespace())
            .any(|word| word == b"--list" || word == b"--help")
    });
    is_test && !asks
}

/// What is for the tests' harness, with the place of its word.
fn test_arguments(arguments: &[OsString]) -> impl Iterator<Item = (usize, &[u8])> {
    arguments.iter().enumerate().filter_map(|(index, word)| {
        let word = word.as_bytes();
        match word.strip_prefix(b"--test-args=") {
            Some(value) => Some((index, value)),
            None => {
                let before = index.checked_sub(1).and_then(|before| arguments.get(before))?;
                (before == "--test-args").then_some((index, word))
            }
        }
    })
}

/// The files that the user wants results logged to. libtest takes only one such option.
fn logs_of_user(arguments: &[OsString]) -> Vec<PathBuf> {
    let words: Vec<OsString> = test_arguments(arguments)
        .flat_map(|(_, word)| word.split(u8::is_ascii_whitespace))
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect();
    super::words::values_of(&words, "--logfile").into_iter().map(PathBuf::from).collect()
}

fn without_logs(arguments: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut is_value = false;
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        let value = match word.as_bytes().strip_prefix(b"--test-args=") {
            Some(value) => Some(value),
            None if word == "--test-args" => words.next().map(|value| value.as_bytes()),
            None => None,
        };
        let Some(value) = value else {
            kept.push(word.clone());
            continue;
        };
        let mut rest = Vec::new();
        for part in value.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty()) {
            let is_log = part == b"--logfile";
            if !is_log && !is_value && !part.starts_with(b"--logfile=") {
                rest.push(part);
            }
            is_value = is_log;
        }
        if !rest.is_empty() {
            kept.push("--test-args".into());
            kept.push(OsString::from_vec(rest.join(&b' ')));
        }
    }
    kept
}

/// Whether the harness in rustdoc knows the option for logs: its help says so.
fn logs(context: &Context) -> bool {
    let empty = context.state.path("empty.rs");
    if fs::write(&empty, "").is_err() {
        return false;
    }
    let mut rustdoc = Command::new(&context.plan.rustdoc);
    rustdoc.args(["--test", "--test-args", "--help"]).arg(empty).stdin(Stdio::null());
    let help = rustdoc.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&help).contains("--logfile")
}

fn preloaded(context: &Context) -> OsString {
    let mut libraries = context.state.hush().into_os_string();
    if let Some(before) = std::env::var_os("LD_PRELOAD").filter(|before| !before.is_empty()) {
        libraries.push(":");
        libraries.push(before);
    }
    libraries
}

/// A rustdoc that is to be run.
struct Run {
    /// Notes of compilers, and in `ran` what programs left.
    folder: PathBuf,
    /// A pipe: rustdoc opens its log once for tests that are compiled together and once for the
    /// others, and a file would lose the first.
    log: PathBuf,
}

fn prepare(context: &Context) -> io::Result<Run> {
    let folder = context.state.path(&format!("doc-{}", unique()));
    fs::create_dir_all(folder.join("ran"))?;
    let log = folder.join("log");
    let name = CString::new(log.as_os_str().as_bytes())?;
    // SAFETY: a C string and a mode.
    if unsafe { libc::mkfifo(name.as_ptr(), 0o600) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Run { folder, log })
}

/// The byte that ends a log; it is in no text.
const END: u8 = 0;

/// Reads until [`END`].
type LogReader = (JoinHandle<Vec<u8>>, File);

impl Run {
    fn read_log(&self) -> Result<LogReader, Refused> {
        // For writing too: it does not end when rustdoc closes it the first time.
        let pipe = File::options().read(true).write(true).open(&self.log);
        let both = pipe.and_then(|pipe| Ok((pipe.try_clone()?, pipe)));
        let (mut reading, writing) = both.map_err(|error| {
            Refused::from(format!("{} cannot be opened: {error}", self.log.display()))
        })?;
        let read = move || {
            let (mut log, mut piece) = (Vec::new(), [0; 4096]);
            while log.last() != Some(&END) {
                match reading.read(&mut piece) {
                    Ok(length) => log.extend_from_slice(&piece[..length]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            log.pop();
            log
        };
        Ok((thread::spawn(read), writing))
    }

    /// All that was logged.
    fn finish(&self, (reader, mut writing): LogReader) -> String {
        // The pipe is open for reading as long as we have it.
        let _ = writing.write_all(&[END]);
        String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
    }

    /// What compilers noted.
    fn notes(&self) -> io::Result<Notes> {
        let mut notes = Notes::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                notes.extend(note(&fs::read(entry.path())?));
            }
        }
        Ok(notes)
    }
}

/// `OUTPUT\0FILE\0LINE\0`
fn note(bytes: &[u8]) -> Option<(PathBuf, (String, i64))> {
    let mut parts = bytes.split(|byte| *byte == 0);
    let output = PathBuf::from(OsStr::from_bytes(parts.next()?));
    let file = String::from_utf8_lossy(parts.next()?).into_owned();
    let line = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    Some((output, (file, line)))
}

fn keep(context: &Context, run: &Run, arguments: &[OsString], log: &str) -> io::Result<()> {
    let programs = ran::read_all(&run.folder.join("ran"))?;
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for program in programs {
        runs.extend(program.doc_runs);
        notes.extend(program.notes);
    }
    let mut rows = doc_names::rows(runs, &run.notes()?, &results::of_log(log));
    rows.notes.extend(notes);
    let name = super::words::values_of(arguments, "--crate-name").last().copied();
    let rows = Ran {
        doc_tests_of: Some(name.unwrap_or_default().to_string_lossy().into_owned()),
        package: std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from),
        attempt: 1,
        ..rows
    };
    rows.keep(&context.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(',').map(OsString::from).collect()
    }

    #[test]
    fn only_runs_of_tests_are_of_interest() {
        assert!(runs_tests(&words("--test,src/lib.rs")));
        assert!(runs_tests(&words("--test,src/lib.rs,--test-args,add --exact")));
        assert!(!runs_tests(&words("src/lib.rs,-o,doc")));
        assert!(!runs_tests(&words("--test,src/lib.rs,--test-args,--list --format terse")));
        assert!(!runs_tests(&words("--test,src/lib.rs,--test-args=--help")));
    }

    #[test]
    fn the_user_s_log_gives_way_to_ours_and_is_written_after() {
        let arguments = words("--test,--test-args,--logfile,--test-args,my log,--test-args,add");
        assert_eq!(logs_of_user(&arguments), [PathBuf::from("my")]);
        let arguments = words("--test,--test-args,--logfile,--test-args,/l,--test-args,add,-L,x");
        assert_eq!(logs_of_user(&arguments), [PathBuf::from("/l")]);
        assert_eq!(without_logs(&arguments), words("--test,--test-args,add,-L,x"));
        let arguments = words("--test-args=--logfile=/l --exact,x");
        assert_eq!(logs_of_user(&arguments), [PathBuf::from("/l")]);
        assert_eq!(without_logs(&arguments), words("--test-args,--exact,x"));
    }

    #[test]
    fn a_compiler_s_note_has_three_parts() {
        let found = note(b"/tmp/a b/rust_out\0src/lib.rs\0-1\0").unwrap();
        assert_eq!(found, ("/tmp/a b/rust_out".into(), ("src/lib.rs".into(), -1)));
        assert_eq!(note(b"/tmp/x\0src/lib.rs\0"), None);
        assert_eq!(note(b""), None);
    }
}
