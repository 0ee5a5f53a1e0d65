//! The kernel's view of a process: its program, and the recording that it writes.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mod_alloc::recording::file::RecordingFile;

use super::maps;

/// A program that is running in a process. Not equal to another that later runs in a process of
/// the same number, nor to one that took its place by exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// When the process started, in the kernel's ticks.
    started: u64,
    /// The beginning of its stack, which is another after each exec.
    stack: u64,
    executable: Option<PathBuf>,
}

impl Program {
    /// The program of process `pid`; `None` if there is no such process or it has ended.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let proc = folder(pid);
        let stat = fs::read(proc.join("stat")).ok()?;
        let (started, stack) = parse_stat(&String::from_utf8_lossy(&stat))?;
        Some(Self { started, stack, executable: fs::read_link(proc.join("exe")).ok() })
    }

    /// The executable's file name, or what there is to call it by.
    pub(crate) fn name(&self) -> String {
        let name = self.executable.as_deref().and_then(Path::file_name);
        name.map_or_else(|| "another program".into(), |name| name.to_string_lossy().into_owned())
    }

    /// Both ran in one process.
    pub(crate) fn is_same_process(&self, other: &Self) -> bool {
        self.started == other.started
    }
}

/// When the process started and where its stack begins (fields 22 and 28); `None` if it has ended.
fn parse_stat(stat: &str) -> Option<(u64, u64)> {
    // The second field is the name, in parentheses, with any characters.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let is_over = ["Z", "X", "x"].contains(fields.first()?);
    let number = |field: usize| fields.get(field - 3)?.parse().ok();
    (!is_over).then_some((number(22)?, number(28)?))
}

/// Why there is no recording of a process.
#[derive(Debug)]
pub(crate) enum Missing {
    NoSuchProcess,
    Ended,
    NotPermitted,
    /// Of this file, which it has mapped, it cannot be told whether it is a recording.
    OutOfReach(PathBuf),
    NotRecorded {
        name: String,
        recorded_children: Vec<u32>,
    },
    Unreadable(io::Error),
}

/// The user whom process `pid` belongs to: the one whom the kernel lets look into it.
pub(crate) fn owner(pid: u32) -> Option<u32> {
    Some(fs::metadata(folder(pid)).ok()?.uid())
}

/// Bytes of memory that process `pid` has.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(folder(pid).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// True if the program of process `pid` was executed with the library that records.
pub(crate) fn preloads_us(pid: u32) -> bool {
    const LIBRARY: &[u8] = b"libmod_alloc_preload";
    let environment = fs::read(folder(pid).join("environ")).unwrap_or_default();
    let mut variables = environment.split(|&byte| byte == 0);
    let preloaded = variables.find(|variable| variable.starts_with(b"LD_PRELOAD="));
    preloaded.is_some_and(|value| value.windows(LIBRARY.len()).any(|part| part == LIBRARY))
}

/// The recording that process `pid` writes.
pub(crate) fn recording_of(pid: u32) -> Result<RecordingFile, Missing> {
    let proc = folder(pid);
    let files = maps::shared_files(&proc).map_err(|error| why_unreadable(pid, error))?;
    let mut out_of_reach = None;
    for file in files {
        let ways = file.ways(&proc).into_iter().filter(|way| fs::File::open(way).is_ok());
        let ways: Vec<PathBuf> = ways.collect();
        if let Some(way) = ways.iter().find(|way| RecordingFile::is_one(way)) {
            let opened = RecordingFile::open(way);
            return opened.map_err(|error| Missing::Unreadable(io::Error::other(error)));
        }
        if ways.is_empty() && file.may_be_recording() {
            out_of_reach = Some(file.path);
        }
    }
    Err(why_missing(pid, out_of_reach))
}

fn why_unreadable(pid: u32, error: io::Error) -> Missing {
    match error.kind() {
        io::ErrorKind::NotFound => Missing::NoSuchProcess,
        io::ErrorKind::PermissionDenied => Missing::NotPermitted,
        // The process went away while it was read (ESRCH).
        _ if !folder(pid).exists() => Missing::NoSuchProcess,
        _ => Missing::Unreadable(error),
    }
}

fn why_missing(pid: u32, out_of_reach: Option<PathBuf>) -> Missing {
    match (Program::of(pid), out_of_reach) {
        (None, _) if folder(pid).exists() => Missing::Ended,
        (None, _) => Missing::NoSuchProcess,
        (Some(_), Some(path)) => Missing::OutOfReach(path),
        (Some(program), None) => Missing::NotRecorded {
            name: program.name(),
            recorded_children: descendants(pid)
                .into_iter()
                .filter(|pid| is_recorded(*pid))
                .collect(),
        },
    }
}

fn is_recorded(pid: u32) -> bool {
    let proc = folder(pid);
    let files = maps::shared_files(&proc).unwrap_or_default();
    files.iter().flat_map(|file| file.ways(&proc)).any(|way| RecordingFile::is_one(&way))
}

/// True if a process has mapped the file with that number, of those that may be looked into.
pub(crate) fn anyone_has_mapped(inode: u64) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.any(|pid| has_mapped(pid, inode))
}

/// Process `pid` has mapped the file with the number `inode`.
pub(crate) fn has_mapped(pid: u32, inode: u64) -> bool {
    let files = maps::shared_files(&folder(pid)).unwrap_or_default();
    files.iter().any(|file| file.inode == inode)
}

/// The processes that process `pid` started, and theirs.
fn descendants(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        found.extend(children(parent));
        at += 1;
    }
    found.split_off(1)
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(folder(pid).join("task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let pids = lists.flat_map(|list| {
        list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    });
    pids.collect()
}

fn folder(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchProcess => f.write_str("there is no such process"),
            Self::Ended => f.write_str("it has ended; for its report: mod-alloc report RECORDING"),
            Self::NotPermitted => f.write_str(
                "mod-alloc may not look into it: run mod-alloc as its user or as root, or give the \
                 path of its recording",
            ),
            Self::OutOfReach(path) => write!(
                f,
                "no recording was found; it may be {}, which cannot be opened: run mod-alloc as root",
                path.display()
            ),
            Self::NotRecorded { name, recorded_children } => {
                write!(f, "{name} is not recorded; ")?;
                write_way_out(f, recorded_children)
            }
            Self::Unreadable(error) => error.fmt(f),
        }
    }
}

fn write_way_out(f: &mut fmt::Formatter<'_>, recorded_children: &[u32]) -> fmt::Result {
    if recorded_children.is_empty() {
        return f.write_str(
            "start it with `mod-alloc run -- PROGRAM`, or, if the mod-alloc crate is built into \
             it, with MOD_ALLOC_RECORD=FILE",
        );
    }
    let pids: Vec<String> = recorded_children.iter().map(u32::to_string).collect();
    write!(f, "these processes that it started are recorded: {}", pids.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    /// A process that waits until its standard input is closed. It has begun: before that a process
    /// is still becoming its program.
    fn waiting() -> Child {
        let mut command = Command::new("cat");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        io::Write::write_all(child.stdin.as_mut().unwrap(), b"\n").unwrap();
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        child
    }

    fn end(mut child: Child) {
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_program_is_recognized_by_process_and_image() {
        let (one, other) = (waiting(), waiting());
        let program = Program::of(one.id()).unwrap();
        assert_eq!(Program::of(one.id()), Some(program.clone()));
        assert_ne!(Program::of(other.id()), Some(program));
        end(one);
        end(other);
    }

    #[test]
    fn exec_makes_another_program_of_the_same_process() {
        let mut command = Command::new("sh");
        // Says that it is there, waits to be told, and becomes another.
        command.args(["-c", "echo; read line; exec sh -c 'echo; read line'"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = child.stdout.take().unwrap();
        let mut next = || io::Read::read_exact(&mut said, &mut [0]).unwrap();
        next();
        let before = Program::of(child.id()).unwrap();
        io::Write::write_all(child.stdin.as_mut().unwrap(), b"\n").unwrap();
        next();
        let after = Program::of(child.id()).unwrap();
        assert_ne!(before, after);
        assert!(before.is_same_process(&after));
        end(child);
    }

    #[test]
    fn what_has_ended_is_no_program() {
        let child = waiting();
        let pid = child.id();
        end(child);
        assert_eq!(Program::of(pid), None);
        assert_eq!(recording_of(pid).unwrap_err().to_string(), "there is no such process");
        assert_eq!(parse_stat("12 (a) b) Z 1 1 1"), None, "ended, but nobody has waited for it");
    }

    #[test]
    fn names_do_not_confuse_the_parser() {
        let fields: Vec<String> = (4..=52).map(|field| field.to_string()).collect();
        let stat = format!("12 (a) R 7) S {}", fields.join(" "));
        assert_eq!(parse_stat(&stat), Some((22, 28)));
        assert_eq!(parse_stat("nonsense"), None);
        assert_eq!(parse_stat("1 (a) S 1"), None);
    }

    #[test]
    fn who_is_not_recorded_is_told_how() {
        let child = waiting();
        let error = recording_of(child.id()).unwrap_err().to_string();
        assert!(error.starts_with("cat is not recorded; start it with `mod-alloc run"), "{error}");
        assert!(descendants(std::process::id()).contains(&child.id()));
        end(child);
    }

    #[test]
    fn recorded_children_are_named() {
        let missing = Missing::NotRecorded { name: "sh".into(), recorded_children: vec![7, 9] };
        assert_eq!(
            missing.to_string(),
            "sh is not recorded; these processes that it started are recorded: 7, 9"
        );
    }
}
