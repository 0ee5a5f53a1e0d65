//! A program that can be run several times, each time in a new and empty folder of the same name.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::recorded::Recorded;

/// A program that runs longer than this hangs, even on a machine that has much else to do.
const TIME_LIMIT: Duration = Duration::from_secs(600);
/// Where Debian's programs are; not those that somebody has put in front of them.
const SEARCHED: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Work in the new process before the program begins. Must not allocate.
pub(crate) type Prepare = fn() -> io::Result<()>;

/// A program to run.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    inputs: Vec<(&'static str, Vec<u8>)>,
    prepare: Vec<Prepare>,
    name: String,
}

/// The remains of a run.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    /// Without our lines.
    pub(crate) stderr: String,
    /// Our lines, without our name.
    pub(crate) said: Vec<String>,
    /// The process that was started: the program, or `mod-alloc run`.
    pub(crate) id: u32,
    /// Where the program was run.
    pub(crate) work: PathBuf,
    /// Where what it printed and what was recorded is.
    pub(crate) results: PathBuf,
}

/// A process, killed with all that it has started if it is still there when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    work: PathBuf,
    results: PathBuf,
}

impl Program {
    pub(crate) fn new(path: impl AsRef<Path>, arguments: &[&str]) -> Self {
        let path = path.as_ref().to_owned();
        let file = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        let name = arguments.first().map_or(file.to_string(), |first| format!("{file}-{first}"));
        let tame = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name = name.chars().map(tame).take(60).collect();
        Self {
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            variables: Vec::new(),
            inputs: Vec::new(),
            prepare: Vec::new(),
            path,
            name,
        }
    }

    /// Sets a variable of its environment, of which little is there otherwise.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A file that is in its folder when it begins.
    pub(crate) fn input(mut self, name: &'static str, content: impl AsRef<[u8]>) -> Self {
        self.inputs.push((name, content.as_ref().to_vec()));
        self
    }

    /// Work in the new process before the program begins; of `mod-alloc` itself if it is wrapped.
    pub(crate) fn prepare(mut self, prepare: Prepare) -> Self {
        self.prepare.push(prepare);
        self
    }

    /// Tells runs of one test apart that begin alike.
    pub(crate) fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// As if we were not there.
    pub(crate) fn plain(&self) -> Ended {
        self.start("plain", self.command()).wait()
    }

    /// The library alone, as `run` preloads it.
    pub(crate) fn traced(&self) -> Ended {
        self.start_traced("no").wait()
    }

    /// As above, with its children.
    pub(crate) fn traced_with_children(&self) -> Ended {
        self.start_traced("yes").wait()
    }

    /// The library alone, and somebody else waits for it.
    pub(crate) fn start_traced(&self, children: &str) -> Running {
        let results = self.results("traced");
        self.start_recording(children, &results.join(recording_name(children)))
    }

    /// As above, with the recording at a place of the caller's.
    pub(crate) fn start_recording(&self, children: &str, recording: &Path) -> Running {
        let mut command = self.command();
        let before = self.variable("LD_PRELOAD").map(|more| format!(":{more}"));
        let library = concat!(env!("MOD_ALLOC_PRELOAD_LIBRARY"));
        command.env("LD_PRELOAD", format!("{library}{}", before.unwrap_or_default()));
        command.env("MOD_ALLOC_RECORD", recording).env("MOD_ALLOC_CHILDREN", children);
        self.start("traced", command)
    }

    /// Under `mod-alloc run`; the report is [`Ended::report`].
    pub(crate) fn wrapped(&self) -> Ended {
        self.start_wrapped("no").wait()
    }

    /// As above, with its children.
    pub(crate) fn wrapped_with_children(&self) -> Ended {
        self.start_wrapped("yes").wait()
    }

    /// Under Valgrind's DHAT; the report is [`Ended::report`].
    ///
    /// Debian's `valgrind` is a script, which sets variables; this is what it starts. What the C
    /// library frees at the end for Valgrind's sake alone, it would not free for us.
    pub(crate) fn under_dhat(&self) -> Ended {
        let results = self.results("dhat");
        let mut command = Command::new("/usr/bin/valgrind.bin");
        command.args(["--tool=dhat", "--run-libc-freeres=no", "--num-callers=256"]);
        let option = |name: &str, file: &str| format!("{name}={}", results.join(file).display());
        command.arg(option("--dhat-out-file", "report.json")).arg(option("--log-file", "log"));
        command.arg(&self.path).args(&self.arguments);
        self.surround(&mut command);
        self.start("dhat", command).wait()
    }

    /// Under `mod-alloc run`, and somebody else waits for it.
    pub(crate) fn start_wrapped(&self, children: &str) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mod-alloc"));
        command.args(["run", "--children", children, "-o"]);
        command.arg(self.results("wrapped").join("report.json")).arg("--");
        command.arg(&self.path).args(&self.arguments);
        self.surround(&mut command);
        self.start("wrapped", command)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments);
        self.surround(&mut command);
        command
    }

    fn surround(&self, command: &mut Command) {
        let work = self.folder().join("work");
        command.env_clear().env("PATH", SEARCHED).env("LC_ALL", "C.UTF-8");
        command.env("HOME", &work).env("TMPDIR", &work);
        // Where `mod-alloc run` unpacks its library: not in the program's home.
        command.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(work).stdin(Stdio::null());
        for &prepare in &self.prepare {
            // SAFETY: it makes system calls alone, as its type asks for.
            unsafe { command.pre_exec(prepare) };
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let mut all = self.variables.iter();
        all.find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// The folder in which this test keeps this program's runs.
    fn folder(&self) -> PathBuf {
        let test = std::env::current_exe().expect("the test has a path");
        let test = test.file_stem().expect("and a name").to_string_lossy();
        let test = test.rsplit_once('-').map_or(&*test, |(name, _hash)| name);
        let thread = std::thread::current();
        let function = thread.name().expect("a test's thread has its name").replace("::", ".");
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(test).join(function).join(&self.name)
    }

    fn results(&self, kind: &str) -> PathBuf {
        self.folder().join(kind)
    }

    fn start(&self, kind: &str, mut command: Command) -> Running {
        let (work, results) = (self.folder().join("work"), self.results(kind));
        for folder in [&work, &results] {
            if let Err(error) = fs::remove_dir_all(folder) {
                assert_eq!(error.kind(), io::ErrorKind::NotFound, "{}: {error}", folder.display());
            }
            fs::create_dir_all(folder).expect("the target folder can be written to");
        }
        for (name, content) in &self.inputs {
            fs::write(work.join(name), content).expect("the target folder can be written to");
        }
        let file = |name| File::create(results.join(name)).expect("an empty folder");
        command.stdout(file("stdout")).stderr(file("stderr")).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Running { child, work, results }
    }
}

fn recording_name(children: &str) -> &'static str {
    if children == "yes" { "recording.%p" } else { "recording" }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file of this name in the program's folder.
    pub(crate) fn work(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// # Panics
    /// If the program hangs.
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.wait_until(Instant::now() + TIME_LIMIT);
        let status = status.unwrap_or_else(|| panic!("hangs; see {}", self.results.display()));
        let text = |name| {
            let bytes = fs::read(self.results.join(name)).expect("it was created");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (said, stderr) = ours_and_theirs(&text("stderr"));
        Ended {
            status,
            stdout: text("stdout"),
            stderr,
            said,
            id: self.child.id(),
            work: self.work.clone(),
            results: self.results.clone(),
        }
    }

    fn wait_until(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return Some(status);
            }
            if Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn signal(&self, signal: i32) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        // SAFETY: it is our child, and not waited for yet.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever has not been waited for; its id is its group's.
        if matches!(self.child.try_wait(), Ok(None)) {
            let group = i32::try_from(self.child.id()).expect("a process id");
            // SAFETY: the group was made for this child, which is still there.
            unsafe { libc::kill(-group, libc::SIGKILL) };
            let _ = self.child.wait();
        }
    }
}

/// Our lines, without our name; and all others.
fn ours_and_theirs(stderr: &str) -> (Vec<String>, String) {
    let (mut ours, mut theirs) = (Vec::new(), String::new());
    for line in stderr.split_inclusive('\n') {
        // The program's last line may have no end.
        let at = line.find("mod-alloc: ").unwrap_or(line.len());
        let (begin, said) = line.split_at(at);
        theirs.push_str(begin);
        ours.extend(said.strip_prefix("mod-alloc: ").map(|said| said.trim_end().to_owned()));
    }
    (ours, theirs)
}

impl Ended {
    /// This run, if the program ended with this status.
    pub(crate) fn with_status(self, status: i32) -> Self {
        assert_eq!(self.status.code(), Some(status), "{self:#?}");
        self
    }

    /// This run, if this signal has ended the program.
    pub(crate) fn with_signal(self, signal: i32) -> Self {
        assert_eq!(self.status.signal(), Some(signal), "{self:#?}");
        self
    }

    /// The recording of the library alone.
    pub(crate) fn recorded(&self) -> Recorded {
        Recorded::read(&self.results.join("recording"))
    }

    /// The recording of each process, in the order of the files' names.
    pub(crate) fn all_recorded(&self) -> Vec<Recorded> {
        self.recordings().iter().map(|path| Recorded::read(path)).collect()
    }

    /// The recordings that there are.
    pub(crate) fn recordings(&self) -> Vec<PathBuf> {
        self.files("recording")
    }

    /// The report that `mod-alloc run` has written.
    pub(crate) fn report(&self) -> Recorded {
        Recorded::of_report(&self.results.join("report.json"))
    }

    /// The files whose names begin so; a folder stands for all in it.
    pub(crate) fn files(&self, prefix: &str) -> Vec<PathBuf> {
        files_in(&self.results, prefix)
    }
}

fn files_in(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it was created");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let begins = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    let found = paths.filter(begins).flat_map(|path| match path.is_dir() {
        true => files_in(&path, ""),
        false => vec![path],
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
}
