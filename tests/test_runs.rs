//! A library's tests with the crate: nobody who runs them pays for a report that nobody asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARY: &str = r#"
//! ```
//! #[global_allocator]
//! static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
//! assert_eq!(mod_alloc::measure(|| vec![1u8; 10]).1.blocks, 1);
//! ```
#[cfg(test)]
mod tests {
    #[global_allocator]
    static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();

    #[test]
    fn allocates() {
        assert_eq!(mod_alloc::measure(|| vec![1u8; 10]).1.blocks, 1);
    }
}
"#;

/// A program with a harness of its own: it is no test of libtest's.
const OWN: &str = r#"
#[global_allocator]
static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
fn main() {
    drop(std::hint::black_box(vec![1u8; 10]));
}
"#;

fn package(edition: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("test-runs-{edition}"));
    let manifest = format!(
        "[workspace]\n[package]\nname = \"test-runs-{edition}\"\nedition = \"{edition}\"\n\
         [dev-dependencies]\nmod-alloc = {{ path = {:?} }}\n\
         [[test]]\nname = \"own\"\nharness = false\n",
        env!("CARGO_MANIFEST_DIR")
    );
    for (name, text) in [("Cargo.toml", &*manifest), ("src/lib.rs", LIBRARY), ("tests/own.rs", OWN)]
    {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Lines of ours on standard error, and whether there is a report.
fn cargo(folder: &Path, words: &[&str], variable: Option<(&str, &str)>) -> (usize, bool) {
    let report = folder.join("dhat-heap.json");
    let _ = fs::remove_file(&report);
    let mut command = Command::new(env!("CARGO"));
    command.args(words).current_dir(folder);
    // This test is run by cargo, and perhaps by nextest.
    let is_ours = |name: &str| name.starts_with("MOD_ALLOC") || name.starts_with("NEXTEST");
    for (name, _) in std::env::vars().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../pages");
    command.env("CARGO_TARGET_DIR", target).env_remove("RUSTFLAGS").envs(variable);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words:?}: {said}");
    (said.lines().filter(|line| line.starts_with("mod-alloc: ")).count(), report.exists())
}

#[test]
fn tests_write_no_report_unless_a_variable_asks_for_one() {
    for edition in ["2021", "2024"] {
        let folder = package(edition);
        for words in [&["test", "--lib", "--quiet"][..], &["test", "--doc", "--quiet"]] {
            assert_eq!(cargo(&folder, words, None), (0, false), "{words:?}");
        }
    }
    let folder = package("2021");
    let nextest = ["nextest", "run", "--lib"];
    assert_eq!(cargo(&folder, &nextest, None), (0, false));
    for variable in [("MOD_ALLOC_PEAK", "exact"), ("MOD_ALLOC_OUT", "dhat-heap.json")] {
        let words = ["test", "--lib", "--quiet"];
        assert_eq!(cargo(&folder, &words, Some(variable)), (4, true), "{variable:?}");
    }
    let own = ["test", "--test", "own", "--quiet"];
    assert_eq!(cargo(&folder, &own, None), (4, true), "a harness of its own");
}
