//! Demangling, each name once.

use std::borrow::Cow;
use std::boxed::Box;
use std::fmt::{self, Write};
use std::string::String;

use super::strings::{FixedMap, StringId, Strings};

/// Longest demangled name kept. A hostile mangled name of a few bytes can expand to
/// gigabytes; beyond this the mangled name is shown.
const LONGEST: usize = 64 * 1024;

/// Demangled names by mangled ones.
#[derive(Default)]
pub(super) struct Names {
    known: FixedMap<Box<str>, Option<StringId>>,
}

impl Names {
    /// The id of `raw`'s readable form; `None` for an empty name.
    pub(super) fn demangled(&mut self, raw: &str, strings: &mut Strings) -> Option<StringId> {
        if raw.is_empty() {
            return None;
        }
        if let Some(&id) = self.known.get(raw) {
            return id;
        }
        let id = strings.intern(&demangle(raw));
        self.known.insert(raw.into(), id);
        id
    }
}

/// True if `raw` says more than a bare name: the path of a Rust or C++ function.
pub(super) fn is_mangled(raw: &str) -> bool {
    raw.starts_with("_R") || raw.starts_with("_Z")
}

/// `raw` as its author wrote it: Rust without the hash, C++, or unchanged.
fn demangle(raw: &str) -> Cow<'_, str> {
    let bare = without_version(raw);
    rust(bare).or_else(|| cpp(bare)).map_or(Cow::Borrowed(bare), Cow::Owned)
}

/// Drops the symbol version that linkers append in a full symbol table
/// (`malloc@@GLIBC_2.2.5`).
fn without_version(raw: &str) -> &str {
    match raw.find('@') {
        Some(at) if at > 0 => &raw[..at],
        _ => raw,
    }
}

fn rust(raw: &str) -> Option<String> {
    let name = rustc_demangle::try_demangle(raw).ok()?;
    let mut text = Bounded::default();
    write!(text, "{name:#}").ok()?;
    Some(text.0)
}

fn cpp(raw: &str) -> Option<String> {
    if !raw.starts_with("_Z") {
        return None;
    }
    let name = cpp_demangle::Symbol::new(raw).ok()?;
    let mut text = Bounded::default();
    name.structured_demangle(&mut text, &cpp_demangle::DemangleOptions::new()).ok()?;
    Some(text.0)
}

/// A string that refuses to grow beyond [`LONGEST`].
#[derive(Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.0.len() + part.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(part);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_names_lose_their_hash_and_nothing_else() {
        let legacy = "_ZN4core3ops8function6FnOnce9call_once17h0123456789abcdefE";
        assert_eq!(demangle(legacy), "core::ops::function::FnOnce::call_once");
        let closure = "_ZN2bt4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE";
        assert_eq!(demangle(closure), "bt::main::{{closure}}");
        let v0 = "_RNvCsdZIKXvCBLb8_7___rustc12___rust_alloc";
        assert_eq!(demangle(v0), "__rustc::__rust_alloc");
    }

    #[test]
    fn cpp_names_keep_their_parameters() {
        assert_eq!(demangle("_ZN3zoo3Cat4feedEi"), "zoo::Cat::feed(int)");
        assert_eq!(demangle("_Znwm"), "operator new(unsigned long)");
    }

    #[test]
    fn other_names_stay_as_they_are() {
        assert_eq!(demangle("malloc"), "malloc");
        assert_eq!(demangle("malloc@@GLIBC_2.2.5"), "malloc");
        assert_eq!(demangle("_Zfoo!"), "_Zfoo!");
        assert_eq!(demangle("fold.cold"), "fold.cold");
    }

    #[test]
    fn a_name_that_explodes_is_shown_mangled() {
        // Each parameter is a pair of the type before it: the text doubles with every one.
        let mut raw = String::from("_Z1fSt4pairIiiE");
        for previous in ('0'..='9').chain('A'..='M') {
            raw.push_str(&std::format!("S_IS{previous}_S{previous}_E"));
        }
        let short = &raw[..raw.find("S_IS3").unwrap()];
        assert!(demangle(short).starts_with("f(std::pair<int, int>, std::pair<std::pair<"));
        assert_eq!(demangle(&raw), raw);
    }

    #[test]
    fn the_second_question_is_answered_from_memory() {
        let (mut names, mut strings) = (Names::default(), Strings::default());
        let first = names.demangled("_ZN3foo3barEv", &mut strings).unwrap();
        assert_eq!(strings.get(first), "foo::bar()");
        assert_eq!(names.demangled("_ZN3foo3barEv", &mut strings), Some(first));
        assert_eq!(names.known.len(), 1);
        assert_eq!(names.demangled("", &mut strings), None);
    }
}
