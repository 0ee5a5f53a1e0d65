//! tracking-allocator 0.4.0's own test and examples, fetched as a package, with no more than the import
//! changed: they build and do what they did.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// The package that is generated: their sources, our crate.
const MANIFEST: &str = r#"
[package]
name = "tracking-own-tests"
version = "0.0.0"
edition = "2018"
publish = false

[dependencies]
mod-alloc = { path = "{mod-alloc}", features = ["tracing"] }

[dev-dependencies]
tokio = { version = "1.12.0", default-features = false, features = ["rt", "sync"] }
tracing = { version = "0.1", default-features = false, features = ["std", "attributes"] }
tracing-subscriber = { version = "0.3.7", default-features = false, features = ["registry"] }

[workspace]
"#;

/// The package that has cargo fetch theirs.
const FETCH: &str = r#"
[package]
name = "tracking-fetched"
version = "0.0.0"
edition = "2021"
publish = false

[dependencies]
tracking-allocator = { version = "=0.4.0", default-features = false }

[lib]
path = "lib.rs"

[workspace]
"#;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracking").join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

fn write(path: &Path, text: &str) {
    // As it is, so that cargo does not build again what has not changed.
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    fs::write(path, text).expect("the target folder can be written to");
}

fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(folder).env("MOD_ALLOC_OUT", "off");
    command.env("CARGO_TARGET_DIR", self::folder("target"));
    command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    if cfg!(mod_alloc_portable) {
        command.env("RUSTFLAGS", "--cfg mod_alloc_portable");
    }
    let output = command.output().expect("cargo can be started");
    assert!(
        output.status.success(),
        "cargo {arguments:?}:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Where cargo has put their package.
fn theirs() -> PathBuf {
    let fetched = folder("fetched");
    write(&fetched.join("Cargo.toml"), FETCH);
    write(&fetched.join("lib.rs"), "");
    let output = cargo(&fetched, &["metadata", "--format-version=1"]);
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let package = packages.iter().find(|package| package["name"] == "tracking-allocator");
    let manifest = package.expect("it is a dependency")["manifest_path"].as_str().expect("a path");
    Path::new(manifest).parent().expect("a file is in a folder").to_path_buf()
}

/// The generated package.
fn package() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let (theirs, ours) = (theirs(), folder("package"));
        let manifest = MANIFEST.replace("{mod-alloc}", env!("CARGO_MANIFEST_DIR"));
        write(&ours.join("Cargo.toml"), &manifest);
        let sources =
            [("tests", "reentrancy.rs"), ("examples", "stdout.rs"), ("examples", "tracing.rs")];
        for (kind, file) in sources {
            let path = theirs.join(kind).join(file);
            let text = fs::read_to_string(path).expect("the package has it");
            let changed = text
                .replace("use tracking_allocator::{", "use mod_alloc::groups::tracking_compat::{");
            assert_ne!(changed, text, "{file} imports the crate");
            let folder = ours.join(kind);
            fs::create_dir_all(&folder).expect("the target folder can be written to");
            write(&folder.join(file), &changed);
        }
        fs::create_dir_all(ours.join("src")).expect("the target folder can be written to");
        write(&ours.join("src/lib.rs"), "");
        ours
    })
}

/// The output of an example, line by line.
fn example(name: &str) -> Vec<String> {
    let output = cargo(package(), &["run", "--quiet", "--example", name]);
    String::from_utf8_lossy(&output.stdout).lines().map(String::from).collect()
}

/// `size` in a line of an example's output, and the group.
fn events<'l>(lines: &'l [String], kind: &str, group: &str) -> Vec<(usize, &'l str)> {
    let of_kind = lines.iter().filter(|line| line.starts_with(&format!("{kind} ->")));
    let event = |line: &'l String| {
        let (_, rest) = line.split_once("object_size=")?;
        let (size, rest) = rest.split_once(' ')?;
        let (wrapped, _) = rest.strip_prefix("wrapped_size=")?.split_once(' ')?;
        let (size, wrapped): (usize, usize) = (size.parse().ok()?, wrapped.parse().ok()?);
        assert_eq!(wrapped, size + 8, "{line}");
        let (_, groups) = rest.split_once(&format!("{group}=AllocationGroupId("))?;
        Some((size, groups.split_once(')')?.0))
    };
    of_kind.map(|line| event(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

#[test]
fn the_test_of_trackers_that_allocate() {
    let output = cargo(package(), &["test", "--test", "reentrancy"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("test result: ok. 1 passed; 0 failed"), "{text}");
}

#[test]
fn the_example_of_one_group() {
    let lines = example("stdout");
    let of_group = |kind, group| {
        let mut sizes: Vec<_> = events(&lines, kind, group);
        sizes.retain(|(_, group)| *group == "2");
        sizes
    };
    // The text of 12 bytes, and a vector of four strings.
    assert_eq!(of_group("allocation", "group_id"), [(12, "2"), (96, "2")], "{lines:?}");
    assert_eq!(of_group("deallocation", "source_group_id"), [(12, "2"), (96, "2")], "{lines:?}");
    let current = events(&lines, "deallocation", "current_group_id");
    assert!(current.iter().all(|(_, group)| *group == "1"), "{lines:?}");
}

#[test]
fn the_example_of_spans() {
    let lines = example("tracing");
    assert!(lines.iter().any(|line| line == "Done."));
    for (size, own, other) in [(384, "2", "3"), (3072, "3", "2")] {
        let made = events(&lines, "allocation", "group_id");
        // tokio's own are in no group.
        let is_one = |(bytes, group): &(usize, &str)| *bytes == size && *group != "1";
        let made: Vec<_> = made.into_iter().filter(is_one).collect();
        assert_eq!(made, [(size, own); 3], "{lines:#?}");
        let source = events(&lines, "deallocation", "source_group_id");
        let current = events(&lines, "deallocation", "current_group_id");
        let freed = source.iter().zip(&current).filter(|((bytes, _), _)| *bytes == size);
        let groups: Vec<_> = freed.map(|((_, source), (_, current))| (*source, *current)).collect();
        assert_eq!(groups, [(own, other); 3], "each is freed by the other's task");
    }
}
