//! Commands that tests cannot do without.

use std::process::{Command, Output};

/// Runs a command to its end.
///
/// # Panics
/// If it cannot be started or fails; with what it said.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| {
        panic!("{name}: {error}; tools/check/setup installs what is missing")
    });
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

/// As text, whatever it is.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
