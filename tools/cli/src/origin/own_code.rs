//! The owner of a frame.

use crate::dhat_file::{Document, Frame, Location};

use super::functions::{
    is_libc_inside, is_nearest_name, is_plumbing, is_profiler, is_standard, is_start,
};

/// The owner of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The program's own code.
    Own,
    /// A package of a registry, or a library of the system.
    Library,
    /// The standard library of Rust or C++.
    Standard,
    /// A function that is there to allocate: `malloc`, `operator new`, `xmalloc`.
    Plumbing,
    /// No code.
    Remark,
}

/// The facts of a document that decide on the owner of a frame.
#[derive(Debug, Default)]
pub(crate) struct Judge<'d> {
    executable: Option<&'d str>,
    /// The folder name of the package that has `main`, if that comes from a registry: cargo
    /// installed the program.
    own_package: Option<&'d str>,
}

impl<'d> Judge<'d> {
    pub(crate) fn new(document: &'d Document) -> Self {
        let frames = document.frames.iter().map(|text| Frame::parse(text));
        let own_package = frames
            .filter(|frame| {
                frame.function.is_some_and(|name| name == "main" || name.ends_with("::main"))
            })
            .find_map(|frame| package(source_file(&frame)?));
        Self { executable: document.extras.executable.as_deref(), own_package }
    }

    /// The owner of `frame`.
    pub(crate) fn origin(&self, frame: &Frame<'_>) -> Origin {
        if frame.is_remark() {
            return Origin::Remark;
        }
        // The nearest function's name says nothing of code without one.
        let name = frame.function.filter(|name| !is_nearest_name(name)).unwrap_or_default();
        if is_plumbing(name) {
            return Origin::Plumbing;
        }
        if is_standard(name) {
            return Origin::Standard;
        }
        if is_libc_inside(name) || is_profiler(name) {
            return Origin::Library;
        }
        self.by_place(frame)
    }

    /// True if the frame's place is in the program's own code; the name does not count.
    pub(crate) fn is_own_place(&self, frame: &Frame<'_>) -> bool {
        let is_known = frame.location != Location::Unknown;
        is_known && !frame.is_remark() && self.by_place(frame) == Origin::Own
    }

    fn by_place(&self, frame: &Frame<'_>) -> Origin {
        let name = frame.function.unwrap_or_default();
        match frame.location {
            Location::Source { file, .. } => self.by_file(file),
            Location::Module(path) => self.by_module(path),
            Location::Unknown if is_start(name) => Origin::Library,
            Location::Unknown => Origin::Own,
        }
    }

    fn by_file(&self, file: &str) -> Origin {
        if is_standard_file(file) {
            Origin::Standard
        } else if let Some(package) = package(file) {
            if Some(package) == self.own_package { Origin::Own } else { Origin::Library }
        } else if is_system_file(file) {
            Origin::Library
        } else {
            Origin::Own
        }
    }

    fn by_module(&self, path: &str) -> Origin {
        const SYSTEM: [&str; 6] =
            ["/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/libexec/", "/usr/local/lib/"];
        let is_system = SYSTEM.iter().any(|folder| path.starts_with(folder));
        if path.contains("/vgpreload_") {
            Origin::Plumbing
        } else if Some(path) != self.executable && (is_system || !path.starts_with('/')) {
            Origin::Library
        } else {
            Origin::Own
        }
    }
}

fn source_file<'t>(frame: &Frame<'t>) -> Option<&'t str> {
    match frame.location {
        Location::Source { file, .. } => Some(file),
        _ => None,
    }
}

/// The folder of a registry's package or a checkout that `file` is of: `regex-1.11.1`.
pub(crate) fn package(file: &str) -> Option<&str> {
    let is_of_windows = is_of_windows(file);
    let separator = if is_of_windows { '\\' } else { '/' };
    let [registry, checkouts] = if is_of_windows {
        ["\\registry\\src\\", "\\git\\checkouts\\"]
    } else {
        ["/registry/src/", "/git/checkouts/"]
    };
    for (marker, skipped) in [(registry, 1), (checkouts, 0)] {
        if let Some((_, rest)) = file.split_once(marker) {
            return rest.split(separator).nth(skipped);
        }
    }
    let first = file.split(separator).next().filter(|first| first.len() < file.len())?;
    let (_, version) = first.rsplit_once('-')?;
    let is_version =
        version.starts_with(|first: char| first.is_ascii_digit()) && version.contains('.');
    is_version.then_some(first)
}

/// A path as Windows writes it. In one of another system a name may have a backslash.
fn is_of_windows(file: &str) -> bool {
    !file.contains('/') && file.contains('\\')
}

fn is_standard_file(file: &str) -> bool {
    if is_of_windows(file) {
        return is_standard_file(&file.replace('\\', "/"));
    }
    const MARKERS: [&str; 4] =
        ["/lib/rustlib/src/rust/library/", "/include/c++/", "/rustc/", "/libstdc++-v3/"];
    const STARTS: [&str; 5] = ["library/", "core/src/", "alloc/src/", "std/src/", "/rust/deps/"];
    MARKERS.iter().any(|marker| file.contains(marker))
        || STARTS.iter().any(|start| file.starts_with(start))
}

fn is_system_file(file: &str) -> bool {
    // Compilers write whole paths. Distributions have them cut off: `./malloc/malloc.c`.
    ["/usr/include/", "/usr/lib/", "/usr/src/", "./", "../"]
        .iter()
        .any(|folder| file.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::Origin::{Library, Own, Plumbing, Remark, Standard};
    use super::*;

    fn origin(text: &str) -> Origin {
        let judge =
            Judge { executable: Some("/usr/lib/git-core/git"), own_package: Some("rg-14.1.0") };
        judge.origin(&Frame::parse(text))
    }

    #[test]
    fn frames_belong_to_whom_they_are_of() {
        for (text, expected) in [
            ("0x1: app::parse (/home/u/app/src/main.rs:3:1)", Own),
            ("0x1: app::parse (src/main.rs:3:1)", Own),
            ("0x1: main (a.c:6)", Own),
            ("0x1: <app::T as core::ops::drop::Drop>::drop (src/a.rs:1)", Own),
            ("0x1: <alloc::vec::Vec<T> as app::Extend>::add (src/a.rs:1)", Own),
            ("0x1: cmd_log (in /usr/lib/git-core/git)", Own),
            ("0x1: ??? (in /usr/bin/python3.11)", Own),
            ("0x1: rg::main (rg-14.1.0/src/main.rs:1:1)", Own),
            ("0x1: app::f (???:0:0)", Own),
            ("0x1: game::impl$1::on_draw (game\\src\\main.rs:3:0)", Own),
            ("0x1: dhat::impl$7::alloc (dhat-0.3.2\\src\\lib.rs:12:0)", Plumbing),
            ("0x1: game::_::__rust_alloc (game\\src\\main.rs:3:0)", Plumbing),
            ("0x1: dhat::start (dhat-0.3.2\\src\\lib.rs:12:0)", Library),
            (
                "0x1: winit::run (C:\\me\\.cargo\\registry\\src\\i\\winit-0.27.5\\src\\a b.rs:1)",
                Library,
            ),
            ("0x1: impl$3::next (core\\src\\iter.rs:12:0)", Standard),
            ("0x1: regex::new (regex-1.11.1/src/lib.rs:5:1)", Library),
            ("0x1: f (/h/.cargo/registry/src/index-1/foo-0.1.0/src/lib.rs:5)", Library),
            ("0x1: f (/h/.cargo/git/checkouts/foo-0a1/9f/src/lib.rs:5)", Library),
            (
                "0x1: <mod_alloc::groups::Tracked<F> as Future>::poll (/h/mod-alloc/src/a.rs:5)",
                Library,
            ),
            ("0x1: mod_alloc_example::run (/h/example/src/a.rs:5)", Own),
            ("0x1: fopen (in /usr/lib/x86_64-linux-gnu/libc.so.6)", Library),
            ("0x1: __libc_start_main", Library),
            ("0x1: ??? (in linux-vdso.so.1)", Library),
            ("0x1: __alloc_dir (opendir.c:115)", Library),
            ("0x1: fopen (./libio/iofopen.c:9)", Library),
            ("0x1: alloc::vec::Vec<T>::push (library/alloc/src/vec/mod.rs:1)", Standard),
            ("0x1: push<u8> (/rustc/0123/library/alloc/src/vec/mod.rs:1)", Standard),
            ("0x1: insert<u8> (/rust/deps/hashbrown-0.16.1/src/map.rs:1)", Standard),
            ("0x1: <T as alloc::string::ToString>::to_string (string.rs:9)", Standard),
            ("0x1: <alloc::vec::Vec<T> as core::clone::Clone>::clone (mod.rs:9)", Standard),
            ("0x1: void std::vector<int, std::a<int> >::push_back(int&&) (v.h:9)", Standard),
            ("0x1: std::string::append(char const*) (in /usr/bin/app)", Standard),
            ("0x1: f (/usr/include/c++/12/bits/stl_vector.h:4)", Standard),
            ("0x1: malloc (in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)", Plumbing),
            ("0x1: xmalloc (src/util.c:4)", Plumbing),
            ("0x1: PyMem_Realloc (in /usr/bin/python3.11)", Plumbing),
            ("0x1: sqlite3Malloc (sqlite3.c:4)", Plumbing),
            ("0x1: g_strdup (in /usr/lib/libglib.so)", Plumbing),
            ("0x1: operator new(unsigned long) (in /usr/lib/libstdc++.so.6)", Plumbing),
            ("0x1: alloc::raw_vec::finish_grow (raw_vec.rs:4)", Plumbing),
            ("0x1: malloc+0x1b0 (in /usr/lib/libc.so.6)", Library),
            ("0x1: sub_1b0 (in /usr/lib/git-core/git)", Own),
            ("[stack truncated: set MOD_ALLOC_FRAMES]", Remark),
        ] {
            assert_eq!(origin(text), expected, "{text}");
        }
    }

    #[test]
    fn names_that_only_sound_like_it_are_the_program_s() {
        for name in [
            "allocate_ships",
            "mallocate",
            "stdlib::f",
            "coreutils::main",
            "app::alloc",
            "deallocator",
        ] {
            assert_eq!(origin(&format!("0x1: {name} (src/a.c:1)")), Own, "{name}");
        }
    }
}
