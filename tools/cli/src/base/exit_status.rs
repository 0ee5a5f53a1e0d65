//! The exit statuses of the command, where they are not the program's own.

/// A request failed, or a check did.
pub(crate) const FAILED: u8 = 1;
/// The command line cannot be understood.
pub(crate) const USAGE: u8 = 2;
/// mod-alloc refused or failed; a program that it runs rarely exits with this status.
pub(crate) const REFUSED: u8 = 125;
/// The program exists and cannot be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// The program does not exist.
pub(crate) const NOT_FOUND: u8 = 127;
