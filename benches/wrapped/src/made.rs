//! Inputs that are made before anything is measured.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A command that neither a user's settings nor another repository change.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end.
pub(crate) fn succeed(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}\n{said}", output.status))
}

/// The one line that a command prints.
pub(crate) fn line(command: &mut Command) -> Result<String, String> {
    Ok(String::from_utf8_lossy(&succeed(command)?.stdout).trim().to_owned())
}

/// Where a program is: the distribution's, and only without one another that is found. (A
/// user's may be a script that starts it.)
pub(crate) fn installed(program: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [PathBuf::from("/usr/bin")].into_iter().chain(env::split_paths(&path));
    let found = folders.map(|folder| folder.join(program)).find(|path| path.is_file());
    found.ok_or_else(|| format!("{program} is missing: tools/check/setup benches installs it"))
}

/// The sources that cargo has fetched; for a look, some.
pub(crate) fn source_trees(quick: bool) -> Result<Vec<PathBuf>, String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let sources = home.ok_or("neither CARGO_HOME nor HOME is set")?.join("registry/src");
    if !quick {
        return Ok(vec![sources]);
    }
    let mut packages: Vec<PathBuf> =
        folders(&sources)?.iter().flat_map(|index| folders(index).unwrap_or_default()).collect();
    packages.sort();
    packages.truncate(30);
    Ok(packages)
}

fn folders(path: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

/// A bare repository with the history of `own` and a made one, all objects loose.
pub(crate) fn repository(path: &Path, own: &Path, quick: bool) -> Result<(), String> {
    if path.exists() {
        return Ok(());
    }
    let packed = path.with_extension("packed");
    let git = |folder: &Path, arguments: &[&str]| {
        succeed(command("git").arg("-C").arg(folder).args(arguments))
    };
    for folder in [&packed, path] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        git(folder, &["init", "--quiet", "--bare"])?;
    }
    if own.join(".git").exists() {
        let own = own.to_string_lossy();
        let references = if quick { "HEAD:refs/heads/own" } else { "+refs/*:refs/own/*" };
        git(&packed, &["fetch", "--quiet", "--no-tags", &own, references])?;
    }
    import(&packed, &history(if quick { 100 } else { 3000 }))?;
    git(&packed, &["repack", "-adq"])?;
    unpack(&packed, path)?;
    let from = packed.to_string_lossy();
    git(path, &["fetch", "--quiet", "--no-tags", &from, "+refs/*:refs/*"])?;
    fs::remove_dir_all(&packed).map_err(|error| error.to_string())
}

fn import(repository: &Path, stream: &str) -> Result<(), String> {
    let mut import = command("git");
    import.arg("-C").arg(repository).args(["fast-import", "--quiet"]).stdin(Stdio::piped());
    let mut child = import.spawn().map_err(|error| error.to_string())?;
    let mut input = child.stdin.take().expect("it was asked for");
    input.write_all(stream.as_bytes()).map_err(|error| error.to_string())?;
    drop(input);
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("git fast-import: {status}")) }
}

/// Writes every object of `packed` into `path` as a file of its own.
fn unpack(packed: &Path, path: &Path) -> Result<(), String> {
    let packs = fs::read_dir(packed.join("objects/pack")).map_err(|error| error.to_string())?;
    for pack in packs.flatten().map(|entry| entry.path()) {
        if pack.extension().is_some_and(|extension| extension == "pack") {
            let input = fs::File::open(&pack).map_err(|error| error.to_string())?;
            let mut unpack = command("git");
            unpack.arg("-C").arg(path).args(["unpack-objects", "-q"]).stdin(input);
            succeed(&mut unpack)?;
        }
    }
    Ok(())
}

/// So many commits, in git's fast-import format: each changes some lines of one of 97 files.
fn history(commits: u32) -> String {
    let mut random = Random(42);
    let mut files: Vec<Vec<String>> = (0..97).map(|_| Vec::new()).collect();
    let mut stream = String::new();
    for commit in 1..=commits {
        let number = random.below(97);
        let file = &mut files[number];
        for _ in 0..20 {
            let line = format!("{:016x} line of commit {commit}", random.next());
            if file.len() < 400 {
                file.push(line);
            } else {
                let at = random.below(file.len());
                file[at] = line;
            }
        }
        write_commit(&mut stream, commit, number, &(file.join("\n") + "\n"));
    }
    stream
}

fn write_commit(stream: &mut String, commit: u32, file: usize, text: &str) {
    let message = format!("Change {commit}");
    // Writing to a String does not fail.
    let _ = write!(
        stream,
        "commit refs/heads/made\ncommitter Bench <bench@example.org> {} +0000\n\
         data {}\n{message}\nM 100644 inline folder{}/file{file}.txt\ndata {}\n{text}\n",
        1_700_000_000 + commit,
        message.len(),
        file % 7,
        text.len(),
    );
}

/// A linear congruential generator: the same history on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 11
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_history_is_the_same_each_time_and_git_accepts_it() {
        assert_eq!(history(50), history(50));
        let folder = env::temp_dir().join(format!("bench-wrapped-made-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        repository(&folder, Path::new("/nowhere"), true).unwrap();
        let git = |arguments: &[&str]| {
            line(command("git").arg("-C").arg(&folder).args(arguments)).unwrap()
        };
        assert_eq!(git(&["rev-list", "--count", "made"]), "100");
        let loose = git(&["count-objects", "-v"]);
        assert!(loose.contains("in-pack: 0") && !loose.contains("count: 0"), "{loose}");
        git(&["fsck", "--full"]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_missing_is_named_with_the_way_out() {
        assert!(installed("sh").unwrap().is_file());
        let error = installed("no such program").unwrap_err();
        assert!(error.contains("tools/check/setup benches"), "{error}");
        let error = succeed(command("sh").args(["-c", "echo why >&2; exit 4"])).unwrap_err();
        assert!(error.contains("why"), "{error}");
    }
}
