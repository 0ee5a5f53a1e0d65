//! Packages of a page's programs, built by cargo below the target folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// This crate.
pub(crate) const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// A dependency on this crate; `features` as in a manifest.
pub(crate) fn on_this_crate(features: &str) -> String {
    format!("mod-alloc = {{ path = {CRATE:?}, features = {features} }}")
}

/// The target folder of the running test.
pub(crate) fn target() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().expect("it is below the target folder").to_owned()
}

/// A folder of the running test.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages").join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// Builds a package of one program; returns the program's path.
pub(crate) fn build(name: &str, dependency: &str, program: &str) -> PathBuf {
    let folder = scratch(name);
    let manifest = format!(
        "[workspace]\n[package]\nname = {name:?}\nedition = \"2024\"\n\
         [dependencies]\n{dependency}\n"
    );
    fs::create_dir_all(folder.join("src")).expect("the folder can be written to");
    fs::write(folder.join("Cargo.toml"), manifest).expect("the folder can be written to");
    fs::write(folder.join("src/main.rs"), program).expect("the folder can be written to");
    let target = target().join("pages");
    let mut cargo = cargo(&["build", "--quiet"]);
    let said = said(cargo.arg("--target-dir").arg(&target).current_dir(&folder), program);
    // A warning of the page itself.
    assert!(!said.contains("src/main.rs"), "{name}: {said}");
    target.join("debug").join(name)
}

/// The command line's program, which the workspace has.
pub(crate) fn command_line() -> PathBuf {
    let mut cargo = cargo(&["build", "--quiet", "--package", "mod-alloc-cli"]);
    said(cargo.arg("--target-dir").arg(target()).current_dir(CRATE), "");
    target().join("debug/mod-alloc")
}

/// Without flags, as any user builds.
fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

/// Runs it, and gives what it said on standard error.
fn said(command: &mut Command, program: &str) -> String {
    let output = command.output().expect("cargo can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}\n{program}");
    said
}

/// A run in `folder`, with none of our variables set.
pub(crate) fn run(program: &Path, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new("timeout");
    command.arg("600").arg(program).args(arguments).current_dir(folder);
    let ours = |name: &str| name.starts_with("MOD_ALLOC");
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
        command.env_remove(name);
    }
    command.env_remove("RUST_BACKTRACE").output().expect("timeout is part of every Debian")
}

/// Text that a program has printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
