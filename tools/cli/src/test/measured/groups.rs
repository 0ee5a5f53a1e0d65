//! The test of a group of threads.
//!
//! A test's thread carries its name. What a recording has of it may be followed by other text, or
//! be only the 15 bytes that the kernel keeps.

use std::collections::{BTreeMap, BTreeSet};

use mod_alloc::recording::model::Group;

use super::numbers::Numbers;

/// The bytes that the kernel keeps of a thread's name.
const KERNEL: usize = 15;

/// Groups and the tests that they can be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    /// Numbers by the test's name.
    pub(crate) certain: BTreeMap<String, Numbers>,
    /// Numbers that belong to one of several tests each; every such group has all the names.
    pub(crate) ambiguous: Vec<(Vec<String>, Numbers)>,
    /// Names of groups that are no test.
    pub(crate) strangers: Vec<String>,
}

/// Finds the test of every group among `names`.
pub(crate) fn matches(groups: &[Group], names: &BTreeSet<&str>) -> Matches {
    let mut matches = Matches::default();
    let mut open = Vec::new();
    for group in groups {
        match whole_name(group, names) {
            Some(name) if !matches.certain.contains_key(name) => {
                matches.certain.insert(name.to_owned(), Numbers::of_group(group));
            }
            _ => open.push(group),
        }
    }
    // Those that are left can only be tests that are left.
    for group in open {
        let taken = &matches.certain;
        let candidates: Vec<_> = names
            .iter()
            .filter(|name| !taken.contains_key(**name) && same_start(name, &group.thread_name))
            .map(|name| (*name).to_owned())
            .collect();
        match candidates.as_slice() {
            [] => matches.strangers.push(group.thread_name.clone()),
            _ => matches.ambiguous.push((candidates, Numbers::of_group(group))),
        }
    }
    settle(&mut matches);
    matches
}

/// The test whose whole name the group has.
fn whole_name<'n>(group: &Group, names: &BTreeSet<&'n str>) -> Option<&'n str> {
    if let Some(name) = names.get(group.name.as_str()) {
        return Some(name);
    }
    // Text that follows may happen to continue the name: the longest wins. Only a name that the
    // kernel cut needs more than what the kernel has.
    names
        .iter()
        .filter(|name| group.name.starts_with(**name) && same_start(name, &group.thread_name))
        .max_by_key(|name| name.len())
        .copied()
}

fn same_start(name: &str, thread: &str) -> bool {
    let name = &name.as_bytes()[..name.len().min(KERNEL)];
    // Where the kernel cut a character in two, a replacement stands for its first part.
    let thread = thread.trim_end_matches('\u{fffd}').as_bytes();
    if thread.len() + 4 <= KERNEL { name == thread } else { name.starts_with(thread) }
}

/// A group with one candidate that no other group can be is that test.
fn settle(matches: &mut Matches) {
    let mut claims = BTreeMap::new();
    for name in matches.ambiguous.iter().flat_map(|(names, _)| names) {
        *claims.entry(name.clone()).or_insert(0) += 1;
    }
    let certain = &mut matches.certain;
    matches.ambiguous.retain(|(names, numbers)| match names.as_slice() {
        [name] if claims.get(name) == Some(&1) => {
            certain.insert(name.clone(), *numbers);
            false
        }
        _ => true,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, bytes: u64) -> Group {
        let mut group = Group::default();
        group.name = name.to_owned();
        let cut = name.as_bytes();
        group.thread_name = String::from_utf8_lossy(&cut[..cut.len().min(KERNEL)]).into_owned();
        group.total_bytes = bytes;
        group
    }

    fn of(groups: &[Group], names: &[&str]) -> Matches {
        matches(groups, &names.iter().copied().collect())
    }

    fn certain(matches: &Matches) -> Vec<(&str, u64)> {
        matches.certain.iter().map(|(name, numbers)| (name.as_str(), numbers.bytes)).collect()
    }

    #[test]
    fn a_name_that_is_whole_decides() {
        let names = ["tests::the_same::a", "tests::the_same::ab"];
        let found = of(&[group(names[1], 2), group(names[0], 1)], &names);
        assert_eq!(certain(&found), [(names[0], 1), (names[1], 2)]);
    }

    #[test]
    fn text_behind_a_name_does_not_matter_and_the_longest_name_wins() {
        let names = ["tests::the_same::a", "tests::the_same::ab", "tests::the_same"];
        let found = of(&[group("tests::the_same::abother text", 2)], &names);
        assert_eq!(certain(&found), [(names[1], 2)]);
    }

    #[test]
    fn a_short_name_needs_no_more_than_the_kernel_s() {
        let mut only_kernel = group("tests::one", 5);
        only_kernel.name = String::new();
        assert_eq!(
            certain(&of(&[only_kernel], &["tests::one", "tests::one_more"])),
            [("tests::one", 5)]
        );
    }

    #[test]
    fn what_is_left_is_found_by_elimination() {
        let mut cut = group("tests::the_same::b", 7);
        cut.name = cut.thread_name.clone();
        let names = ["tests::the_same::a", "tests::the_same::b"];
        let found = of(&[cut.clone(), group(names[0], 1)], &names);
        assert_eq!(certain(&found), [(names[0], 1), (names[1], 7)]);
    }

    #[test]
    fn what_cannot_be_told_apart_is_said() {
        let mut cut = group("tests::the_same::b", 7);
        cut.name = cut.thread_name.clone();
        let names = ["tests::the_same::a", "tests::the_same::b"];
        let found = of(&[cut.clone(), cut], &names);
        assert_eq!(certain(&found), []);
        assert_eq!(found.ambiguous.len(), 2);
        assert_eq!(found.ambiguous[0].0, names);
    }

    #[test]
    fn a_thread_that_is_no_test_is_a_stranger() {
        let found = of(&[group("worker", 1)], &["tests::one"]);
        assert_eq!(found.strangers, ["worker"]);
        assert_eq!(certain(&found), []);
    }

    #[test]
    fn a_character_that_the_kernel_cut_is_no_difference() {
        // 13 bytes and the first half of an umlaut's two.
        let name = "tests::sechs_ä_x";
        let mut cut = group(name, 3);
        assert!(cut.thread_name.len() > KERNEL || cut.thread_name.ends_with('ä'));
        cut.name = cut.thread_name.clone();
        assert_eq!(certain(&of(&[cut], &[name])), [(name, 3)]);
        let long = "tests::zwoelf_ä_x";
        let mut cut = group(long, 4);
        assert!(cut.thread_name.ends_with('\u{fffd}'));
        cut.name = cut.thread_name.clone();
        assert_eq!(certain(&of(&[cut], &[long])), [(long, 4)]);
    }
}
