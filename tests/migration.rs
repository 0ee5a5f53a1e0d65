//! The pages for those who come from another crate: each is a difference between two programs. One
//! is compiled against the other crate, one against this crate; both run and print the same.

#[expect(dead_code, reason = "other tests read other parts of pages")]
mod pages;

use std::path::Path;

use pages::{package, text};

/// A page for those who come from another crate.
struct Page {
    name: &'static str,
    /// The file that has it in its docs.
    source: &'static str,
    heading: &'static str,
    /// The dependency of the program before.
    before: &'static str,
    /// The features of this crate that the program after needs.
    features: &'static str,
}

const DHAT: Page = Page {
    name: "dhat",
    source: include_str!("../src/compat/dhat/mod.rs"),
    heading: "Coming from dhat-rs",
    before: "dhat = \"=0.3.3\"",
    features: "[]",
};

const MOD_ALLOC_1_0: Page = Page {
    name: "mod-alloc",
    source: include_str!("../src/compat/dhat/mod.rs"),
    heading: "Coming from mod-alloc 1.0",
    before: "mod-alloc = \"=1.0.1\"",
    features: "[]",
};

const TRACKING_ALLOCATOR: Page = Page {
    name: "tracking",
    source: include_str!("../src/compat/tracking.rs"),
    heading: "Coming from tracking-allocator",
    before: "tracking-allocator = \"=0.4.0\"",
    features: "[\"groups\"]",
};

const STATS_ALLOC: Page = Page {
    name: "stats",
    source: include_str!("../src/api/measure/mod.rs"),
    heading: "Coming from stats_alloc",
    before: "stats_alloc = \"=0.1.10\"",
    features: "[]",
};

/// The program before (`-`) or after (`+`) a difference.
fn side(difference: &str, sign: char) -> String {
    let line = |line: &str| match line.chars().next() {
        None | Some(' ') => Some(line.get(1..).unwrap_or("").to_owned()),
        Some(first) if first == sign => Some(line[1..].to_owned()),
        Some('-' | '+') => None,
        Some(_) => panic!("neither kept nor changed: {line}"),
    };
    let lines: Vec<_> = difference.lines().filter_map(line).collect();
    lines.join("\n") + "\n"
}

/// The output of a program that runs to its end.
fn output(program: &Path, name: &str) -> String {
    let ran = package::run(program, &[], &package::scratch(&format!("run-{name}")));
    assert!(ran.status.success(), "{}: {}", program.display(), package::text(&ran.stderr));
    package::text(&ran.stdout)
}

/// Compiles and runs both sides of a page.
fn follow(page: &Page) {
    let docs = text::of_docs(page.source);
    let blocks = text::blocks(text::below(&docs, page.heading));
    let difference = blocks.iter().find(|block| block.language == "diff").expect("a difference");
    let after = package::on_this_crate(page.features);
    let sides = [("before", page.before, '-'), ("after", &*after, '+')];
    let [before, after] = sides.map(|(name, dependency, sign)| {
        let name = format!("page-{}-{name}", page.name);
        output(&package::build(&name, dependency, &side(difference.text, sign)), &name)
    });
    assert!(!before.is_empty());
    assert_eq!(before, after, "{}", page.heading);
}

#[test]
fn from_dhat() {
    follow(&DHAT);
}

#[test]
fn from_mod_alloc_1_0() {
    follow(&MOD_ALLOC_1_0);
}

#[test]
fn from_tracking_allocator() {
    follow(&TRACKING_ALLOCATOR);
}

#[test]
fn from_stats_alloc() {
    follow(&STATS_ALLOC);
}

/// A line of neither side is an error, and an empty line is of both.
#[test]
fn a_difference_has_two_sides() {
    let difference = "-old\n+new\n kept\n\n+  more\n";
    assert_eq!(side(difference, '-'), "old\nkept\n\n");
    assert_eq!(side(difference, '+'), "new\nkept\n\n  more\n");
}
