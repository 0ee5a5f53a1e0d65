//! Two crates as they are published: the results of their own tests do not change, and every test
//! has a row, doc tests included.

#[expect(dead_code, reason = "other tests look at more")]
mod test_support;

use std::fs;
use std::path::Path;
use std::process::Command;

use test_support::Package;
use test_support::table::Table;

/// The sources of a crate, as cargo unpacks them. The versions are fixed: so are their tests.
fn fetched(name: &str, version: &str) -> Package {
    let wish = Package::with_library("wish", "2021", "");
    let manifest = fs::read_to_string(wish.path("Cargo.toml")).expect("written above");
    wish.write("Cargo.toml", &format!("{manifest}[dependencies]\n{name} = \"={version}\"\n"));
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--format-version=1"]).current_dir(wish.path(""));
    let output = metadata.output().expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let package = value["packages"].as_array().into_iter().flatten().find(|p| p["name"] == name);
    let path = package.and_then(|package| package["manifest_path"].as_str()).expect("a path");
    let copy = Package::new(name);
    copy_all(Path::new(path).parent().expect("a folder"), &copy.path(""));
    // The copy may lie below another workspace's folder.
    let manifest = fs::read_to_string(copy.path("Cargo.toml")).expect("copied");
    if !manifest.contains("[workspace]") {
        fs::write(copy.path("Cargo.toml"), manifest + "\n[workspace]\n").expect("a copy of ours");
    }
    let fetch = Command::new(env!("CARGO")).arg("fetch").current_dir(copy.path("")).output();
    assert!(fetch.is_ok_and(|output| output.status.success()), "its own dependencies");
    copy
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_all(&path, &copy)
        } else {
            fs::copy(path, copy).map(|_| ()).expect("a copy")
        }
    }
}

/// As many rows as the harness says that there are tests.
fn assert_complete(stdout: &str, table: &Table) {
    let ran = |word: &str| -> usize {
        let results = stdout.lines().filter_map(|line| line.strip_prefix("test result: "));
        let counts = results.flat_map(|line| line.split(['.', ';'])).map(str::trim);
        let count = |part: &str| part.strip_suffix(word)?.trim().parse::<usize>().ok();
        counts.filter_map(count).sum()
    };
    assert!(ran("passed") > 10, "{stdout}");
    assert_eq!(table.count("ok"), ran("passed"));
    assert_eq!(table.count("failed"), ran("failed"));
    assert_eq!(table.count("ignored"), ran("ignored"));
    assert_eq!(table.losses(), [""; 0]);
}

#[test]
fn semver() {
    let package = fetched("semver", "1.0.28");
    let (ended, table) = package.alike(&["--no-fail-fast"]);
    assert_complete(&ended.stdout, &table);
    assert_eq!(table.rows.keys().filter(|row| row.starts_with("doc ")).count(), 4);
    let [_, _, peak, ..] = table.numbers("integration test_identifier test_new");
    assert!(peak > 16 << 20, "it makes an identifier of 16 MiB: {peak}");
}

#[test]
fn smallvec() {
    let package = fetched("smallvec", "1.16.5");
    let (ended, table) = package.alike(&["--no-fail-fast"]);
    assert_complete(&ended.stdout, &table);
    assert_eq!(table.numbers("unit smallvec tests::zero_size_items"), [0; 5]);
    let with_capacity = "doc smallvec src/lib.rs - SmallVec<A>::with_capacity (line 870)";
    assert_eq!(table.numbers(with_capacity)[..2], [1, 100]);
}
