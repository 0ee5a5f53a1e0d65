//! Runners that were configured before are chained.

#[expect(dead_code, reason = "other tests look at more")]
mod test_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use test_support::table::Table;
use test_support::{Ended, Package, path_with};

const LIBRARY: &str = r#"
//! ```
//! assert_eq!(std::env::var("CHAINED").as_deref(), Ok("yes"));
//! ```
#[test]
fn is_chained() {
    assert_eq!(std::env::var("CHAINED").as_deref(), Ok("yes"));
    drop(std::hint::black_box(vec![1u8; 100]));
}
"#;

/// A package with a runner that says that it ran.
fn package() -> Package {
    let package = Package::with_library("chained", "2021", LIBRARY);
    package.write(
        "tools/my runner",
        "#!/bin/sh\necho \"ran by $0 $1\" >>\"$(dirname \"$0\")/log\"\nshift\nCHAINED=yes exec \"$@\"\n",
    );
    let path = package.path("tools/my runner");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    package
}

fn assert_chained(package: &Package, ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let log = fs::read_to_string(package.path("tools/log")).expect("the runner ran");
    assert_eq!(log.lines().filter(|line| line.ends_with("tools/my runner x")).count(), 2, "{log}");
    let table = Table::parse(&ended.stdout);
    // The variable's value is a block of 3 bytes.
    assert_eq!(table.numbers("unit chained is_chained"), [2, 103, 100, 0, 0]);
    assert_eq!(table.result("doc chained src/lib.rs - (line 2)"), "ok");
    assert_eq!(table.losses(), [""; 0]);
}

const JSON: [&str; 3] = ["test", "--format", "json"];

#[test]
fn of_the_target_relative_to_its_file() {
    let package = package();
    let host = host(&package);
    let config = format!("[target.{host}]\nrunner = [\"tools/my runner\", \"x\"]\n");
    package.write(".cargo/config.toml", &config);
    package.write("inside/nothing", "");
    assert_chained(&package, &package.mod_alloc(&JSON));
}

#[test]
fn of_a_condition() {
    let package = package();
    let path = package.path("tools/my runner");
    package.write(
        ".cargo/config.toml",
        &format!(
            "[target.'cfg(windows)']\nrunner = \"no-such-runner\"\n\
             [target.'cfg(all(unix, not(target_os = \"macos\")))']\nrunner = [{path:?}, \"x\"]\n"
        ),
    );
    assert_chained(&package, &package.mod_alloc(&JSON));
}

#[test]
fn of_the_environment() {
    let package = package();
    fs::copy(package.path("tools/my runner"), package.path("tools/runner")).expect("a copy");
    let variable =
        format!("CARGO_TARGET_{}_RUNNER", host(&package).to_uppercase().replace('-', "_"));
    let mut command = package.mod_alloc_command();
    command.args(JSON).env("PATH", path_with(package.path("tools")));
    command.env(variable, "runner y");
    let ended = Ended::of(&command.output().expect("it starts"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let log = fs::read_to_string(package.path("tools/log")).expect("the runner ran");
    assert_eq!(log.lines().filter(|line| line.ends_with("runner y")).count(), 2, "{log}");
    assert_eq!(Table::parse(&ended.stdout).numbers("unit chained is_chained")[1], 103);
}

#[test]
fn of_the_command_line_it_is_refused() {
    let package = package();
    let ended = package.mod_alloc(&["test", "--config", "target.'cfg(unix)'.runner='x'"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(125), ""));
    assert!(ended.ours()[0].contains("--config cannot be chained"), "{:?}", ended.ours());
}

fn host(package: &Package) -> String {
    let version = package.cargo(&["-vV"]).stdout;
    version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned()
}
