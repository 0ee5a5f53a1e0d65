//! Starts the command line, and the programs that it is tried on.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// A folder that is gone at the end of the test.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cli-{name}-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names of what is in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The only file in it whose name begins and ends so.
    pub(crate) fn only(&self, start: &str, end: &str) -> PathBuf {
        let fits = |name: &&String| name.starts_with(start) && name.ends_with(end);
        let names = self.names();
        let found: Vec<_> = names.iter().filter(fits).collect();
        assert_eq!(found.len(), 1, "{start}…{end} among {names:?}");
        self.join(found[0])
    }

    /// Compiles `tests/programs/<name>.c`.
    pub(crate) fn compile(&self, name: &str, flags: &[&str]) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
        let program = self.join(name);
        let mut cc = Command::new("cc");
        // An optimizer leaves out what is allocated for nothing.
        cc.args(["-g", "-O0", "-o"])
            .arg(&program)
            .arg(folder.join(format!("{name}.c")))
            .args(flags);
        let output = cc.output().expect("cc can be started (tools/check/setup installs it)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        program
    }

    /// `mod-alloc` with nothing of ours in its environment, in this folder.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mod-alloc"));
        command.args(words).current_dir(&self.0).stdin(Stdio::null());
        for name in ["LD_PRELOAD", "MOD_ALLOC", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            command.env_remove(name);
        }
        // Elsewhere text is ASCII.
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Standard error without our lines.
pub(crate) fn of_program(output: &Output) -> String {
    let text = text(&output.stderr);
    text.lines().filter(|line| !line.starts_with("mod-alloc: ")).collect()
}

/// Our lines on standard error.
pub(crate) fn ours(output: &Output) -> String {
    let text = text(&output.stderr);
    let ours = text.lines().filter(|line| line.starts_with("mod-alloc: "));
    ours.map(|line| format!("{line}\n")).collect()
}

/// Exit status as a shell has it.
pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap())
}

pub(crate) fn json(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// The sum of `key` over the stacks of a dhat file.
pub(crate) fn sum(report: &Value, key: &str) -> u64 {
    let points = report["pps"].as_array().unwrap();
    points.iter().map(|point| point[key].as_u64().unwrap()).sum()
}

/// The sum of `key` over the stacks with a frame of `function`.
pub(crate) fn sum_of(report: &Value, function: &str, key: &str) -> u64 {
    let frames = report["ftbl"].as_array().unwrap();
    let text = |index: &Value| frames[index.as_u64().unwrap() as usize].as_str().unwrap();
    let part = format!(": {function} (");
    let points = report["pps"].as_array().unwrap().iter();
    let has = |point: &&Value| {
        point["fs"].as_array().unwrap().iter().any(|index| text(index).contains(&part))
    };
    points.filter(has).map(|point| point[key].as_u64().unwrap()).sum()
}

/// Gives `input` to the command's standard input.
pub(crate) fn with_input(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}
