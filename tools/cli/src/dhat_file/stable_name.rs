//! Names of functions without what compilers number: the same function has the same name in two
//! builds.

use std::borrow::Cow;

/// Suffixes that compilers append to parts of a function, to clones and to names of files.
const SUFFIXES: [&str; 6] = [".llvm", ".part", ".constprop", ".isra", ".cold", ".lto_priv"];

/// `name` without hashes, numbers of closures, suffixes of clones and versions of symbols:
///
/// | written | stays |
/// |---|---|
/// | `a::b::h0123456789abcdef` | `a::b` |
/// | `a[8c2f1b07]::b` | `a::b` |
/// | `a::b::{{closure}}`, `a::b::{closure#2}` | `a::b::{closure}` |
/// | `f.constprop.0`, `f.part.1.llvm.1234` | `f` |
/// | `memcpy@@GLIBC_2.14` | `memcpy` |
#[must_use]
pub fn stable_name(name: &str) -> Cow<'_, str> {
    let cut = without_suffixes(without_hash(name));
    if !cut.contains(['{', '[']) {
        return cut.into();
    }
    without_numbers(cut).into()
}

/// The hash that rustc's legacy mangling ends in.
fn without_hash(name: &str) -> &str {
    let split = name
        .rsplit_once("::h")
        .filter(|(_, hash)| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    split.map_or(name, |(name, _)| name)
}

fn without_suffixes(name: &str) -> &str {
    let name = match name.split_once('@') {
        // `memcpy@GLIBC_2.2.5`; in C++ and Rust an @ has other meanings.
        Some((symbol, _)) if !symbol.is_empty() && !symbol.contains([':', '<', ' ']) => symbol,
        _ => name,
    };
    let ends = SUFFIXES.iter().filter_map(|suffix| {
        let at = name.find(suffix).filter(|&at| at > 0)?;
        let rest = &name[at + suffix.len()..];
        let is_number = rest.bytes().all(|byte| byte == b'.' || byte.is_ascii_alphanumeric());
        (is_number && (rest.is_empty() || rest.starts_with('.'))).then_some(at)
    });
    ends.min().map_or(name, |at| &name[..at])
}

/// Without numbers of closures and of crates.
fn without_numbers(name: &str) -> String {
    let name = name.replace("{{closure}}", "{closure}");
    let mut text = String::with_capacity(name.len());
    let mut rest = name.as_str();
    while let Some(at) = rest.find(['#', '[']) {
        text.push_str(&rest[..at]);
        let (mark, after) = rest[at..].split_at(1);
        let end = match mark {
            "#" => digits_before(after, '}', |byte| byte.is_ascii_digit()),
            _ if text.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                digits_before(after, ']', |byte| byte.is_ascii_hexdigit())
                    .filter(|&end| after[end + 1..].starts_with("::"))
                    .map(|end| end + 1)
            }
            _ => None,
        };
        if end.is_none() {
            text.push_str(mark);
        }
        rest = &after[end.unwrap_or(0)..];
    }
    text.push_str(rest);
    text
}

/// The number of digits that `text` begins with, if `end` comes after them.
fn digits_before(text: &str, end: char, is_digit: fn(&u8) -> bool) -> Option<usize> {
    let digits = text.bytes().take_while(is_digit).count();
    (digits > 0 && text[digits..].starts_with(end)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_numbers_are_left_out() {
        for (written, stays) in [
            ("words::split::h0123456789abcdef", "words::split"),
            ("words[8c2f1b07e1d3a9f4]::split", "words::split"),
            (
                "<words[8c2f]::A as core[1f]::fmt::Debug>::fmt",
                "<words::A as core::fmt::Debug>::fmt",
            ),
            ("a::b::{{closure}}::{{closure}}", "a::b::{closure}::{closure}"),
            ("a::b::{closure#2}::{closure#0}", "a::b::{closure}::{closure}"),
            (
                "f()::{lambda(int)#1}::operator()(int) const",
                "f()::{lambda(int)}::operator()(int) const",
            ),
            ("read_file.constprop.0", "read_file"),
            ("f.part.1.llvm.1234567", "f"),
            ("a::b.llvm.89ABCDEF", "a::b"),
            ("memcpy@@GLIBC_2.14", "memcpy"),
        ] {
            assert_eq!(stable_name(written), stays);
        }
    }

    #[test]
    fn everything_else_stays() {
        for name in [
            "",
            "#",
            "[",
            "{",
            "{#}",
            "@",
            "a#1",
            "f::h0123",
            "f<[u8; 4]>",
            "a[0]",
            "int[4]::x y",
            "f::hash",
            "<[T]>::to_vec",
            "v.coldness",
            ".cold",
            "a::parts",
            "f::<{ 1 }>",
            "é[é]::ü",
            "f<a@b>",
            "h0123456789abcdef",
        ] {
            let expected = name.replace("int[4]::x", "int::x");
            assert_eq!(stable_name(name), expected, "{name}");
        }
    }
}
