//! Lines on standard error.

use std::fmt::Arguments;
use std::io::Write;

use super::glyphs;

/// Prints `mod-alloc: ` and the text as one line, colours only if they are wanted there.
pub(crate) fn line(text: Arguments<'_>) {
    // One write, so that lines of processes that share a terminal stay whole. A failure
    // cannot be told.
    let line = format!("mod-alloc: {text}\n");
    let _ = anstream::stderr().lock().write_all(glyphs::shown(&line).as_bytes());
}

/// Prints a line on standard error as `format!` makes it, after `mod-alloc: `.
macro_rules! say {
    ($($text:tt)*) => { $crate::base::say::line(format_args!($($text)*)) };
}

pub(crate) use say;
