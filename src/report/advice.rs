//! Settings of a build that would make the report better: functions of the program without names,
//! lines, or the paths of inlined functions.
//!
//! The report's own frames decide, not the sections of a file: a Rust program without debug
//! information still has that of the standard library. Only the program's own code is told of: its
//! executable, and the libraries in the executable's folder. A library of the system without lines
//! is no defect of a build.

use std::path::Path;
use std::string::String;
use std::vec::Vec;

use crate::recording::model::Module;
use crate::symbolize::{Build, build_of};

use super::frame_ref::FrameRef;
use super::profile::Profile;

/// Modules that are told of; more would hide the first.
const MOST: usize = 3;

/// Folders whose programs the user has not built.
const OF_THE_SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix"];
/// A folder below those whose programs the user may have built.
const LOCAL: &str = "/usr/local";

/// One sentence for each module of the program that lacks something.
pub(super) fn sentences(profile: &Profile) -> Vec<String> {
    let modules = &profile.run().modules;
    let mut seen = std::vec![Seen::default(); modules.len()];
    for frame in profile.frames() {
        if let Some(seen) = frame.module_index().and_then(|index| seen.get_mut(index)) {
            seen.add(&frame);
        }
    }
    let executable = &profile.run().executable;
    let lacking = modules.iter().zip(&seen).filter_map(|(module, seen)| {
        let lack = seen.lack().filter(|_| is_own(&module.path, executable))?;
        Some(sentence(module, lack))
    });
    lacking.take(MOST).collect()
}

/// The program's own functions in one module, as far as they are in the report.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    functions: u32,
    named: u32,
    with_line: u32,
    /// Inlined functions of Rust, and those of them that are named without their paths.
    inlined: u32,
    bare: u32,
}

/// The parts of a report that a module has no information for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    Names,
    Lines,
    Paths,
}

impl Seen {
    fn add(&mut self, frame: &FrameRef<'_>) {
        if frame.is_library() {
            return;
        }
        let name = frame.function();
        self.functions += 1;
        self.named += u32::from(name.is_some());
        self.with_line += u32::from(frame.line().is_some());
        let is_rust = frame.short_file().is_some_and(|file| file.ends_with(".rs"));
        if let Some(name) = name.filter(|_| is_rust && frame.inlined()) {
            self.inlined += 1;
            self.bare += u32::from(!name.contains("::"));
        }
    }

    fn lack(&self) -> Option<Lack> {
        match *self {
            Self { functions: 0, .. } => None,
            // Stripped programs still have the names that they export.
            Self { functions, named, with_line: 0, .. } if named < functions.div_ceil(2) => {
                Some(Lack::Names)
            }
            Self { with_line: 0, .. } => Some(Lack::Lines),
            Self { inlined, bare, .. } if inlined > 0 && bare == inlined => Some(Lack::Paths),
            _ => None,
        }
    }
}

/// True if the module is the program's own: its executable, or a library beside it.
fn is_own(module: &Path, executable: &Path) -> bool {
    let folder = executable.parent().filter(|folder| folder.is_absolute());
    let is_beside = folder.is_some_and(|folder| module.starts_with(folder));
    module == executable || (is_beside && !is_of_the_system(module))
}

fn is_of_the_system(module: &Path) -> bool {
    let is_below = OF_THE_SYSTEM.iter().any(|folder| module.starts_with(folder));
    is_below && !module.starts_with(LOCAL)
}

fn sentence(module: &Module, lack: Lack) -> String {
    // A control character could change the terminal.
    let path = module.path.to_string_lossy().replace(char::is_control, "?");
    let build = build_of(module);
    let (lacks, why) = match lack {
        Lack::Names => ("names", "has no symbols"),
        Lack::Lines => ("lines", "has no debug information"),
        Lack::Paths => ("paths of inlined functions", "has line tables alone"),
    };
    let why = match build {
        Build::Gone => "is not there any more",
        Build::Forbidden => "may not be read by this user",
        Build::TooLarge => "does not fit into the address space",
        Build::Rust | Build::Other => why,
    };
    std::format!("no {lacks}: {path} {why}; {}", setting(module, lack, build))
}

/// The setting to change.
fn setting(module: &Module, lack: Lack, build: Build) -> String {
    match (build, lack) {
        (Build::Gone, _) => "keep the file until the report is made".into(),
        (Build::Forbidden, _) => "permit it, or make the report as another user".into(),
        (Build::TooLarge, _) => {
            "raise `ulimit -v`, or set MOD_ALLOC_OUT=raw and use mod-alloc report".into()
        }
        _ if is_of_the_system(&module.path) => "install its debug symbols".into(),
        (Build::Rust, _) => {
            let profile = cargo_profile(&module.path);
            let of_profile = profile.map(|name| std::format!("[profile.{name}]"));
            let table = of_profile.as_deref().unwrap_or("its Cargo profile");
            let strip = if lack == Lack::Names { "strip = false and " } else { "" };
            std::format!("set {strip}debug = \"limited\" in {table}")
        }
        (Build::Other, Lack::Names) => "compile it with -g, and do not strip it".into(),
        (Build::Other, _) => "compile it with -g".into(),
    }
}

/// The Cargo profile that built the executable or library at `path`: Cargo's folders have their
/// names. `None` if it is not in such a folder.
fn cargo_profile(path: &Path) -> Option<&str> {
    let folder = path.parent()?;
    let is_below = folder.ends_with("deps") || folder.ends_with("examples");
    let folder = if is_below { folder.parent()? } else { folder };
    match folder.file_name()?.to_str()? {
        "debug" => Some("dev"),
        "release" => Some("release"),
        name => folder.join(".fingerprint").is_dir().then_some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lack(functions: u32, named: u32, with_line: u32, inlined: u32, bare: u32) -> Option<Lack> {
        Seen { functions, named, with_line, inlined, bare }.lack()
    }

    #[test]
    fn what_all_functions_lack_is_told() {
        assert_eq!(lack(0, 0, 0, 0, 0), None);
        assert_eq!(lack(5, 0, 0, 0, 0), Some(Lack::Names));
        assert_eq!(lack(5, 2, 0, 0, 0), Some(Lack::Names), "exported ones");
        assert_eq!(lack(5, 3, 0, 0, 0), Some(Lack::Lines));
        assert_eq!(lack(1, 1, 0, 0, 0), Some(Lack::Lines));
        assert_eq!(lack(5, 5, 1, 0, 0), None, "C objects in a program with lines");
        assert_eq!(lack(5, 5, 5, 2, 2), Some(Lack::Paths));
        assert_eq!(lack(5, 5, 5, 2, 1), None);
    }

    #[test]
    fn libraries_beside_the_executable_are_the_programs_own() {
        let own = |module: &str, executable: &str| is_own(module.as_ref(), executable.as_ref());
        assert!(own("/usr/bin/git", "/usr/bin/git"));
        assert!(own("/home/u/app/libx.so", "/home/u/app/app"));
        assert!(own("/usr/local/bin/libx.so", "/usr/local/bin/app"));
        assert!(!own("/usr/lib/libz.so", "/home/u/app/app"));
        assert!(!own("/usr/bin/libx.so", "/usr/bin/git"));
        assert!(!own("linux-vdso.so.1", ""));
    }

    #[test]
    #[cfg_attr(miri, ignore = "there are no files")]
    fn the_folder_tells_the_profile() {
        let of = |path: &'static str| cargo_profile(Path::new(path));
        assert_eq!(of("/x/target/release/app"), Some("release"));
        assert_eq!(of("/x/target/debug/deps/app-123"), Some("dev"));
        assert_eq!(of("/x/target/debug/examples/app"), Some("dev"));
        assert_eq!(of("/home/u/.cargo/bin/app"), None);
        assert_eq!(of("app"), None);
    }

    #[test]
    #[cfg_attr(any(miri, mod_alloc_portable), ignore = "no files are read")]
    fn the_sentence_names_the_setting_of_each_build() {
        let of = |path: &str, lack, build| {
            let module = Module { path: path.into(), ..Module::default() };
            setting(&module, lack, build)
        };
        let release = "/x/target/release/app";
        let [rust, c] = [Build::Rust, Build::Other];
        assert_eq!(of(release, Lack::Lines, rust), "set debug = \"limited\" in [profile.release]");
        assert_eq!(
            of("/x/app", Lack::Names, rust),
            "set strip = false and debug = \"limited\" in its Cargo profile"
        );
        assert_eq!(of("/x/app", Lack::Lines, c), "compile it with -g");
        assert_eq!(of("/x/app", Lack::Names, c), "compile it with -g, and do not strip it");
        assert_eq!(of("/usr/bin/git", Lack::Lines, c), "install its debug symbols");
        let module = Module { path: "/nowhere/app".into(), ..Module::default() };
        assert_eq!(
            sentence(&module, Lack::Names),
            "no names: /nowhere/app is not there any more; keep the file until the report is made"
        );
        let module = Module { path: "/nowhere/\u{1b}[2Japp\0".into(), ..Module::default() };
        assert!(sentence(&module, Lack::Names).starts_with("no names: /nowhere/?[2Japp? is not"));
    }
}
