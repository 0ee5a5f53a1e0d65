//! `--wrapper NAME`: names of functions, with `*` for any text.

use std::convert::Infallible;
use std::str::FromStr;

use crate::base::say::say;
use crate::dhat_file::{Document, Frame};
use crate::origin::generic_name;

/// A function's name, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl FromStr for Pattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// True if the pattern is the whole name, or the end of it from a part of the path on. `name`
    /// is as reports show it, `generic` without the arguments of generics and parameters.
    pub(crate) fn is_met_by(&self, name: &str, generic: &str) -> bool {
        let ends = |name: &str| {
            let starts = name.match_indices("::").map(|(at, _)| at + 2);
            std::iter::once(0).chain(starts).any(|at| is_match(&self.0, &name[at..]))
        };
        ends(generic) || is_match(&self.0, name)
    }
}

/// Says on standard error which patterns no function of the documents meets.
pub(crate) fn warn_of_unmet(patterns: &[Pattern], documents: &[&Document]) {
    for pattern in patterns {
        let mut frames = documents.iter().flat_map(|document| &document.frames);
        let is_met = |text: &String| {
            let name = Frame::parse(text).function;
            name.is_some_and(|name| pattern.is_met_by(name, &generic_name(name)))
        };
        if !frames.any(is_met) {
            say!(
                "--wrapper {pattern}: no function of the report has this name; \
                 `report --stacks` shows the names, and `*` is any text"
            );
        }
    }
}

/// `*` stands for any text, everything else for itself.
fn is_match(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_their_ends_are_met() {
        let is_met = |pattern: &str, name: &str| {
            let generic = crate::origin::generic_name(name);
            pattern.parse::<Pattern>().unwrap().is_met_by(name, &generic)
        };
        for (pattern, name) in [
            ("make_node", "make_node"),
            ("make_*", "make_node"),
            ("*node", "make_node"),
            ("m*_*e", "make_node"),
            ("*", "make_node"),
            ("create", "E* app::Pool<E>::create<int>(int&&)"),
            ("Pool::create", "E* app::Pool<E>::create<int>(int&&)"),
            ("app::Pool::*", "E* app::Pool<E>::create<int>(int&&)"),
            ("E* app::Pool<E>::create<int>(int&&)", "E* app::Pool<E>::create<int>(int&&)"),
            ("Node::new", "app::Node::new"),
        ] {
            assert!(is_met(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("node", "make_node"),
            ("make", "make_node"),
            ("ode::new", "app::Node::new"),
            ("app", "app::Node::new"),
            ("a*a", "a"),
            ("", "make_node"),
        ] {
            assert!(!is_met(pattern, name), "{pattern} {name}");
        }
    }
}
