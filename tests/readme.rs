//! The README's programs compile without a warning, and run.

use std::fs;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");

/// The programs: the blocks of Rust that have a `main`. Lines that begin with `# ` are hidden by those who show
/// them, and part of the program.
fn programs() -> Vec<String> {
    let blocks = README.split("\n```rust").skip(1);
    let blocks = blocks.filter_map(|block| block.split_once('\n')?.1.split("\n```").next());
    let visible = |line: &str| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n";
    blocks
        .filter(|block| block.contains("fn main()"))
        .map(|block| block.lines().map(visible).collect())
        .collect()
}

/// Each is a binary of one package, so that the crate is built once.
#[test]
fn its_programs_compile_and_run() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    let sources = folder.join("src/bin");
    let _ = fs::remove_dir_all(&sources);
    fs::create_dir_all(&sources).expect("the target folder can be written to");
    let manifest = format!(
        "[workspace]\n[package]\nname = \"readme\"\nedition = \"2024\"\n[dependencies]\n\
         mod-alloc = {{ path = {:?}, features = [\"groups\"] }}\n",
        env!("CARGO_MANIFEST_DIR")
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("the folder can be written to");
    let programs = programs();
    assert!(programs.len() >= 4, "{} programs", programs.len());
    for (number, program) in programs.iter().enumerate() {
        let path = sources.join(format!("program{number}.rs"));
        fs::write(path, program).expect("the folder can be written to");
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("below the target folder");
    let target = target.join("migration");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--target-dir"]).arg(&target).current_dir(&folder);
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let built = cargo.output().expect("cargo can be started");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success() && !said.contains("src/bin"), "{said}");
    for (number, program) in programs.iter().enumerate() {
        let mut command = Command::new("timeout");
        command.arg("600").arg(target.join("debug").join(format!("program{number}")));
        let ran = command.current_dir(&folder).env("MOD_ALLOC_OUT", "off").output();
        let ran = ran.expect("timeout is part of every Debian");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{said}\n{program}");
    }
}
