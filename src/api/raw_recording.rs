//! `MOD_ALLOC_OUT=raw`: the recording in the place of the report. It names no functions: to read
//! the debug information is the command's work, which an optimized program does at any later time.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::api::own_recording;
use crate::base::os;
use crate::base::settings;
use crate::engine::session::Session;
use crate::report::summary;
use crate::store::space::SPACE;

/// True if that value of `MOD_ALLOC_OUT` asks for the recording alone, and it is in a file. If it
/// is not, because the file could not be made, the report is what is left of the run.
pub(super) fn is_in_place(out: Option<&OsStr>) -> bool {
    out.is_some_and(|out| settings::raw_path(out.as_bytes()).is_some()) && SPACE.is_in_file()
}

/// Says the totals, and the command that makes the report.
pub(super) fn say_where(session: &'static Session) {
    let recording = own_recording::recording(Some(session));
    let path = SPACE.path().to_bytes();
    let shown = Path::new(OsStr::from_bytes(path));
    let argument = as_argument(path).to_string_lossy().into_owned();
    os::write_stderr(summary::lines_of_recording(&recording, shown, &argument).as_bytes());
}

/// A path as a shell takes it for one word.
fn as_argument(path: &[u8]) -> OsString {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(byte);
    if path.iter().all(is_plain) && !path.starts_with(b"-") {
        return OsString::from_vec(path.to_vec());
    }
    let mut quoted = std::vec![b'\''];
    // A path that begins with a minus sign would be an option.
    quoted.extend(path.starts_with(b"-").then_some(*b"./").into_iter().flatten());
    for byte in path {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        let of = |path: &str| -> String { as_argument(path.as_bytes()).into_string().unwrap() };
        assert_eq!(of("a/b.1-2.recording"), "a/b.1-2.recording");
        assert_eq!(of("my file"), "'my file'");
        assert_eq!(of("it's"), "'it'\\''s'");
        assert_eq!(of("-o"), "'./-o'");
    }
}
