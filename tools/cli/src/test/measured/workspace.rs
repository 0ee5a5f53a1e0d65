//! The packages that tests are of, as `cargo metadata` tells them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The kind of a test, as cargo tells kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Unit,
    Integration,
    Doc,
}

/// The parts of `cargo metadata` that are looked at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Workspace {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

/// The name of a test program, and the kind of its tests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

impl Workspace {
    /// The program at `path`: of the package in `folder`, compiled of `source`.
    pub(crate) fn binary(
        &self,
        path: &Path,
        folder: Option<&Path>,
        source: Option<&Path>,
    ) -> Binary {
        let package = self.package(folder);
        // Compilers of members are started in the workspace's folder.
        let source = source.map(|source| self.workspace_root.join(source));
        let by_source = package.and_then(|package| {
            package.targets.iter().find(|target| Some(&target.src_path) == source.as_ref())
        });
        let stem = stem(path);
        let by_name = || {
            let mut targets = package?.targets.iter().filter(|target| target.is_called(&stem));
            targets.next_back() // tests come behind the library and its programs
        };
        match by_source.or_else(by_name) {
            Some(target) => Binary { name: self.name(package, target), kind: target.kind() },
            None => Binary { name: stem, kind: Kind::Unit },
        }
    }

    /// The doc tests of the crate `name` of the package in `folder`.
    pub(crate) fn doc_tests(&self, name: &str, folder: Option<&Path>) -> Binary {
        let package = self.package(folder);
        let library = package.and_then(|package| {
            package.targets.iter().find(|target| target.is_called(name) && !target.is_bin())
        });
        let name = library.map_or_else(|| name.to_owned(), |library| self.name(package, library));
        Binary { name, kind: Kind::Doc }
    }

    fn package(&self, folder: Option<&Path>) -> Option<&Package> {
        let folder = folder?;
        self.packages.iter().find(|package| package.manifest_path.parent() == Some(folder))
    }

    /// The target's name; with its package's where there are several, and as a program where the
    /// library is called alike.
    fn name(&self, package: Option<&Package>, target: &Target) -> String {
        let Some(package) = package else { return target.name.clone() };
        let alike =
            package.targets.iter().any(|other| other.name == target.name && !other.is_bin());
        let name = if target.is_bin() && alike {
            format!("bin/{}", target.name)
        } else {
            target.name.clone()
        };
        if self.packages.len() > 1 { format!("{}::{name}", package.name) } else { name }
    }
}

impl Target {
    fn is_called(&self, name: &str) -> bool {
        self.name.replace('-', "_") == name.replace('-', "_")
    }

    fn is_bin(&self) -> bool {
        self.kind.iter().any(|kind| kind == "bin")
    }

    fn kind(&self) -> Kind {
        let is_separate = self.kind.iter().any(|kind| kind == "test" || kind == "bench");
        if is_separate { Kind::Integration } else { Kind::Unit }
    }
}

/// `NAME-HASH` without the hash.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            name.to_owned()
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(packages: &[&str]) -> Workspace {
        let package = |name: &&str| {
            let target = |target: &str, kind: &str, path: &str| Target {
                name: target.into(),
                kind: vec![kind.into()],
                src_path: format!("/w/{name}/{path}").into(),
            };
            Package {
                name: (*name).into(),
                manifest_path: format!("/w/{name}/Cargo.toml").into(),
                targets: vec![
                    target(name, "lib", "src/lib.rs"),
                    target(name, "bin", "src/main.rs"),
                    target("tool", "bin", "src/bin/tool.rs"),
                    target("tool", "test", "tests/tool.rs"),
                    target("my-it", "test", "tests/my-it.rs"),
                    target("speed", "bench", "benches/speed.rs"),
                    target("show", "example", "examples/show.rs"),
                ],
            }
        };
        Workspace {
            packages: packages.iter().map(package).collect(),
            workspace_root: "/w".into(),
            target_directory: "/w/target".into(),
        }
    }

    fn binary(of: &Workspace, path: &str, source: &str) -> (String, Kind) {
        let found = of.binary(Path::new(path), Some(Path::new("/w/a")), Some(Path::new(source)));
        (found.name, found.kind)
    }

    #[test]
    fn the_source_decides_between_targets_of_one_name() {
        let one = workspace(&["a"]);
        let path = "/w/target/debug/deps/a-0123456789abcdef";
        assert_eq!(binary(&one, path, "a/src/lib.rs"), ("a".into(), Kind::Unit));
        assert_eq!(binary(&one, path, "a/src/main.rs"), ("bin/a".into(), Kind::Unit));
        assert_eq!(binary(&one, path, "a/src/bin/tool.rs").0, "bin/tool");
        assert_eq!(binary(&one, path, "/w/a/tests/tool.rs"), ("tool".into(), Kind::Integration));
        assert_eq!(binary(&one, path, "a/benches/speed.rs").1, Kind::Integration);
        assert_eq!(binary(&one, path, "a/examples/show.rs").1, Kind::Unit);
    }

    #[test]
    fn the_file_s_name_has_to_do_without_a_source() {
        let one = workspace(&["a"]);
        let path = "/w/target/debug/deps/my_it-0123456789abcdef";
        assert_eq!(binary(&one, path, "elsewhere"), ("my-it".into(), Kind::Integration));
        assert_eq!(binary(&one, "/x/other-0123456789abcdef", "x"), ("other".into(), Kind::Unit));
        assert_eq!(binary(&one, "/x/with-dash", "x").0, "with-dash");
    }

    #[test]
    fn of_several_packages_names_say_which() {
        let two = workspace(&["a", "b"]);
        assert_eq!(binary(&two, "/x", "a/src/lib.rs").0, "a::a");
        assert_eq!(two.doc_tests("b", Some(Path::new("/w/b"))).name, "b::b");
        let doc = workspace(&["a"]).doc_tests("a", Some(Path::new("/w/a")));
        assert_eq!((doc.name.as_str(), doc.kind), ("a", Kind::Doc));
    }
}
