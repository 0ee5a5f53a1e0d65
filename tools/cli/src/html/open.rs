//! The user's browser.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Has the desktop open `page`, and waits until it has taken it over.
///
/// # Errors
///
/// If there is no `xdg-open`, or it finds no browser.
pub(crate) fn open(page: &Path) -> io::Result<()> {
    let page = std::path::absolute(page)?;
    let mut command = Command::new("xdg-open");
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().map_err(|error| {
        io::Error::new(error.kind(), format!("xdg-open cannot be started: {error}"))
    })?;
    let failed = || io::Error::other(format!("xdg-open found no browser ({status})"));
    if status.success() { Ok(()) } else { Err(failed()) }
}
