//! The programs and libraries of `tests/native`, compiled.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where they are.
pub(crate) fn folder() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("native");
        let build = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/native/build");
        let output = Command::new(build).arg(&folder).output().expect("it can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}; tools/check/setup installs what is missing");
        folder
    })
}

/// The program of that name.
pub(crate) fn program(name: &str) -> PathBuf {
    folder().join(name)
}

/// The path of that library.
pub(crate) fn library(name: &str) -> String {
    folder().join(format!("{name}.so")).to_str().expect("a path in UTF-8").to_owned()
}
