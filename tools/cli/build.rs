//! Builds the libraries that are loaded into strangers, and puts their paths where the program
//! embeds them from: the one that records and its fronts (tools/preload), and `hush` of the command
//! `test`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo sets for this script and its compiler, and another cargo must not inherit: flags and
/// wrappers are meant for the program, not for a library that is loaded into strangers.
const NOT_INHERITED: [&str; 8] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "CARGO_PROFILE_RELEASE_LTO",
    "CARGO_PROFILE_RELEASE_DEBUG",
];

/// The fronts, and the variables that tell where they are.
const FRONTS: [(&str, &str); 5] = [
    ("operators", "MOD_ALLOC_OPERATORS_LIBRARY"),
    ("jemalloc", "MOD_ALLOC_JEMALLOC_LIBRARY"),
    ("tcmalloc", "MOD_ALLOC_TCMALLOC_LIBRARY"),
    ("mimalloc", "MOD_ALLOC_MIMALLOC_LIBRARY"),
    ("mappings", "MOD_ALLOC_MAPPINGS_LIBRARY"),
];

fn main() {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let preload = here.join("../preload");
    for folder in [preload.join("src"), preload.join("Cargo.toml"), here.join("../../src")] {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    println!("cargo::rerun-if-env-changed=MOD_ALLOC_PRELOAD_LIBRARY");
    let library = match env::var_os("MOD_ALLOC_PRELOAD_LIBRARY") {
        Some(library) => PathBuf::from(library), // for packagers, who build it themselves
        None => build(&preload),
    };
    println!("cargo::rustc-env=MOD_ALLOC_PRELOAD_LIBRARY={}", library.display());
    let hush = single(&here.join("hush/hush.rs"), "mod_alloc_hush", &[]);
    println!("cargo::rustc-env=MOD_ALLOC_HUSH_LIBRARY={}", hush.display());
    for (front, variable) in FRONTS {
        let name = format!("mod_alloc_preload_{front}");
        let cfg = format!("front=\"{front}\"");
        let library = single(&preload.join("front.rs"), &name, &["--cfg", &cfg]);
        println!("cargo::rustc-env={variable}={}", library.display());
    }
}

/// A library of one file without dependencies: the compiler alone is enough.
fn single(source: &Path, name: &str, flags: &[&str]) -> PathBuf {
    println!("cargo::rerun-if-changed={}", source.display());
    let library = PathBuf::from(variable("OUT_DIR")).join(format!("lib{name}.so"));
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.args(["--edition=2024", "--crate-type=cdylib", "--crate-name", name]).args(flags);
    rustc.args(["-Cpanic=abort", "-Copt-level=s", "-Cstrip=symbols"]);
    // Nothing of what programs start with: its constructor is all that it has.
    rustc.args(["-Clink-arg=-nostartfiles", "--target", &variable("TARGET")]);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg(format!("-Clinker={linker}"));
    }
    rustc.arg("-o").arg(&library).arg(source);
    let status = rustc.status().expect("the compiler can be started");
    assert!(status.success(), "the library {name} could not be built: {rustc:?}: {status}");
    library
}

fn build(preload: &Path) -> PathBuf {
    let target = variable("TARGET");
    let folder = PathBuf::from(variable("OUT_DIR")).join("preload");
    let mut cargo = Command::new(variable("CARGO"));
    cargo.args(["build", "--release", "--locked", "--target", &target]);
    cargo.arg("--manifest-path").arg(preload.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&folder);
    for name in NOT_INHERITED {
        cargo.env_remove(name);
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "the preload library could not be built: {cargo:?}: {status}");
    folder.join(target).join("release/libmod_alloc_preload.so")
}

fn variable(name: &str) -> String {
    println!("cargo::rerun-if-env-changed={name}");
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
