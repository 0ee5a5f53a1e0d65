//! How wide lines may be.

/// Columns where nothing tells.
const DEFAULT: usize = 100;
/// Below, columns of numbers would leave nothing for names; above, lines are hard to follow.
const LIMITS: (usize, usize) = (60, 160);

/// Columns to use: `COLUMNS`, else those of the terminal.
pub(super) fn width() -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    set.or_else(of_terminal).unwrap_or(DEFAULT).clamp(LIMITS.0, LIMITS.1)
}

fn of_terminal() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request fills the structure that it is given.
    let failed = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (failed == 0 && size.ws_col > 0).then_some(size.ws_col.into())
}
