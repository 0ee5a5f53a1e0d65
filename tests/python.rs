//! A Python interpreter inside the program, all of its memory Rust's: C code of many authors, callbacks
//! through generated code, deep and busy stacks.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[expect(dead_code, reason = "other tests look at other things")]
mod torture_support;

use std::process::Command;

use torture_support::heap_support::{assert_only_lost, lost};
use torture_support::torture;

/// The file name of the library that belongs to Debian's Python.
fn library() -> String {
    let script = "import sysconfig; print(sysconfig.get_config_var('INSTSONAME'))";
    let output = Command::new("/usr/bin/python3").args(["-c", script]).output();
    let output = output.expect("tools/check/setup installs it");
    let name = String::from_utf8(output.stdout).expect("UTF-8");
    name.trim().to_owned()
}

/// Objects whose code must have been on stacks that allocate.
const OBJECTS: [&str; 11] = [
    "libpython3.",
    "/_json.",
    "/_ctypes.",
    "libffi.so",
    "/_sqlite3.",
    "libsqlite3.so",
    "libexpat.so",
    "/_decimal.",
    "/_lzma.",
    "/_bz2.",
    "/_hashlib.",
];

#[test]
fn extension_modules_in_c() {
    for frames in [24, 256] {
        let tortured = torture(&format!("python {}", library()), 100_000, frames);
        tortured.assert_checked();
        assert_only_lost(&tortured.report, &["truncated_stacks"]);
        let truncated = lost(&tortured.report, "truncated_stacks");
        assert!(truncated > if frames == 24 { 50_000 } else { 100 }, "{truncated}");
        for object in OBJECTS {
            let is_there = |frame: &String| frame.contains(" (in ") && frame.contains(object);
            assert!(tortured.report.frames.iter().any(is_there), "nothing of {object}");
        }
    }
}
