//! Paths that name the process: `%p` is its id, `%e` its executable's name, `%%` a percent sign.
//! In those of reports, `%n` is the report's number.
//!
//! Anything else stays as it is. Nothing here allocates: a recording's file is made in the middle
//! of the program's first allocation.

use core::fmt::{self, Write};

use crate::base::os;
use crate::base::os::files::PATH_SIZE;

/// Hands `push` the path that `pattern` stands for, piece by piece, until it has no room for one.
/// Returns whether it had room for all.
pub(crate) fn expand(pattern: &[u8], mut push: impl FnMut(&[u8]) -> bool) -> bool {
    pieces(pattern).all(|piece| match piece {
        Piece::Text(text) => push(text),
        Piece::Process => write!(Pushed(&mut push), "{}", os::process_id()).is_ok(),
        Piece::Executable => with_executable(&mut push),
    })
}

/// As [`expand`], for a report of that number.
#[cfg(feature = "dhat-compat")]
pub(crate) fn expand_numbered(pattern: &[u8], number: u32, mut push: impl FnMut(&[u8])) {
    for piece in pieces(pattern) {
        match piece {
            Piece::Text(b"%n") => push(std::format!("{number}").as_bytes()),
            Piece::Text(text) => push(text),
            Piece::Process => push(std::format!("{}", os::process_id()).as_bytes()),
            Piece::Executable => {
                with_executable(&mut |name: &[u8]| {
                    push(name);
                    true
                });
            }
        }
    }
}

/// True if the pattern has a `%n`. `%%n` is the text `%n`.
#[cfg(feature = "dhat-compat")]
pub(crate) fn names_number(pattern: &[u8]) -> bool {
    pieces(pattern).any(|piece| matches!(piece, Piece::Text(b"%n")))
}

/// True if processes that run at once have different paths by this pattern: it has a `%p`.
/// `%%p` is the text `%p`, and names no process.
pub(crate) fn names_process(pattern: &[u8]) -> bool {
    pieces(pattern).any(|piece| matches!(piece, Piece::Process))
}

/// True if the pattern has a `%e`.
#[cfg(feature = "dhat-compat")]
pub(crate) fn names_executable(pattern: &[u8]) -> bool {
    pieces(pattern).any(|piece| matches!(piece, Piece::Executable))
}

enum Piece<'p> {
    Text(&'p [u8]),
    Process,
    Executable,
}

/// The pattern's pieces, one after another.
fn pieces(mut rest: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    core::iter::from_fn(move || {
        let (piece, len) = match *rest {
            [] => return None,
            [b'%', b'p', ..] => (Piece::Process, 2),
            [b'%', b'e', ..] => (Piece::Executable, 2),
            [b'%', b'%', ..] => (Piece::Text(b"%"), 2),
            [b'%', ..] => (Piece::Text(rest.get(..2).unwrap_or(rest)), 2),
            _ => {
                let text = rest.split(|byte| *byte == b'%').next()?;
                (Piece::Text(text), text.len())
            }
        };
        rest = rest.get(len..).unwrap_or_default();
        Some(piece)
    })
}

/// Hands over the name of the executable's file; `false` if it does not fit.
fn with_executable(push: &mut impl FnMut(&[u8]) -> bool) -> bool {
    let mut path = [0; PATH_SIZE];
    let len = os::executable(&mut path);
    let name = path.get(..len).and_then(|path| path.rsplit(|byte| *byte == b'/').next());
    push(shortened(name.filter(|name| !name.is_empty()).unwrap_or(b"unknown")))
}

/// Bytes of an executable's name that are kept: a file's name has 255 at most, and the pattern may
/// have more than that placeholder.
const MOST: usize = 200;

/// The first bytes of a name, whole characters.
fn shortened(name: &[u8]) -> &[u8] {
    let is_begin = |end: &usize| name.get(*end).is_none_or(|byte| byte & 0xc0 != 0x80);
    // Bytes that are no UTF-8 are cut anywhere.
    let end = (MOST - 3..=MOST).rev().find(is_begin).unwrap_or(MOST);
    name.get(..end).unwrap_or(name)
}

struct Pushed<F>(F);

impl<F: FnMut(&[u8]) -> bool> Write for Pushed<F> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if (self.0)(text.as_bytes()) { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn expanded(pattern: &[u8]) -> Vec<u8> {
        let mut path = Vec::new();
        assert!(expand(pattern, |piece| {
            path.extend_from_slice(piece);
            true
        }));
        path
    }

    #[test]
    fn placeholders_are_replaced() {
        let pid = os::process_id();
        assert_eq!(expanded(b"a-%p.json"), std::format!("a-{pid}.json").into_bytes());
        assert_eq!(expanded(b"100%%"), b"100%");
        assert_eq!(expanded(b"%q%"), b"%q%");
        assert_eq!(expanded(b"%q%%p%"), b"%q%p%");
        let executable = std::env::current_exe().unwrap();
        let name = executable.file_name().unwrap().as_encoded_bytes();
        assert_eq!(expanded(b"%e"), name);
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(shortened(b"name"), b"name");
        assert_eq!(shortened(&[b'a'; 250]).len(), 200);
        let mut name = [b'a'; 250];
        name[199..201].copy_from_slice("ä".as_bytes());
        assert_eq!(shortened(&name).len(), 199);
        assert_eq!(shortened(&[0x80; 250]).len(), 200);
    }

    #[test]
    fn a_percent_sign_before_a_p_is_no_placeholder() {
        assert!(names_process(b"x%p") && names_process(b"%%%p"));
        assert!(!names_process(b"x%%p") && !names_process(b"%ep"));
    }

    #[cfg(feature = "dhat-compat")]
    #[test]
    fn a_report_s_number_is_replaced_in_paths_of_reports() {
        let mut path = Vec::new();
        expand_numbered(b"%%n-%n-%q", 12, |piece| path.extend_from_slice(piece));
        assert_eq!(path, b"%n-12-%q");
        assert_eq!(expanded(b"a-%n"), b"a-%n", "other paths have no number");
        assert!(names_number(b"%n") && !names_number(b"%%n") && !names_number(b"n"));
    }

    #[test]
    fn nothing_is_pushed_after_what_had_no_room() {
        let mut pushed = 0;
        let has_room = expand(b"abc%pdef", |_| {
            pushed += 1;
            pushed < 2
        });
        assert_eq!((has_room, pushed), (false, 2));
    }
}
