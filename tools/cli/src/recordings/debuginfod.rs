//! Debug files from debuginfod's servers, by the program `debuginfod-find`: it knows the servers,
//! keeps what it fetched, and has all the code for the network.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mod_alloc::report::Fetch;

use crate::base::say::say;

/// The longest time for one file. The program gives up earlier where nothing comes at all.
const LIMIT: Duration = Duration::from_secs(120);

/// The longest answer that is read.
const LONGEST: u64 = 64 * 1024;

/// The program's words for a file that no server has.
const NOT_FOUND: &str = "No such file or directory";

/// One for all recordings of this process: a file is asked for once, a failure is said once.
static ASKED: Mutex<Asked> = Mutex::new(Asked { known: BTreeMap::new(), has_failed: false });

struct Asked {
    /// By build id in hexadecimal digits.
    known: BTreeMap<String, Option<PathBuf>>,
    /// The user was told, and no more is asked.
    has_failed: bool,
}

/// Asks the servers that `DEBUGINFOD_URLS` names.
pub(super) fn fetch() -> Fetch {
    Fetch::new(|build_id| {
        let id: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        asked.ask(id, |id| match std::env::var_os("DEBUGINFOD_URLS") {
            Some(urls) if !urls.is_empty() => find(Command::new("debuginfod-find"), id, LIMIT),
            _ => Err("DEBUGINFOD_URLS names no server".into()),
        })
    })
}

impl Asked {
    fn ask(
        &mut self,
        id: String,
        find: impl FnOnce(&str) -> Result<Option<PathBuf>, String>,
    ) -> Option<PathBuf> {
        let Self { known, has_failed } = self;
        let find = |id: &String| {
            let found = if *has_failed { Ok(None) } else { find(id) };
            found.unwrap_or_else(|failure| {
                *has_failed = true;
                say!("debuginfod: {failure}; no more debug files are asked for");
                None
            })
        };
        known.entry(id).or_insert_with_key(find).clone()
    }
}

/// The path of the debug file; `None` if no server has it.
fn find(mut command: Command, id: &str, limit: Duration) -> Result<Option<PathBuf>, String> {
    let name = command.get_program().display().to_string();
    // The C locale's messages are told apart.
    command.args(["debuginfo", id]).env("LC_ALL", "C").stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("the program {name} is not installed"),
        _ => format!("{name} cannot be started: {error}"),
    })?;
    let ended = wait(&mut child, limit).map_err(|error| format!("{name}: {error}"))?;
    if !ended {
        return Err(format!("{name} took longer than {} seconds", limit.as_secs()));
    }
    let answer = all_of(child.stdout.take());
    let status = child.wait().map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        let line = answer.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let path = PathBuf::from(OsString::from_vec(line.to_vec()));
        return Ok(path.is_absolute().then_some(path));
    }
    let said = String::from_utf8_lossy(&all_of(child.stderr.take())).into_owned();
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    match last {
        Some(line) if line.contains(NOT_FOUND) => Ok(None),
        Some(line) => Err(format!("{name}: {}", line.trim())),
        None => Err(format!("{name}: {status}")),
    }
}

/// Waits for the end of `child`; `false` if it took too long, and was killed.
fn wait(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(1);
    while child.try_wait()?.is_none() {
        if begin.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    Ok(true)
}

fn all_of(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        // A part of it is as good.
        let _ = stream.take(LONGEST).read_to_end(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks a program that is the shell script `script`.
    fn answer(script: &str) -> Result<Option<PathBuf>, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]);
        find(command, "0a1b", Duration::from_millis(500))
    }

    #[test]
    fn an_answer_is_an_absolute_path() {
        let found = answer("echo /cache/$1/$2; echo more");
        assert_eq!(found, Ok(Some("/cache/debuginfo/0a1b".into())));
        assert_eq!(answer("echo cache"), Ok(None));
        assert_eq!(answer("exit 0"), Ok(None));
    }

    #[test]
    fn a_file_that_no_server_has_is_no_failure() {
        let said = "echo 'Server query failed: No such file or directory' >&2; exit 1";
        assert_eq!(answer(said), Ok(None));
    }

    #[test]
    fn a_failure_is_told_with_its_reason() {
        let refused = answer("echo 'Server query failed: refused' >&2; exit 1");
        assert_eq!(refused, Err("sh: Server query failed: refused".into()));
        assert_eq!(answer("exit 3"), Err("sh: exit status: 3".into()));
        let begin = Instant::now();
        assert!(answer("exec sleep 100").unwrap_err().contains("took longer than"));
        assert!(begin.elapsed() < Duration::from_secs(50));
        let missing = find(Command::new("/nowhere/find"), "0a", LIMIT).unwrap_err();
        assert_eq!(missing, "the program /nowhere/find is not installed");
    }

    #[test]
    fn a_file_is_asked_for_once_and_none_after_a_failure() {
        let mut asked = Asked { known: BTreeMap::new(), has_failed: false };
        let path = Some(PathBuf::from("/x"));
        assert_eq!(asked.ask("0a".into(), |_| Ok(Some("/x".into()))), path);
        assert_eq!(asked.ask("0a".into(), |_| panic!("again")), path);
        assert_eq!(asked.ask("0b".into(), |_| Err("a test's failure".into())), None);
        assert_eq!(asked.ask("0c".into(), |_| panic!("after a failure")), None);
        assert_eq!(asked.ask("0a".into(), |_| panic!("again")), path, "it is there");
    }
}
