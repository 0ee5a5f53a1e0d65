use super::*;
use crate::recording::model::{
    Counters, Frame, Module, ROOT_BROKEN, ROOT_COMPLETE, ROOT_TRUNCATED, Site,
};
use crate::report::Profile;
use std::string::{String, ToString};
use std::vec;

/// This test program, as it is mapped. A position-independent executable's first segment is
/// linked at 0.
fn this_program() -> Module {
    let path = std::env::current_exe().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mine = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let ranges: Vec<(u64, u64)> = mine
        .map(|line| line.split_once(' ').unwrap().0.split_once('-').unwrap())
        .map(|(start, end)| (number(start), number(end)))
        .collect();
    let (start, end) = (ranges[0].0, ranges.last().unwrap().1);
    Module { path, start, end, bias: start, ..Module::default() }
}

#[inline(never)]
fn outer() -> u32 {
    std::hint::black_box(1)
}

#[inline(never)]
fn inner() -> u32 {
    std::hint::black_box(2)
}

// Functions of this crate: with trimming, the profiler's own.

/// The address that a call from the beginning of `function` would push.
fn within(function: fn() -> u32) -> u64 {
    function as usize as u64 + 2
}

/// Stacks through `inner` and `outer`, one through no module, the roots, and one whose frame
/// does not exist.
fn recording() -> Recording {
    let mut frames = vec![Frame::default(); ROOTS];
    let mut push = |parent, address| {
        frames.push(Frame { parent, generation: 0, address, group: 0 });
        u32::try_from(frames.len() - 1).unwrap()
    };
    let outer_complete = push(ROOT_COMPLETE, within(outer));
    let inner_complete = push(outer_complete, within(inner));
    let broken = push(ROOT_BROKEN, 0x10);
    let inner_truncated = push(ROOT_TRUNCATED, within(inner));
    let innermost = [inner_complete, broken, inner_truncated, outer_complete, 2, 0, 99];
    let site = |frame| Site { frame, counters: Counters::default() };
    let sites = innermost.into_iter().map(site).collect();
    Recording { modules: vec![this_program()], frames, sites, ..Recording::default() }
}

fn texts(names: &mut SiteNames, recording: &Recording, innermost: u32) -> Vec<String> {
    let ids = names.stack(recording, innermost);
    ids.iter().map(|&id| names.frame(id).unwrap().to_string()).collect()
}

#[test]
fn a_site_has_the_same_stack_as_in_a_profile() {
    let recording = recording();
    for trim in [true, false] {
        let options = Options { trim, ..Options::default() };
        let mut names = SiteNames::new(&recording, &options);
        // In another order than the profile's, so that nothing depends on what was before.
        for site in recording.sites.iter().rev() {
            let mut alone = recording.clone();
            alone.sites = vec![*site];
            let profile = Profile::from_recording(&alone, &options);
            let stack = profile.stacks().next().unwrap();
            let expected: Vec<String> = stack.frames().map(|frame| frame.to_string()).collect();
            assert_eq!(texts(&mut names, &recording, site.frame), expected);
        }
    }
}

#[test]
fn profiles_of_later_readings_are_as_if_made_alone() {
    let later = recording();
    let mut early = later.clone();
    early.modules.clear();
    early.sites.truncate(2);
    early.frames.truncate(ROOTS + 3);
    let options = Options { trim: false, ..Options::default() };
    let mut names = SiteNames::new(&early, &options);
    let lines = |profile: &Profile| -> Vec<Vec<String>> {
        let frames = |stack: crate::report::StackRef<'_>| {
            stack.frames().map(|frame| frame.to_string()).collect()
        };
        profile.stacks().map(frames).collect()
    };
    for recording in [&early, &later, &later] {
        let alone = lines(&Profile::from_recording(recording, &options));
        assert_eq!(names.with_profile(recording, lines), alone);
    }
}

#[test]
fn functions_are_named() {
    let recording = recording();
    let mut names = SiteNames::new(&recording, &Options { trim: false, ..Options::default() });
    let stack = names.stack(&recording, recording.sites[0].frame);
    let function = |id: &u32| names.frame(*id).and_then(|frame| frame.function()).unwrap();
    let functions: Vec<&str> = stack.iter().map(function).collect();
    // Functions inlined there come first.
    let place = |name| functions.iter().position(|function| function.ends_with(name));
    let (inner, outer) = (place("tests::inner"), place("tests::outer"));
    assert!(inner.is_some() && inner < outer, "{functions:?}");
    assert!(names.frame(1_000).is_none());
}

#[test]
#[cfg_attr(mod_alloc_portable, ignore = "there are no modules")]
fn later_readings_bring_more_frames_and_modules() {
    let later = recording();
    let mut early = later.clone();
    early.modules.clear();
    early.frames.truncate(ROOTS + 1);
    let mut names = SiteNames::new(&early, &Options { trim: false, ..Options::default() });
    let outer = u32::try_from(ROOTS).unwrap();
    assert!(texts(&mut names, &early, outer)[0].contains("??? (in ???)"));
    assert!(!names.update(&early));
    assert!(names.update(&later));
    let mut has =
        |node, name| texts(&mut names, &later, node).iter().any(|text| text.contains(name));
    assert!(has(outer, "tests::outer"));
    assert!(has(outer + 1, "tests::inner"));
    assert!(!names.update(&later));
}
