//! Chooses the engine: the sources ask one word, `mod_alloc_portable`, in place of a list of
//! systems in many files.
//!
//! | cfg | on | the crate |
//! |---|---|---|
//! | none | Linux on x86-64, aarch64 | records by the engine of `src/engine` |
//! | `mod_alloc_portable` | other Unix, Windows, other Linux | records by that of `src/portable` |
//! | `mod_alloc_forwards` | WebAssembly, no operating system | forwards, and records nothing |
//!
//! `RUSTFLAGS="--cfg mod_alloc_portable"` chooses the second one on 64-bit Linux, too: then the
//! tests compare the two.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let of_target = |name: &str| std::env::var(name).unwrap_or_default();
    let family = of_target("CARGO_CFG_TARGET_FAMILY");
    let records = family.split(',').any(|family| family == "unix" || family == "windows");
    let is_linux = of_target("CARGO_CFG_TARGET_OS") == "linux"
        && of_target("CARGO_CFG_TARGET_POINTER_WIDTH") == "64"
        && ["x86_64", "aarch64"].contains(&&*of_target("CARGO_CFG_TARGET_ARCH"));
    if !records {
        println!("cargo::rustc-cfg=mod_alloc_forwards");
    } else if !is_linux {
        println!("cargo::rustc-cfg=mod_alloc_portable");
    }
}
