//! The floors of `tools/cli/src`, held: a file uses its own folder and lower floors alone, and no
//! circle of files is larger than three of one folder.

mod layers_support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use layers_support::tree::Tree;

/// The floors, from the lowest up, as the documentation of `src/lib.rs` draws them. Folders of one
/// floor do not use each other.
const FLOORS: [&[&str]; 10] = [
    &["base", "units", "dhat_file"],
    &["program", "recordings", "watched", "origin"],
    &["html"],
    &["report"],
    &["reports", "pprof"],
    &["otlp"],
    &["serve", "sample"],
    &["run", "recover", "export", "diff", "merge", "top", "test", "packaging"],
    &["command_line"],
    &["lib", "bin"],
];

/// The floors inside of `test`.
const FLOORS_OF_TEST: [&[&str]; 5] = [
    &["test::shared"],
    &["test::measured"],
    &["test::shown"],
    &["test::step", "test::cargo"],
    &["test"],
];

/// Most files that may use each other in a circle.
const LARGEST_CIRCLE: usize = 3;

fn source() -> Tree {
    Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

/// `a::b` is in `a`, and in itself.
fn is_in(module: &str, folder: &str) -> bool {
    module.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The place of `module` among `floors`: its floor and its folder; the longest name wins.
fn place<'f>(floors: &[&[&'f str]], module: &str) -> Option<(usize, &'f str)> {
    let places = floors.iter().enumerate();
    let places = places.flat_map(|(floor, folders)| folders.iter().map(move |name| (floor, *name)));
    places.filter(|(_, folder)| is_in(module, folder)).max_by_key(|(_, folder)| folder.len())
}

/// Uses of a higher floor, or of another folder of the same.
fn upward(uses: &BTreeMap<String, BTreeSet<String>>, floors: &[&[&str]]) -> Vec<String> {
    let mut found = Vec::new();
    for (user, used) in uses {
        for used in used {
            let (Some(here), Some(there)) = (place(floors, user), place(floors, used)) else {
                continue;
            };
            if here.0 < there.0 || here.0 == there.0 && here.1 != there.1 {
                found.push(format!("{user} uses {used}"));
            }
        }
    }
    found
}

#[test]
fn every_file_has_a_floor() {
    let tree = source();
    let homeless: Vec<_> =
        tree.modules().filter(|module| place(&FLOORS, module).is_none()).collect();
    assert!(homeless.is_empty(), "give these a floor in FLOORS: {homeless:?}");
}

#[test]
fn no_file_uses_a_higher_floor() {
    let uses = source().uses();
    let arrows = uses.values().map(BTreeSet::len).sum::<usize>();
    assert!(arrows > 200, "only {arrows} uses were found: the scanner misses some");
    for floors in [&FLOORS[..], &FLOORS_OF_TEST[..]] {
        let found = upward(&uses, floors);
        assert!(found.is_empty(), "upward:\n{}", found.join("\n"));
    }
}

#[test]
fn circles_are_small_and_of_one_folder() {
    for circle in source().circles() {
        let folder =
            |module: &String| module.rsplit_once("::").map(|(folder, _)| folder.to_owned());
        let folders: BTreeSet<_> = circle.iter().map(folder).collect();
        assert!(
            circle.len() <= LARGEST_CIRCLE && folders.len() == 1,
            "a circle of {} files: {circle:?}",
            circle.len()
        );
    }
}

#[test]
fn an_upward_use_of_each_kind_is_found() {
    let lines = [
        "use crate::run;",
        "use crate::run::Arguments as A;",
        "use crate::{units, run::{self, one_run}};",
        "use super::super::run::run;",
        "use super::super::run::*;",
        "fn f() { crate::run::run() }",
        "macro_rules! m { () => { $crate::run::run() } }",
        "pub(crate) use self::super::super::run::run;",
        "const A: &str = \"// no comment\"; fn f() { crate::run::run() }",
        "const Q: char = '\"'; fn f(_: &'static str) { crate::run::run() } // \"",
        "#[cfg(not(test))] fn f() { crate::run::run() }",
    ];
    for line in lines {
        let tree = Tree::of(&[
            ("lib", "mod base; mod run; mod units;"),
            ("base", "mod say;"),
            ("run", ""),
            ("units", ""),
        ]);
        let uses = tree.with("base::say", line).uses();
        let found = upward(&uses, &FLOORS);
        assert!(found.contains(&"base::say uses run".to_owned()), "{line}: {found:?}");
    }
}

#[test]
fn comments_texts_and_tests_use_nothing() {
    let lines = [
        "// crate::run",
        "/* crate::run /* crate::run */ crate::run */",
        "/// See [`crate::run`].",
        "const A: &str = \"crate::run \\\" crate::run\";",
        "const A: &str = r#\"crate::run \" crate::run\"#;",
        "#[cfg(test)] mod tests { use crate::run; fn f() { { crate::run::run() } } }",
        "#[cfg(test)] use crate::run;",
        "fn mycrate() { other_crate::run() }",
    ];
    for line in lines {
        let tree = Tree::of(&[("lib", "mod base; mod run;"), ("base", ""), ("run", "")]);
        let uses = tree.with("base::say", line).uses();
        assert!(upward(&uses, &FLOORS).is_empty(), "{line}");
    }
}

#[test]
fn a_circle_is_found_through_any_spelling() {
    let tree = Tree::of(&[
        ("lib", "mod a;"),
        ("a", "mod b; mod c; mod d; pub(crate) use b::B; fn f() { c::f() }"),
        ("a::b", "use super::c; fn f() { c::f() }"),
        ("a::c", "use crate::a::{d::D};"),
        ("a::d", "use super::OfA;"),
    ]);
    let circle = ["a", "a::b", "a::c", "a::d"].map(str::to_owned);
    assert_eq!(tree.circles(), [circle]);
}

#[test]
fn an_item_that_is_passed_on_is_of_the_file_that_has_it() {
    let tree = Tree::of(&[
        ("lib", "mod a;"),
        ("a", "mod b; mod c; pub(crate) use b::{B, b};"),
        ("a::b", ""),
        ("a::c", "use super::B; fn f() { super::b() }"),
    ]);
    assert!(tree.circles().is_empty(), "{:?}", tree.circles());
    assert!(tree.uses()["a::c"].contains("a::b"));
}
