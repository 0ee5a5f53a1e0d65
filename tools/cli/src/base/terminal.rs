//! The width of lines.

/// Columns where neither `COLUMNS` nor a terminal tells.
const DEFAULT: usize = 100;
/// Fewer columns leave numbers without room for names.
const LEAST: usize = 40;

/// Columns to use, at most `most`: `COLUMNS`, else those of the terminal.
pub(crate) fn width(most: usize) -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    set.or_else(of_terminal).unwrap_or(DEFAULT).clamp(LEAST, most)
}

/// Columns to use if standard output is a terminal.
pub(crate) fn width_of_window() -> Option<usize> {
    of_terminal().map(|_| width(usize::MAX))
}

fn of_terminal() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request fills the structure that it is given.
    let failed = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (failed == 0 && size.ws_col > 0).then_some(size.ws_col.into())
}
