//! The crate, package or library of a function, as people filter by it.

use crate::dhat_file::{Frame, Location};
use crate::origin::package;

/// The name of the crate that has `frame`: by its function's path, its file's package, or else its
/// module's file. `None`: not known.
pub(super) fn name<'t>(frame: &Frame<'t>) -> Option<&'t str> {
    by_function(frame.function.unwrap_or_default()).or(match frame.location {
        Location::Source { file, .. } => package(file).map(without_version),
        Location::Module(path) => path.rsplit('/').next(),
        Location::Unknown => None,
    })
}

/// `serde` of `<T as serde::de::Visitor>::visit` and of `serde::de::visit`.
fn by_function(name: &str) -> Option<&str> {
    first_of_path(name).or_else(|| {
        let inner = name.strip_prefix('<')?;
        let (_, of_trait) = inner.split_once(" as ")?;
        first_of_path(of_trait)
    })
}

/// `a` of `a::b`, whatever brackets and references stand before it.
fn first_of_path(text: &str) -> Option<&str> {
    let mut path = text.trim_start_matches(['<', '&', '*', '[', '(']);
    for word in ["mut ", "const ", "dyn "] {
        path = path.strip_prefix(word).unwrap_or(path);
    }
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let end = path.find(|letter| !is_name(letter)).unwrap_or(path.len());
    let (first, rest) = path.split_at(end);
    (!first.is_empty() && rest.starts_with("::")).then_some(first)
}

fn without_version(package: &str) -> &str {
    package.rsplit_once('-').map_or(package, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_functions_of_all_kinds() {
        for (text, expected) in [
            ("0x1: serde_json::de::from_str (src/de.rs:1)", Some("serde_json")),
            ("0x1: <&mut serde_json::de::D as serde::D>::x (src/de.rs:1)", Some("serde_json")),
            ("0x1: <T as serde::de::Visitor>::visit (a.rs:1)", Some("serde")),
            ("0x1: to_vec (regex-automata-0.4.18/src/x.rs:1)", Some("regex-automata")),
            ("0x1: PyObject_Malloc (in /usr/bin/python3.11)", Some("python3.11")),
            ("0x1: std::vector<int>::push_back(int&&) (in /a/b)", Some("std")),
            ("0x1: main (src/main.c:1)", None),
            ("[stack truncated]", None),
        ] {
            assert_eq!(name(&Frame::parse(text)), expected, "{text}");
        }
    }
}
