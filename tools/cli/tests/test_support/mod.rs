//! Packages whose tests are run by cargo, plain and through us.

pub(crate) mod fixture;
pub(crate) mod table;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder with a package or a workspace of them. It goes when this goes.
#[derive(Debug)]
pub(crate) struct Package {
    folder: PathBuf,
    /// Shared by all of one name, so that what did not change is not built again.
    target: PathBuf,
}

/// The remains of a run of cargo.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Drop for Package {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_dir_all(&self.target);
    }
}

impl Package {
    /// An empty one.
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let unique = format!("test-{name}-{}-{number}", std::process::id());
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let package =
            Self { folder: tmp.join(&unique), target: tmp.join(format!("{unique}-target")) };
        fs::create_dir_all(&package.folder).expect("a folder");
        package
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The files of baselines that are in the target folder.
    pub(crate) fn baselines(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.target.join("mod-alloc/baselines")).expect("a folder");
        entries.flatten().map(|entry| entry.path()).collect()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// A package with one library.
    pub(crate) fn with_library(name: &str, edition: &str, library: &str) -> Self {
        let package = Self::new(name);
        package.write(
            "Cargo.toml",
            &format!("[package]\nname = \"{name}\"\nedition = \"{edition}\"\n[workspace]\n"),
        );
        package.write("src/lib.rs", library);
        package
    }

    fn run(&self, command: &mut Command, words: &[&str]) -> Ended {
        let output = self.set_up(command).args(words).output().expect("cargo can be started");
        Ended::of(&output)
    }

    fn set_up<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        // Variables that the cargo of this test has set for it, and those that change outputs.
        let of_this_test = |name: &String| {
            name.starts_with("MOD_ALLOC") || name.starts_with("CARGO_PKG") || name == "LD_PRELOAD"
        };
        for (name, _) in std::env::vars().filter(|(name, _)| of_this_test(name)) {
            command.env_remove(name);
        }
        for name in ["CARGO_MANIFEST_DIR", "RUST_BACKTRACE"] {
            command.env_remove(name);
        }
        command.env("CARGO_NET_OFFLINE", "true").env("COLUMNS", "100").env_remove("RUSTDOC")
    }

    /// `cargo WORDS`
    pub(crate) fn cargo(&self, words: &[&str]) -> Ended {
        self.run(&mut Command::new(env!("CARGO")), words)
    }

    /// `cargo mod-alloc WORDS`
    pub(crate) fn mod_alloc(&self, words: &[&str]) -> Ended {
        self.run(&mut self.mod_alloc_command(), words)
    }

    /// `cargo mod-alloc`, for who wants to change more.
    pub(crate) fn mod_alloc_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-mod-alloc"));
        // Elsewhere text is ASCII.
        command.env("LC_ALL", "C.UTF-8");
        self.set_up(&mut command).arg("mod-alloc").env("CARGO", env!("CARGO"));
        command
    }

    /// Runs tests plain and through us, finds that neither output nor status differ but for our
    /// table, and gives the rows.
    pub(crate) fn alike(&self, words: &[&str]) -> (Ended, table::Table) {
        let test: &[&str] = if words.first() == Some(&"nextest") { &[] } else { &["test"] };
        let built: Vec<_> = test.iter().chain(words).copied().collect();
        let json = self.path("table.json");
        // Built before, so that both say the same of it.
        let is_for_build = |word: &&&str| **word == "--release";
        let mut build = vec!["test", "--workspace", "--no-run"];
        build.extend(words.iter().filter(is_for_build));
        self.cargo(&build);
        let plain = self.cargo(&built);
        let json_words = ["--format", "json", "--output", json.to_str().expect("text")];
        let mut ours: Vec<_> = built.iter().take_while(|word| **word != "--").copied().collect();
        ours.extend(json_words);
        ours.extend(built.iter().skip_while(|word| **word != "--"));
        let through = self.mod_alloc(&ours);
        through.assert_like(&plain);
        (through, table::Table::read(&json))
    }
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    fn assert_like(&self, plain: &Self) {
        assert_eq!((self.code, self.signal), (plain.code, plain.signal), "{self:#?}");
        assert_eq!(comparable(&self.stdout), comparable(&plain.stdout), "standard output");
        assert_eq!(comparable(&self.stderr), comparable(&plain.stderr), "standard error");
    }

    /// Our lines on standard error.
    pub(crate) fn ours(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("mod-alloc: ")).collect()
    }
}

/// Words of cargo when another one is at work at the same time: other tests have some.
const WAITS: &str = "    Blocking waiting for file lock";

/// Lines without times and numbers of threads, and without ours. Tests run at the same time end in
/// any order, so lines are sorted.
fn comparable(text: &str) -> Vec<String> {
    let is_ours = |line: &&str| {
        // Whichever test panics first, whose output may not be shown, has this in its own.
        let first = "note: run with `RUST_BACKTRACE=1`";
        ["mod-alloc: ", "info: using target runner", WAITS, first]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut lines: Vec<_> = text.lines().filter(|line| !is_ours(line)).map(without_times).collect();
    lines.sort();
    lines
}

fn without_times(line: &str) -> String {
    let mut line = line.to_owned();
    for (before, after) in [
        ("finished in ", "s"),
        ("target(s) in ", "s"),
        ("all doctests ran in ", "compilation took "),
        ("compilation took ", "s"),
        ("' (", ")"),
        ("[ ", "s]"),
        // nextest's count of what has ended before, and its name of the run.
        ("s] (", "/"),
        ("Nextest run ID ", " "),
    ] {
        let Some(start) = line.find(before).map(|at| at + before.len()) else { continue };
        let length = line[start..].find(after).unwrap_or(line.len() - start);
        line.replace_range(start..start + length, "");
    }
    // cargo names the runner in front of a program that was killed.
    match line.split_once("didn't exit successfully: `/tmp/mod-alloc-test-") {
        Some((before, after)) => {
            let (_, program) = after.split_once(' ').unwrap_or_default();
            format!("{before}didn't exit successfully: `{program}")
        }
        None => line,
    }
}

/// Fails if nextest is not there to be run.
pub(crate) fn with_nextest() {
    let found = Command::new(env!("CARGO")).args(["nextest", "--version"]).output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "cargo-nextest is missing: run tools/check/setup"
    );
}

/// A path in the environment, in front of what is there.
pub(crate) fn path_with(folder: impl AsRef<OsStr>) -> std::ffi::OsString {
    let mut path = folder.as_ref().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}
