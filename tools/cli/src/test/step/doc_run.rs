//! A run of rustdoc: its log, and the notes of the compilers that it starts.

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use crate::test::shared::refused::Refused;
use crate::test::shared::state::unique;

use super::context::Context;
use super::doc_names::Notes;

/// A rustdoc that is to be run.
pub(crate) struct Run {
    /// Notes of compilers, and in `ran` the findings of programs.
    pub(crate) folder: PathBuf,
    /// A pipe: rustdoc opens its log once for tests that are compiled together and once for the
    /// others, and a file would lose the first.
    pub(crate) log: PathBuf,
}

pub(crate) fn prepare(context: &Context) -> io::Result<Run> {
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
pub(crate) type LogReader = (JoinHandle<Vec<u8>>, File);

impl Run {
    pub(crate) fn read_log(&self) -> Result<LogReader, Refused> {
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
                    Ok(0) => break,
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
    pub(crate) fn finish(&self, (reader, mut writing): LogReader) -> String {
        // The pipe is open for reading as long as we have it.
        let _ = writing.write_all(&[END]);
        String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
    }

    /// The notes of compilers.
    pub(crate) fn notes(&self) -> io::Result<Notes> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_s_note_has_three_parts() {
        let found = note(b"/tmp/a b/rust_out\0src/lib.rs\0-1\0").unwrap();
        assert_eq!(found, ("/tmp/a b/rust_out".into(), ("src/lib.rs".into(), -1)));
        assert_eq!(note(b"/tmp/x\0src/lib.rs\0"), None);
        assert_eq!(note(b""), None);
    }
}
