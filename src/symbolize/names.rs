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

/// The function's name alone: `f<void (int)>(int)` is `f<void (int)>`.
pub(super) fn without_parameters(name: &str) -> &str {
    let mut depth = 0_usize;
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b'(' if depth == 0 && at > 0 && !name[at..].starts_with("(anonymous") => {
                return &name[..at];
            }
            _ => {}
        }
    }
    name
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
    if let Some(of) = raw.strip_prefix("_GLOBAL__sub_I_") {
        return Some(std::format!("global constructors keyed to {}", demangle(of)));
    }
    if !raw.starts_with("_Z") {
        return None;
    }
    // The demangler knows not all that compilers write: `sr` with a type in `std`, for one, which
    // is in libstdc++.
    let Ok(name) = cpp_demangle::Symbol::new(raw) else { return cpp_path(raw) };
    let mut text = Bounded::default();
    name.structured_demangle(&mut text, &cpp_demangle::DemangleOptions::new()).ok()?;
    Some(text.0)
}

/// The names that a mangled name begins with: `std::__copy_move<…>` without template's arguments,
/// parameters and all that comes after them.
fn cpp_path(raw: &str) -> Option<String> {
    let rest = raw.strip_prefix("_Z")?;
    let rest = rest.strip_prefix('L').unwrap_or(rest);
    let nested = rest.strip_prefix('N').map(|rest| rest.trim_start_matches(['r', 'V', 'K']));
    let mut rest = nested.unwrap_or(rest);
    let mut text = String::new();
    if let Some(more) = rest.strip_prefix("St") {
        text.push_str("std::");
        rest = more;
    }
    let mut names = 0;
    while let Some((name, more)) = source_name(rest).filter(|_| names == 0 || nested.is_some()) {
        text.push_str(if names == 0 { "" } else { "::" });
        text.push_str(if name == "_GLOBAL__N_1" { "(anonymous namespace)" } else { name });
        (rest, names) = (more, names + 1);
    }
    if names == 0 {
        return None;
    }
    match rest.chars().next() {
        Some('I') => text.push_str("<…>"),
        Some(next) if nested.is_some() && next != 'E' => text.push('…'),
        _ => {}
    }
    Some(text)
}

/// A name after its length, and the rest.
fn source_name(raw: &str) -> Option<(&str, &str)> {
    let digits = raw.bytes().take_while(u8::is_ascii_digit).count();
    let length: usize = raw.get(..digits)?.parse().ok()?;
    raw.get(digits..)?.split_at_checked(length).filter(|(name, _)| !name.is_empty())
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
    fn a_cpp_name_that_is_not_understood_is_told_by_its_beginning() {
        let of_libstdcxx = "_ZSt14__copy_move_a1ILb1EPNSt10filesystem7__cxx114pathES2_\
                            EN9__gnu_cxx11__enable_ifIXsrSt23__is_random_access_iterIT0_\
                            NSt15iterator_traitsIS7_E17iterator_categoryEE7__valueE\
                            St15_Deque_iteratorIT1_RSD_PSD_EE6__typeES7_S7_SG_";
        assert_eq!(demangle(of_libstdcxx), "std::__copy_move_a1<…>");
        assert_eq!(demangle("_ZNK12_GLOBAL__N_13foo3barI?"), "(anonymous namespace)::foo::bar<…>");
        assert_eq!(demangle("_ZN3foo3barE?"), "foo::bar");
        assert_eq!(demangle("_ZN3foo3bar?"), "foo::bar…");
        for bad in ["_Z", "_ZN", "_ZSt", "_Z9foo", "_Z99999999999999999999999x", "_Z0", "_Z1é?"] {
            assert_eq!(demangle(bad), bad);
        }
    }

    #[test]
    fn constructors_of_a_file_are_told_by_its_first_name() {
        assert_eq!(
            demangle("_GLOBAL__sub_I__ZN9__gnu_cxx9__freeresEv"),
            "global constructors keyed to __gnu_cxx::__freeres()"
        );
    }

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
