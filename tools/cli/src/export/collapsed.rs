//! Collapsed stacks: `outermost;…;innermost NUMBER`, a line each.
//!
//! The format has no escapes. A `;` in a name becomes a `:`, and control characters become blanks.

use std::io::{self, Write};

use crate::dhat_file::Document;

use super::metric::Metric;
use super::names::{Names, UNKNOWN};
use super::tree::Tree;

pub(super) fn write(document: &Document, metric: Metric, out: &mut dyn Write) -> io::Result<()> {
    let names = Names::of(document);
    let clean: Vec<String> = names.all.iter().map(|name| cleaned(name)).collect();
    let tree = Tree::of(document, |frame| names.of_frame[frame as usize]);
    let own = tree.own(document, |numbers| metric.part(document, numbers));
    let mut path = Vec::new();
    for node in (1..).zip(own.iter().skip(1)).filter(|(_, own)| **own > 0) {
        path.extend(tree.outward(node.0));
        for (index, node) in path.drain(..).rev().enumerate() {
            out.write_all(if index == 0 { b"" } else { b";" })?;
            out.write_all(clean[tree.keys[node as usize] as usize].as_bytes())?;
        }
        writeln!(out, " {}", node.1)?;
    }
    Ok(())
}

/// `name` without what would be read as something else.
fn cleaned(name: &str) -> String {
    let plain = |letter: char| match letter {
        ';' => ':',
        // Some readers end lines there.
        '\u{2028}' | '\u{2029}' => ' ',
        other if other.is_control() => ' ',
        other => other,
    };
    let name: String = name.chars().map(plain).collect();
    let trimmed = name.trim();
    match trimmed.chars().next() {
        None => UNKNOWN.into(),
        // Readers take lines that begin with a # for comments.
        Some('#') => format!("_{trimmed}"),
        Some(_) => trimmed.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_is_the_format_s_own() {
        assert_eq!(cleaned("a;b\nc\td\u{1b}[0m\u{2028}"), "a:b c d [0m");
        assert_eq!([cleaned("#include"), cleaned(" ")], ["_#include", "[unknown]"]);
    }
}
