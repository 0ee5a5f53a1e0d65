//! The fronts of the library that records: for the functions that a program's allocator has beside
//! C's, each family in a library of its own.
//!
//! A front is preloaded only into programs that have the functions without us: programs ask by
//! their names which allocator they have. So the loader is asked for the libraries of the program,
//! before it is started.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use object::ReadCache;

use super::elf;
use super::machine::{Elf, Named, dynamic_names};

/// A family of functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Front {
    /// C++'s `new` and `delete`.
    Operators,
    /// jemalloc's own functions.
    Jemalloc,
    /// tcmalloc's.
    Tcmalloc,
    /// mimalloc's.
    Mimalloc,
    /// `mmap` and its kin. No allocator's: preloaded where it is asked for.
    Mappings,
}

impl Front {
    const ALL: [Self; 4] = [Self::Operators, Self::Jemalloc, Self::Tcmalloc, Self::Mimalloc];

    /// The name of its library.
    pub(super) const fn file_name(self) -> &'static str {
        match self {
            Self::Operators => "libmod_alloc_preload_operators.so",
            Self::Jemalloc => "libmod_alloc_preload_jemalloc.so",
            Self::Tcmalloc => "libmod_alloc_preload_tcmalloc.so",
            Self::Mimalloc => "libmod_alloc_preload_mimalloc.so",
            Self::Mappings => "libmod_alloc_preload_mappings.so",
        }
    }

    /// The function that gives the family away.
    fn function(self) -> &'static str {
        match self {
            Self::Operators => "_Znwm",
            Self::Jemalloc => "mallocx",
            Self::Tcmalloc => "tc_malloc",
            Self::Mimalloc => "mi_malloc",
            Self::Mappings => "mmap",
        }
    }
}

/// The libraries to preload into the program, in their order: the fronts that it needs, then
/// `library`, which finds the functions of the program's allocator behind itself. `mappings`: the
/// program's own mappings are to be recorded, too.
pub(crate) fn libraries(library: &Path, executable: &Path, mappings: bool) -> Vec<PathBuf> {
    let fronts = fronts(&loaded(executable)).into_iter();
    fronts
        .chain(mappings.then_some(Front::Mappings))
        .map(|front| library.with_file_name(front.file_name()))
        .chain([library.to_owned()])
        .collect()
}

/// The libraries that the loader loads with the program, in the order in which it looks for
/// functions; none if it cannot be asked.
fn loaded(executable: &Path) -> Vec<PathBuf> {
    // A program that cannot be read may be one without glibc's loader: it would begin.
    if elf::check(executable).is_err() {
        return Vec::new();
    }
    // As ldd does: the loader prints them, and the program does not begin.
    let mut command = Command::new(executable);
    command.env("LD_TRACE_LOADED_OBJECTS", "1").stdin(Stdio::null()).stderr(Stdio::null());
    let Ok(output) = command.output() else { return Vec::new() };
    output.stdout.split(|&byte| byte == b'\n').filter_map(path).collect()
}

/// The path in a line of the loader's: `name => path (address)` or `path (address)`.
fn path(line: &[u8]) -> Option<PathBuf> {
    let end = line.windows(2).rposition(|bytes| bytes == b" (")?;
    let found = line[..end].trim_ascii();
    let arrow = found.windows(4).position(|bytes| bytes == b" => ");
    let path = Path::new(OsStr::from_bytes(arrow.map_or(found, |at| &found[at + 4..])));
    // The kernel's own is not a file.
    (path.components().count() > 1).then(|| path.to_owned())
}

/// The families of the library whose `malloc` the program would call.
fn fronts(libraries: &[PathBuf]) -> Vec<Front> {
    libraries.iter().find_map(|library| families(library)).unwrap_or_default()
}

/// The families in a library; `None` if it has no `malloc`.
fn families(library: &Path) -> Option<Vec<Front>> {
    let bytes = &ReadCache::new(File::open(library).ok()?);
    let file = Elf::parse(bytes).ok()?;
    let (mut has_malloc, mut found) = (false, Vec::new());
    for name in dynamic_names(&file, Named::Defined) {
        has_malloc |= name == b"malloc";
        found.extend(Front::ALL.into_iter().filter(|front| front.function().as_bytes() == name));
    }
    has_malloc.then(|| Front::ALL.into_iter().filter(|front| found.contains(front)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_loader_are_paths() {
        let path = |line: &str| path(line.as_bytes());
        assert_eq!(path("\tlinux-vdso.so.1 (0x00007ffd)"), None);
        assert_eq!(path("\tlibc.so.6 => /lib/libc.so.6 (0x7f)"), Some("/lib/libc.so.6".into()));
        assert_eq!(path("\t/lib64/ld-linux.so.2 (0x7f)"), Some("/lib64/ld-linux.so.2".into()));
        assert_eq!(path("\t./a => b/x (1).so (0x7f)"), Some("b/x (1).so".into()));
        assert_eq!(path("\tlibgone.so => not found"), None);
        assert_eq!(path(""), None);
    }

    #[test]
    fn a_file_that_no_loader_of_glibcs_loads_is_not_started() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("mod-alloc-fronts-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (script, trace) = (folder.join("script"), folder.join("trace"));
        fs::write(&script, format!("#!/bin/sh\n: >{}\n", trace.display())).unwrap();
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        assert!(loaded(&script).is_empty());
        assert!(!trace.exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn glibcs_allocator_has_no_family() {
        let libraries = loaded(Path::new("/bin/ls"));
        assert!(libraries.iter().any(|path| path.ends_with("libc.so.6")), "{libraries:?}");
        assert_eq!(fronts(&libraries), []);
        // One before it asks for a `malloc`, and has none.
        assert!(!libraries[0].ends_with("libc.so.6"), "{libraries:?}");
        assert_eq!(families(&libraries[0]), None);
    }

    #[test]
    fn the_first_malloc_decides() {
        let libraries = loaded(Path::new("/bin/ls"));
        let jemalloc = preloaded("libjemalloc.so.2");
        assert_eq!(fronts(&jemalloc), [Front::Operators, Front::Jemalloc]);
        assert_eq!(fronts(&[libraries, jemalloc].concat()), []);
    }

    fn preloaded(library: &str) -> Vec<PathBuf> {
        let output = Command::new("/bin/ls")
            .env("LD_PRELOAD", library)
            .env("LD_TRACE_LOADED_OBJECTS", "1")
            .output()
            .unwrap();
        output.stdout.split(|&byte| byte == b'\n').filter_map(path).collect()
    }
}
