//! Runs a command to its end; times it, or adds up the memory of all its processes.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::workloads::Job;

/// Time between looks at the memory of a run.
pub(crate) const SAMPLING: Duration = Duration::from_millis(5);

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    /// From its start until its first process was gone.
    pub(crate) wall: Duration,
    /// Bytes: the most that all processes together had resident at one of the looks.
    pub(crate) most_resident: u64,
}

/// Runs `command` on fresh inputs of `job`; with `sampling`, looks at its memory that often.
pub(crate) fn run(
    mut command: Command,
    job: &Job,
    sampling: Option<Duration>,
) -> Result<Ended, String> {
    job.refresh()?;
    let said = job.scratch.join("stderr.txt");
    let file = |path| File::open(path).map_err(|error| format!("{}: {error}", job.name));
    command.current_dir(&job.directory).stdout(Stdio::null());
    command.stdin(match &job.stdin {
        Some(path) => Stdio::from(file(path)?),
        None => Stdio::null(),
    });
    command.stderr(File::create(&said).map_err(|error| format!("{}: {error}", said.display()))?);
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let most_resident = sampling.map_or(Ok(0), |every| weigh(&mut child, every))?;
    let status = child.wait().map_err(|error| error.to_string())?;
    let wall = start.elapsed();
    if status.success() {
        return Ok(Ended { wall, most_resident });
    }
    let said = fs::read_to_string(&said).unwrap_or_default();
    Err(format!("{}: {command:?}: {status}\n{said}", job.name))
}

/// Until the child has ended.
fn weigh(child: &mut Child, every: Duration) -> Result<u64, String> {
    let mut most = 0;
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        most = most.max(resident_below(child.id()));
        thread::sleep(every);
    }
    Ok(most)
}

/// Bytes that process `pid` and all that it started have resident. Pages that several of them map
/// count for each.
fn resident_below(pid: u32) -> u64 {
    let mut processes = vec![pid];
    let mut sum = 0;
    while let Some(pid) = processes.pop() {
        sum += resident(pid).unwrap_or(0);
        processes.extend(children(pid));
    }
    sum
}

fn resident(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_size())
}

fn page_size() -> u64 {
    // SAFETY: asks the kernel for a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).expect("every Linux knows the size of its pages")
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let mut pids = Vec::new();
    for list in lists {
        pids.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(test: &str) -> Job {
        let folder = format!("bench-wrapped-{}-{test}", std::process::id());
        let scratch = std::env::temp_dir().join(folder);
        fs::create_dir_all(&scratch).unwrap();
        Job::in_folder("test", &scratch)
    }

    #[test]
    fn the_memory_of_all_processes_counts() {
        let holds = "import time; kept = b'x' * 50_000_000; time.sleep(1)";
        // The outer one has its memory before the inner one begins, and until that one has ended.
        let both = "import subprocess, sys; kept = b'x' * 50_000_000; \
                    subprocess.run([sys.executable, '-c', sys.argv[1]])";
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", both, holds]);
        let ended = run(command, &job("memory"), Some(SAMPLING)).unwrap();
        assert!(ended.most_resident > 100_000_000, "{ended:?}");
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", holds]);
        let alone = run(command, &job("memory"), Some(SAMPLING)).unwrap();
        assert!((50_000_000..90_000_000).contains(&alone.most_resident), "{alone:?}");
        assert!(alone.wall >= Duration::from_secs(1));
    }

    #[test]
    fn a_failed_run_is_an_error_that_says_what_was_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo broken >&2; exit 3"]);
        let error = run(command, &job("failure"), None).unwrap_err();
        assert!(error.contains("broken") && error.contains('3'), "{error}");
    }
}
