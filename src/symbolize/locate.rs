//! The files that describe a module: the module's own file, a debug file stripped off it, or
//! none.
//!
//! In this order: the object itself if it has debug information; by build id; by
//! `.gnu_debuglink`; from elsewhere, if that is asked for. A file with another build id than the
//! module's, or another checksum than the link's, describes other code and is passed over.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::recording::model::{Module, Recording};

use super::fetch::Fetch;
use super::object_file::{Facts, open};

/// The folder in which distributions put debug files.
const SYSTEM_DEBUG_DIR: &str = "/usr/lib/debug";

/// The files that describe one module.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Files {
    /// The file with DWARF in it.
    pub(super) debug: Option<PathBuf>,
    /// The file that `debug` shares parts with.
    pub(super) alternate: Option<PathBuf>,
    /// Files that may have a symbol table, best first.
    pub(super) with_symbols: Vec<PathBuf>,
    /// The build id of `debug`; empty if it has none.
    pub(super) build_id: Vec<u8>,
    /// Parts of `debug` may be in files that nothing here tells of.
    pub(super) may_be_split: bool,
}

/// The places to look at.
#[derive(Debug)]
pub(super) struct Search {
    debug_dirs: Vec<PathBuf>,
    executable: PathBuf,
    /// The running executable, which the kernel keeps readable after it was deleted or replaced.
    process_exe: PathBuf,
    /// The files that the process has mapped, which the kernel keeps, too.
    map_files: PathBuf,
    is_this_process: bool,
    fetch: Option<Fetch>,
}

impl Search {
    pub(super) fn new(recording: &Recording, debug_dirs: &[PathBuf]) -> Self {
        let mut debug_dirs = debug_dirs.to_vec();
        debug_dirs.push(PathBuf::from(SYSTEM_DEBUG_DIR));
        Self {
            debug_dirs,
            executable: recording.executable.clone(),
            process_exe: PathBuf::from(std::format!("/proc/{}/exe", recording.pid)),
            map_files: PathBuf::from(std::format!("/proc/{}/map_files", recording.pid)),
            is_this_process: recording.pid == std::process::id(),
            fetch: None,
        }
    }

    /// True if the process that was recorded is this one.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.is_this_process
    }

    pub(super) fn fetch_by(&mut self, fetch: Option<Fetch>) {
        self.fetch = fetch;
    }

    /// The files that describe `module`; none at all for the vdso or a module that is gone.
    pub(super) fn files(&self, module: &Module) -> Files {
        let object = self.object(module);
        let (debug, debug_facts) = match self.debug_file(module, object.as_ref()) {
            Some((path, facts)) => (Some(path), facts),
            None => (None, Facts::default()),
        };
        let alternate =
            debug.as_deref().and_then(|path| self.alternate(path, debug_facts.alternate_link?));
        let (build_id, may_be_split) = (debug_facts.build_id, debug_facts.may_be_split);
        let mut with_symbols: Vec<PathBuf> = debug.iter().cloned().collect();
        with_symbols.extend(object.map(|(path, _)| path));
        with_symbols.dedup();
        let debug = debug.filter(|_| debug_facts.has_debug_info);
        Files { debug, alternate, with_symbols, build_id, may_be_split }
    }

    /// The module's own file.
    fn object(&self, module: &Module) -> Option<(PathBuf, Facts)> {
        if self.was_replaced(module) {
            let running = Facts::read(&self.process_exe).filter(|facts| self.ran(facts, module));
            if let Some(facts) = running {
                return Some((self.process_exe.clone(), facts));
            }
        }
        // A name without a directory (the vdso's) is no file, whatever lies in the current one.
        let own = Some(module.path.clone()).filter(|path| path.is_absolute());
        let name = module.path.file_name();
        let copies = self.debug_dirs.iter().filter_map(|dir| Some(dir.join(name?)));
        let found = first_match(own.into_iter().chain(copies), &module.build_id);
        found.or_else(|| self.mapped(module))
    }

    /// The module's file as long as the process has it mapped, deleted or not. To open it needs
    /// privileges. Process ids are reused, so only the build id tells that it is the one.
    fn mapped(&self, module: &Module) -> Option<(PathBuf, Facts)> {
        let id = Some(&module.build_id).filter(|id| !id.is_empty())?;
        let ranges = std::fs::read_dir(&self.map_files).ok()?.flatten();
        let of_module = ranges.filter(|range| {
            let range = parse_range(&range.file_name());
            range.is_some_and(|(start, end)| module.start <= start && end <= module.end)
        });
        of_module.map(|range| range.path()).find_map(|path| {
            let facts = Facts::read(&path).filter(|facts| facts.build_id == *id)?;
            Some((path, facts))
        })
    }

    /// True if `module` is the executable and its path leads to another file than ran. The kernel
    /// keeps that readable; but the path is better while it is right, because split debug
    /// files lie beside it.
    fn was_replaced(&self, module: &Module) -> bool {
        if !self.is_executable(module) {
            return false;
        }
        match Facts::read(&module.path) {
            None => true,
            Some(facts) if module.build_id.is_empty() || facts.build_id.is_empty() => {
                self.is_this_process && !same_file(&module.path, &self.process_exe)
            }
            Some(facts) => facts.build_id != module.build_id,
        }
    }

    fn is_executable(&self, module: &Module) -> bool {
        !module.path.as_os_str().is_empty() && module.path == self.executable
    }

    /// True if the running executable is the recorded one. Process ids are reused, so of
    /// another process only the build id tells.
    fn ran(&self, facts: &Facts, module: &Module) -> bool {
        let same_id = !module.build_id.is_empty() && facts.build_id == module.build_id;
        same_id || (self.is_this_process && facts.may_be(&module.build_id))
    }

    /// The file with the module's debug information, or at least with more symbols.
    fn debug_file(
        &self,
        module: &Module,
        object: Option<&(PathBuf, Facts)>,
    ) -> Option<(PathBuf, Facts)> {
        if let Some((path, facts)) = object.filter(|(_, facts)| facts.has_debug_info) {
            return Some((path.clone(), facts.clone()));
        }
        let own_id = object.map_or(&[][..], |(_, facts)| &facts.build_id);
        let id = if module.build_id.is_empty() { own_id } else { &module.build_id };
        let here = self.by_build_id(id);
        let here = here.or_else(|| self.by_debug_link(&module.path, object?, id));
        // The vdso's name is no path, and nobody has a debug file of it.
        here.or_else(|| if module.path.is_absolute() { self.fetched(id) } else { None })
    }

    fn fetched(&self, id: &[u8]) -> Option<(PathBuf, Facts)> {
        let fetch = self.fetch.as_ref().filter(|_| !id.is_empty())?;
        first_match(fetch.ask(id), id)
    }

    fn by_build_id(&self, id: &[u8]) -> Option<(PathBuf, Facts)> {
        let relative = build_id_path(id)?;
        first_match(self.debug_dirs.iter().map(|dir| dir.join(&relative)), id)
    }

    fn by_debug_link(
        &self,
        module_path: &Path,
        (path, facts): &(PathBuf, Facts),
        id: &[u8],
    ) -> Option<(PathBuf, Facts)> {
        let (link, crc) = facts.debug_link.as_ref()?;
        let mut candidates = Vec::new();
        for object in [module_path, path] {
            candidates.extend(self.link_candidates(object, link));
        }
        let right = candidates.into_iter().filter(|path| checksum(path) == Some(*crc));
        first_match(right, id)
    }

    /// The possible paths of a debug file named `link` for the object at `object`.
    fn link_candidates(&self, object: &Path, link: &Path) -> Vec<PathBuf> {
        // The link is a bare name by its definition; a path in it could lead anywhere.
        let (Some(dir), Some(name)) = (object.parent(), link.file_name()) else {
            return Vec::new();
        };
        let mut candidates = vec![dir.join(name), dir.join(".debug").join(name)];
        for debug_dir in &self.debug_dirs {
            candidates.push(below(debug_dir, dir).join(name));
            candidates.push(debug_dir.join(name));
        }
        candidates.retain(|candidate| candidate != object);
        candidates
    }

    /// The file that `debug` shares parts with.
    fn alternate(&self, debug: &Path, (link, id): (PathBuf, Vec<u8>)) -> Option<PathBuf> {
        let mut candidates = Vec::new();
        candidates.extend(debug.parent().map(|dir| dir.join(&link)));
        let by_id = build_id_path(&id);
        for dir in &self.debug_dirs {
            candidates.extend(by_id.as_ref().map(|relative| dir.join(relative)));
            candidates.extend(link.file_name().map(|name| dir.join(".dwz").join(name)));
        }
        let found = first_match(candidates, &id).or_else(|| self.fetched(&id));
        found.map(|(path, _)| path)
    }
}

/// The first of `candidates` that is an ELF file and not known to be another build.
fn first_match(
    candidates: impl IntoIterator<Item = PathBuf>,
    build_id: &[u8],
) -> Option<(PathBuf, Facts)> {
    candidates.into_iter().find_map(|path| {
        let facts = Facts::read(&path).filter(|facts| facts.may_be(build_id))?;
        Some((path, facts))
    })
}

/// `.build-id/xx/yyyy.debug`; `None` for an id too short to be split.
fn build_id_path(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let mut name = String::new();
    for byte in rest {
        write!(name, "{byte:02x}").ok()?;
    }
    Some(PathBuf::from(std::format!(".build-id/{first:02x}/{name}.debug")))
}

/// The absolute directory `dir` inside a copy of the file system at `root`.
fn below(root: &Path, dir: &Path) -> PathBuf {
    root.join(dir.strip_prefix(OsStr::new("/")).unwrap_or(dir))
}

/// `7f00-7f10`: the name of a mapping.
fn parse_range(name: &OsStr) -> Option<(u64, u64)> {
    let (start, end) = name.to_str()?.split_once('-')?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

fn same_file(a: &Path, b: &Path) -> bool {
    let identity = |path| std::fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    identity(a).is_some() && identity(a) == identity(b)
}

/// CRC-32 of a whole file.
fn checksum(path: &Path) -> Option<u32> {
    let mut file: File = open(path)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece).ok()? {
            0 => return Some(hasher.finalize()),
            read => hasher.update(&piece[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(dirs: &[&str]) -> Search {
        let dirs: Vec<PathBuf> = dirs.iter().map(PathBuf::from).collect();
        Search::new(&Recording::default(), &dirs)
    }

    #[test]
    fn a_build_id_is_split_after_its_first_byte() {
        assert_eq!(build_id_path(&[0x0a, 0xbc, 1]), Some(".build-id/0a/bc01.debug".into()));
        assert_eq!(build_id_path(&[0x0a]), None);
        assert_eq!(build_id_path(&[]), None);
    }

    #[test]
    fn a_debug_link_is_searched_beside_the_object_and_below_the_debug_directories() {
        let found = search(&["/d"]).link_candidates(Path::new("/opt/bin/x"), Path::new("x.debug"));
        let expected = [
            "/opt/bin/x.debug",
            "/opt/bin/.debug/x.debug",
            "/d/opt/bin/x.debug",
            "/d/x.debug",
            "/usr/lib/debug/opt/bin/x.debug",
            "/usr/lib/debug/x.debug",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
    }

    #[test]
    fn a_link_to_elsewhere_is_taken_by_its_last_component() {
        let found = search(&[]).link_candidates(Path::new("/b/x"), Path::new("../../etc/x.debug"));
        assert_eq!(found[0], PathBuf::from("/b/x.debug"));
    }

    #[test]
    fn a_module_without_a_file_has_no_files() {
        let module = Module { path: "linux-vdso.so.1".into(), ..Module::default() };
        assert_eq!(search(&[]).files(&module), Files::default());
    }
}
