//! Processes that a recorded program starts, by every way there is.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::collections::BTreeMap;

use traced::compared::{assert_alike, traced_like_plain};
use traced::native;
use traced::program::{Ended, Program};
use traced::recorded::{Recorded, counted};

fn children(arguments: &[&str]) -> Program {
    Program::new(native::program("children"), arguments)
}

/// The children are not recorded, and nothing of them is in the parent's recording.
fn parent_alone(arguments: &[&str]) -> (Ended, Recorded) {
    let (ended, recorded) = traced_like_plain(&children(arguments));
    let ended = ended.with_status(0);
    recorded.assert_nothing_lost();
    recorded.assert_counted(&ended.stdout);
    assert_eq!(ended.recordings().len(), 1);
    (ended, recorded)
}

#[test]
fn vfork_and_exec() {
    let (ended, _) = parent_alone(&["vfork"]);
    assert!(ended.stdout.contains("environment PATH="), "it prints its environment");
}

#[test]
fn posix_spawn_system_and_popen() {
    parent_alone(&["spawn"]);
}

#[test]
fn fork() {
    parent_alone(&["fork"]);
}

#[test]
fn a_fork_without_handlers() {
    parent_alone(&["bare-fork"]);
}

#[test]
fn a_fork_that_the_c_library_does_not_know_of() {
    parent_alone(&["clone"]);
}

#[test]
fn forks_among_busy_threads() {
    parent_alone(&["fork-among-threads"]);
}

#[test]
fn ten_thousand_forks() {
    parent_alone(&["many", "10000"]);
}

/// Each process's own account is in a recording of its own.
#[test]
fn children_of_children() {
    let program = children(&["family"]);
    let (plain, traced) = (program.plain(), program.traced_with_children());
    assert_alike(&plain, &traced);
    let expected = tally(traced.stdout.lines().filter_map(|line| {
        let (_, bytes) = line.strip_prefix("process ")?.split_once(' ')?;
        Some(bytes.parse().expect("a number"))
    }));
    assert_eq!(expected.values().sum::<u32>(), 1 + 3 + 9 + 27);
    let recorded = traced.all_recorded();
    for one in &recorded {
        one.assert_nothing_lost();
    }
    // The first process allocates nothing there; what was live at a fork is the child's, too.
    let new = recorded.iter().map(|one| one.site("site_child")[0]);
    assert_eq!(recorded.len(), 41);
    let found = tally(new.filter(|&bytes| bytes > 0));
    assert_eq!(found.values().sum::<u32>(), 40);
    assert_eq!(found, with_ancestors());
}

fn tally(numbers: impl Iterator<Item = u64>) -> BTreeMap<u64, u32> {
    let mut tally = BTreeMap::new();
    for number in numbers {
        *tally.entry(number).or_default() += 1;
    }
    tally
}

/// By bytes, how many processes: each has its own blocks and those of its ancestors, which it began
/// with. Depth 3 makes 4 blocks of 103 bytes, depth 2 makes 3 of 102, and so on.
fn with_ancestors() -> BTreeMap<u64, u32> {
    [(412, 1), (412 + 306, 3), (412 + 306 + 202, 9), (412 + 306 + 202 + 100, 27)].into()
}

/// Another program in the same process is another recording; with children, so that it is one.
#[test]
fn exec_in_place() {
    let (ended, recorded) = {
        let program = children(&["exec"]);
        let (plain, traced) = (program.plain(), program.traced());
        assert_alike(&plain, &traced);
        let recorded = traced.recorded();
        (traced.with_status(0), recorded)
    };
    let mut parents = counted(&ended.stdout).filter(|(site, _)| *site == "site_parent");
    let (_, first) = parents.next().expect("the first program's");
    assert_eq!(recorded.site("site_parent"), first);
    assert_eq!(ended.recordings().len(), 1);

    let ended = children(&["exec"]).traced_with_children().with_status(0);
    let all: Vec<_> = counted(&ended.stdout).filter(|(site, _)| *site == "site_parent").collect();
    let files = ended.recordings();
    let names: Vec<_> = files.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    let first = format!("recording.{}", ended.id);
    assert_eq!(names, [first.clone(), format!("{first}.2"), format!("{first}.3")]);
    let found = ended.all_recorded();
    let found: Vec<_> = found.iter().map(|one| one.site("site_parent")).collect();
    assert_eq!(found, all.iter().map(|(_, numbers)| *numbers).collect::<Vec<_>>());
}
