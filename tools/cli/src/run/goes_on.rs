//! Children that go on after the program has ended, as daemons do: the program forks, and ends.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A process of the same program in the run that records to `pattern`. The program itself has
/// ended.
pub(super) fn child(executable: &Path, pattern: &OsStr) -> Option<u32> {
    let executable = fs::canonicalize(executable).ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.find(|&number: &u32| {
        let folder = Path::new("/proc").join(number.to_string());
        // An ended process that nobody has waited for has no executable any more.
        fs::read_link(folder.join("exe")).is_ok_and(|path| path == executable)
            && fs::read(folder.join("environ")).is_ok_and(|words| names(&words, pattern))
    })
}

/// True if the environment has the recording of this run: a fork has its parent's.
fn names(environment: &[u8], pattern: &OsStr) -> bool {
    let value = |word: &[u8]| word.strip_prefix(b"MOD_ALLOC_RECORD=") == Some(pattern.as_bytes());
    environment.split(|byte| *byte == 0).any(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_is_known_by_the_whole_value() {
        let environment = b"A=MOD_ALLOC_RECORD=/r\0MOD_ALLOC_RECORD=/run/r\0B=";
        assert!(names(environment, OsStr::new("/run/r")));
        assert!(!names(environment, OsStr::new("/r")) && !names(environment, OsStr::new("/run")));
    }
}
