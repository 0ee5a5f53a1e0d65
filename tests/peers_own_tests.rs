//! The peers' own tests, run against this crate: those of dhat-rs with the import changed, those of
//! mod-alloc 1.0.1 as they are, and one of ours beside them.
//!
//! Cargo fetches the packages for `tests/peers_own`; what runs is generated below the target folder.

#[path = "support/commands.rs"]
mod commands;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use commands::{succeed, text};

/// Seconds after which a run of cargo hangs.
const TIME_LIMIT: &str = "1500";

/// The dependencies of a generated package beside its tests.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where the sources of `package` are.
fn sources_of(package: &str, version: &str) -> PathBuf {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--locked", "--format-version=1", "--manifest-path"]);
    command.arg(Path::new(ROOT).join("tests/peers_own/Cargo.toml"));
    let metadata = succeed(&mut command).stdout;
    let metadata: Value = serde_json::from_slice(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let is_it = |entry: &&Value| entry["name"] == package && entry["version"] == version;
    let found = packages.iter().find(is_it).expect("a dependency of tests/peers_own");
    let manifest = Path::new(found["manifest_path"].as_str().expect("a path"));
    manifest.parent().expect("a folder").to_owned()
}

/// A package below the target folder, to be made anew.
struct Package {
    folder: PathBuf,
}

impl Package {
    fn new(name: &str, manifest: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers_own_tests").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("what an earlier run left can be removed");
        }
        fs::create_dir_all(folder.join("src")).expect("the target folder can be written to");
        fs::write(folder.join("Cargo.toml"), manifest).expect("room for a manifest");
        fs::write(folder.join("src/lib.rs"), "").expect("room for nothing");
        // So that nothing has to be looked up that building this crate has not.
        fs::copy(Path::new(ROOT).join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock");
        Self { folder }
    }

    /// Takes the package's tests over, each changed by `change`.
    fn with_tests_of(self, sources: &Path, change: impl Fn(String) -> String) -> Self {
        let tests = self.folder.join("tests");
        fs::create_dir(&tests).expect("its place is free");
        for entry in fs::read_dir(sources.join("tests")).expect("the package has tests") {
            let path = entry.expect("an entry").path();
            let source = fs::read_to_string(&path).expect("a source file");
            let copy = tests.join(path.file_name().expect("a name"));
            fs::write(copy, change(source)).expect("room for a copy");
        }
        self
    }

    /// Runs `cargo test` with these arguments; how many tests have passed.
    ///
    /// # Panics
    /// If one fails, is ignored, or hangs.
    fn run(&self, arguments: &[&str]) -> usize {
        let mut command = Command::new("timeout");
        command.args([TIME_LIMIT, env!("CARGO"), "test", "--tests"]).args(arguments);
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
        command.arg("--target-dir").arg(target.join("peers-own"));
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        if cfg!(mod_alloc_portable) {
            command.env("RUSTFLAGS", "--cfg mod_alloc_portable");
        }
        let ours = |name: &str| name.starts_with("MOD_ALLOC");
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
            command.env_remove(name);
        }
        let output = succeed(command.current_dir(&self.folder));
        let said = text(&output.stdout);
        let results = said.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
        results.map(passed).sum()
    }
}

/// Of `7 passed; 0 failed; 0 ignored; …`.
fn passed(result: &str) -> usize {
    let count = |what: &str| {
        let part = result.split("; ").find_map(|part| part.strip_suffix(what));
        part.and_then(|count| count.parse::<usize>().ok()).expect("cargo's way to say it")
    };
    assert_eq!(count(" ignored"), 0, "{result}");
    count(" passed")
}

#[test]
fn those_of_dhat_rs_pass_with_the_import_changed() {
    let manifest = format!(
        r#"
        [workspace]
        [package]
        name = "dhat-rs"
        version = "0.0.0"
        edition = "2021"
        [dependencies]
        mod-alloc = {{ path = {ROOT:?} }}
        [dev-dependencies]
        serde_json = "1"
        [profile.release]
        debug = 1
        "#
    );
    // Its tests expect this name of their folder.
    let package = Package::new("dhat-rs", &manifest);
    let package = package.with_tests_of(&sources_of("dhat", "0.3.3"), |source| {
        // At the end, because tests name their own lines.
        let source = source + "\nuse mod_alloc::dhat_compat as dhat;\n";
        // Where a call of a method is: newer compilers name the method's column, for dhat-rs too,
        // whose test fails with them for that.
        source.replace("heap.rs:35:9)", "heap.rs:35:")
    });
    assert_eq!(package.run(&[]), 7);
    assert_eq!(package.run(&["--release"]), 7);
}

/// A package that uses 1.0.1 with this crate in its place, and `features` of the dependency beside its own.
fn users_of_1_0_1(name: &str, dependency: &str) -> Package {
    let manifest = format!(
        r#"
        [workspace]
        [package]
        name = {name:?}
        version = "0.0.0"
        edition = "2021"
        [features]
        backtraces = ["mod-alloc/backtraces"]
        symbolicate = ["backtraces", "mod-alloc/symbolicate"]
        dhat-compat = ["backtraces", "mod-alloc/dhat-compat", "mod-alloc/compat-1-0"]
        [dependencies]
        mod-alloc = {dependency}
        [patch.crates-io]
        mod-alloc = {{ path = {ROOT:?} }}
        "#
    );
    let package = Package::new(name, &manifest);
    let package = package.with_tests_of(&sources_of("mod-alloc", "1.0.1"), |source| source);
    let endings = include_str!("peers_own/endings.rs");
    fs::write(package.folder.join("tests/endings.rs"), endings).expect("room for a test");
    package
}

#[test]
fn those_of_mod_alloc_1_0_1_pass_unchanged() {
    let package = users_of_1_0_1("users-of-1-0-1", r#""1.0.1""#);
    assert_eq!(package.run(&[]), 9);
    assert_eq!(package.run(&["--all-features"]), 28);
    assert_eq!(package.run(&["--all-features", "--release"]), 28);
}

#[test]
fn they_pass_with_each_of_its_features_alone() {
    // Its own defaults; ours are more.
    let dependency =
        r#"{ version = "1.0.1", default-features = false, features = ["std", "counters"] }"#;
    let package = users_of_1_0_1("features-of-1-0-1", dependency);
    assert_eq!(package.run(&[]), 9);
    assert_eq!(package.run(&["--features", "backtraces"]), 12);
    assert_eq!(package.run(&["--features", "symbolicate"]), 14);
    assert_eq!(package.run(&["--features", "dhat-compat"]), 26);
}
