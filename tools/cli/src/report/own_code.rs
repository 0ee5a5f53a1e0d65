//! Whose a frame is, and which few frames of a stack tell a person what goes on.
//!
//! A stack has dozens of frames, and most say only how a library does its work. What a reader can
//! change is the program's own code: its innermost frame leads. Which function it called, and
//! which of the standard library's functions allocated in the end, say how.

use crate::dhat_file::{Document, Frame, Location};

/// Whose a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The program's own code.
    Own,
    /// Somebody's package, or a library of the system.
    Library,
    /// The standard library of Rust or C++.
    Standard,
    /// A function that is there to allocate: `malloc`, `operator new`, `xmalloc`.
    Plumbing,
    /// No code.
    Remark,
}

/// What in a document decides whose a frame is.
#[derive(Debug, Default)]
pub(super) struct Judge<'d> {
    executable: Option<&'d str>,
    /// The folder name of the package that has `main`, if that comes from a registry: such a program
    /// was installed with cargo.
    own_package: Option<&'d str>,
}

impl<'d> Judge<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        let frames = document.frames.iter().map(|text| Frame::parse(text));
        let own_package = frames
            .filter(|frame| {
                frame.function.is_some_and(|name| name == "main" || name.ends_with("::main"))
            })
            .find_map(|frame| package(source_file(&frame)?));
        Self { executable: document.extras.executable.as_deref(), own_package }
    }

    /// Whose `frame` is.
    pub(super) fn origin(&self, frame: &Frame<'_>) -> Origin {
        if frame.is_remark() {
            return Origin::Remark;
        }
        let name = frame.function.unwrap_or_default();
        if is_plumbing(name) {
            return Origin::Plumbing;
        }
        if is_standard(name) {
            return Origin::Standard;
        }
        if is_libc_inside(name) {
            return Origin::Library;
        }
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
fn package(file: &str) -> Option<&str> {
    for (marker, skipped) in [("/registry/src/", 1), ("/git/checkouts/", 0)] {
        if let Some((_, rest)) = file.split_once(marker) {
            return rest.split('/').nth(skipped);
        }
    }
    let first = file.split('/').next().filter(|first| first.len() < file.len())?;
    let (_, version) = first.rsplit_once('-')?;
    let is_version =
        version.starts_with(|first: char| first.is_ascii_digit()) && version.contains('.');
    is_version.then_some(first)
}

fn is_standard_file(file: &str) -> bool {
    const MARKERS: [&str; 4] =
        ["/lib/rustlib/src/rust/library/", "/include/c++/", "/rustc/", "/libstdc++-v3/"];
    const STARTS: [&str; 4] = ["library/", "core/src/", "alloc/src/", "std/src/"];
    MARKERS.iter().any(|marker| file.contains(marker))
        || STARTS.iter().any(|start| file.starts_with(start))
}

fn is_system_file(file: &str) -> bool {
    // Compilers write whole paths. Distributions have them cut off: `./malloc/malloc.c`.
    ["/usr/include/", "/usr/lib/", "/usr/src/", "./", "../"]
        .iter()
        .any(|folder| file.starts_with(folder))
}

/// The C library's start of a process or a thread.
fn is_start(name: &str) -> bool {
    ["_start", "start_thread", "clone", "clone3", "(below main)"].contains(&name)
        || name.starts_with("__libc_start")
}

/// Functions of the C library that nobody else may name so.
fn is_libc_inside(name: &str) -> bool {
    let reserved = ["__", "_dl_", "_nl_", "_IO_"].iter().any(|start| name.starts_with(start));
    reserved && !name.contains("::")
}

fn is_standard(name: &str) -> bool {
    let name = without_return_type(name);
    let Some(inner) = name.strip_prefix('<') else { return is_standard_path(name) };
    let inner = &inner[..end_of_angle(inner)];
    let (subject, of_trait) = split_as(inner);
    let subject = subject.trim_start_matches(['&', '*', '<', '[', '(']);
    let subject = ["mut ", "const ", "dyn "]
        .iter()
        .fold(subject, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    match of_trait {
        // `<T as ToString>`, `<[T] as …>`: whose it is, the trait tells.
        Some(of_trait) if !subject.contains("::") => is_standard_path(of_trait),
        Some(of_trait) => is_standard_path(subject) && is_standard_path(of_trait),
        None => is_standard_path(subject),
    }
}

fn is_standard_path(path: &str) -> bool {
    const ROOTS: [&str; 8] = [
        "core::",
        "std::",
        "alloc::",
        "hashbrown::",
        "__gnu_cxx::",
        "__cxxabiv1::",
        "__rustc::",
        "__rust_",
    ];
    ROOTS.iter().any(|root| path.starts_with(root))
}

/// C++ templates are named with what they return: `void std::vector<int>::push_back(int&&)`.
fn without_return_type(name: &str) -> &str {
    if name.starts_with('<') {
        return name;
    }
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b'(' if depth == 0 && at > start => break,
            b' ' if depth == 0 && !name[..at].ends_with("operator") => start = at + 1,
            _ => {}
        }
    }
    &name[start..]
}

/// Where the `>` is that closes what is open at the beginning of `text`; its end if there is none.
fn end_of_angle(text: &str) -> usize {
    let mut depth = 1;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            // Not the arrow of a function's type.
            b'>' if !text[..at].ends_with('-') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// `A as B` outside of all angle brackets.
fn split_as(text: &str) -> (&str, Option<&str>) {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 && text[at..].starts_with(" as ") => {
                return (&text[..at], Some(&text[at + 4..]));
            }
            _ => {}
        }
    }
    (text, None)
}

/// A function whose purpose is to allocate, by the last word of its name.
fn is_plumbing(name: &str) -> bool {
    const ENDS: [&str; 13] = [
        "malloc",
        "calloc",
        "realloc",
        "zalloc",
        "valloc",
        "_alloc",
        "allocarray",
        "memalign",
        "aligned_alloc",
        "strdup",
        "strndup",
        "memdup",
        "gc_new",
    ];
    if name.starts_with("operator new") {
        return true;
    }
    if name.contains("::") || name.is_empty() {
        return name.starts_with("alloc::raw_vec::") || name.starts_with("alloc::alloc::");
    }
    let plain = name.split('(').next().unwrap_or(name).split('@').next().unwrap_or(name);
    let plain = plain.split(".part.").next().unwrap_or(plain).to_ascii_lowercase();
    let plain = plain.trim_end_matches(|last: char| last.is_ascii_digit() || last == '_');
    plain == "alloc" || ENDS.iter().any(|end| plain.ends_with(end))
}

/// Whether the allocator begins here: every stack does so, and it tells nothing.
pub(super) fn is_entrance(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "malloc",
        "calloc",
        "realloc",
        "reallocarray",
        "memalign",
        "posix_memalign",
        "aligned_alloc",
        "valloc",
    ];
    NAMES.contains(&name) || name.starts_with("operator new")
}

/// The few frames of a stack that tell what goes on, the leading one first, then towards the
/// allocation; indices into the stack. Never empty unless the stack is.
pub(super) fn telling(origins: &[Origin], is_named: impl Fn(usize) -> bool) -> Vec<usize> {
    if let Some(outermost) = standard_alone(origins) {
        return if outermost == 0 { vec![0] } else { vec![outermost, 0] };
    }
    let Some(lead) = lead(origins, &is_named) else { return Vec::new() };
    let mut chosen = vec![lead];
    // The function that it called.
    chosen.extend((0..lead).rev().find(|&index| is_named(index)));
    // What others called of the standard library, or else the innermost function that is not there
    // to allocate.
    let how = how(&origins[..lead], &is_named);
    chosen.extend(how.filter(|how| !chosen.contains(how)));
    chosen
}

/// The outermost frame of a stack of the standard library alone: that is what somebody called.
fn standard_alone(origins: &[Origin]) -> Option<usize> {
    let code = origins.iter().rposition(|&origin| origin != Origin::Remark)?;
    let inside = |origin: &Origin| matches!(origin, Origin::Standard | Origin::Plumbing);
    let has_standard = origins.contains(&Origin::Standard);
    (has_standard && origins[..=code].iter().all(inside)).then_some(code)
}

/// The program's own innermost function, with a name if any has one. In a stack without any, the
/// innermost that is not there to allocate.
fn lead(origins: &[Origin], is_named: &impl Fn(usize) -> bool) -> Option<usize> {
    let find = |wanted: &dyn Fn(usize) -> bool| (0..origins.len()).find(|&index| wanted(index));
    let own = |index: usize| origins[index] == Origin::Own;
    let telling = |index: usize| {
        !matches!(origins[index], Origin::Plumbing | Origin::Standard | Origin::Remark)
    };
    find(&|index| own(index) && is_named(index))
        .or_else(|| find(&own))
        .or_else(|| find(&|index| telling(index) && is_named(index)))
        .or_else(|| find(&telling))
        .or_else(|| find(&|index| origins[index] != Origin::Plumbing))
        .or(if origins.is_empty() { None } else { Some(0) })
}

fn how(inward: &[Origin], is_named: &impl Fn(usize) -> bool) -> Option<usize> {
    let is_inside = |&index: &usize| matches!(inward[index], Origin::Standard | Origin::Plumbing);
    let standard = (0..inward.len())
        .take_while(is_inside)
        .filter(|&index| inward[index] == Origin::Standard && is_named(index))
        .last();
    standard.or_else(|| {
        (0..inward.len()).find(|&index| inward[index] != Origin::Plumbing && is_named(index))
    })
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
            ("0x1: regex::new (regex-1.11.1/src/lib.rs:5:1)", Library),
            ("0x1: f (/h/.cargo/registry/src/index-1/foo-0.1.0/src/lib.rs:5)", Library),
            ("0x1: f (/h/.cargo/git/checkouts/foo-0a1/9f/src/lib.rs:5)", Library),
            ("0x1: fopen (in /usr/lib/x86_64-linux-gnu/libc.so.6)", Library),
            ("0x1: __libc_start_main", Library),
            ("0x1: ??? (in linux-vdso.so.1)", Library),
            ("0x1: __alloc_dir (opendir.c:115)", Library),
            ("0x1: fopen (./libio/iofopen.c:9)", Library),
            ("0x1: alloc::vec::Vec<T>::push (library/alloc/src/vec/mod.rs:1)", Standard),
            ("0x1: push<u8> (/rustc/0123/library/alloc/src/vec/mod.rs:1)", Standard),
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

    #[test]
    fn odd_names_come_to_an_end() {
        for name in [
            "<",
            "<<",
            "<>",
            "< as >",
            "<a as b",
            ">",
            "operator ",
            "operator<<",
            "->",
            "<fn() -> x as y>::z",
        ] {
            assert!(!is_standard(name), "{name}");
        }
    }

    fn chosen(origins: &[Origin]) -> Vec<usize> {
        telling(origins, |_| true)
    }

    #[test]
    fn own_code_leads_and_two_frames_say_how() {
        // raw_vec, push, serde, serde, own, main
        let stack = [Plumbing, Standard, Library, Library, Own, Own];
        assert_eq!(chosen(&stack), [4, 3, 1]);
        // LeafNode::new, BTreeMap::insert, own
        assert_eq!(chosen(&[Standard, Standard, Own]), [2, 1]);
        assert_eq!(chosen(&[Plumbing, Own, Own]), [1, 0]);
        assert_eq!(chosen(&[Own]), [0]);
        // malloc, fopen's own, fopen, own
        assert_eq!(chosen(&[Plumbing, Library, Library, Own]), [3, 2, 1]);
    }

    #[test]
    fn a_stack_of_libraries_alone_shows_its_innermost() {
        assert_eq!(chosen(&[Plumbing, Standard, Library, Library]), [2, 1]);
        assert_eq!(chosen(&[Standard, Standard, Standard]), [2, 0]);
        assert_eq!(chosen(&[Plumbing, Standard, Remark]), [1, 0]);
        assert_eq!(chosen(&[Standard]), [0]);
        assert_eq!(chosen(&[Plumbing, Plumbing]), [0]);
        assert_eq!(chosen(&[Remark]), [0]);
        assert_eq!(chosen(&[]), Vec::<usize>::new());
    }

    #[test]
    fn frames_without_names_are_passed_over() {
        let named = |unnamed: &'static [usize]| move |index: usize| !unnamed.contains(&index);
        assert_eq!(telling(&[Plumbing, Own, Own], named(&[1])), [2, 0]);
        assert_eq!(telling(&[Own, Own], named(&[0, 1])), [0]);
        assert_eq!(telling(&[Library, Library, Own], named(&[1])), [2, 0]);
    }
}
