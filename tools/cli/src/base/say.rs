//! Lines on standard error.

use std::fmt::{self, Arguments, Display, Formatter, Write as _};
use std::io::Write;
use std::path::Path;

use super::glyphs;

/// Prints `mod-alloc: ` and the text as one line, colours only if they are wanted there.
pub(crate) fn line(text: Arguments<'_>) {
    // One write, so that lines of processes that share a terminal stay whole. A failure
    // cannot be told.
    let line = format!("mod-alloc: {text}\n");
    let _ = anstream::stderr().lock().write_all(glyphs::shown(&line).as_bytes());
}

/// A path for people, whose control characters are escaped: a name may come from anybody, and must
/// not write to the terminal.
#[derive(Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a Path);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Escaped(&self.0.to_string_lossy()).fmt(f)
    }
}

/// A text in which control characters are escaped.
#[derive(Debug)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c.is_control() {
            true => write!(f, "{}", c.escape_default()),
            false => f.write_char(c),
        })
    }
}

/// Prints a line on standard error as `format!` makes it, after `mod-alloc: `.
macro_rules! say {
    ($($text:tt)*) => { $crate::base::say::line(format_args!($($text)*)) };
}

pub(crate) use say;
