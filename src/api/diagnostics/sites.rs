//! The sites with the most live bytes, as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::base::units::{Bytes, blocks};
use crate::report::{FrameRef, Profile, StackRef};

/// The number of sites shown.
const SHOWN: usize = 10;
/// Callers in a line; the recursion of a parser would fill pages.
const CALLERS: usize = 5;

/// A line for each of the places with the most live bytes, and the number of places that have any.
/// Sites whose frames of the program are the same are one place.
pub(super) fn with_most_live(profile: &Profile) -> (String, usize) {
    let mut places: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for stack in profile.stacks().filter(|stack| stack.counters().end_bytes > 0) {
        let (bytes, count) = places.entry(label(&stack)).or_default();
        *bytes = bytes.saturating_add(stack.counters().end_bytes);
        *count = count.saturating_add(stack.counters().end_blocks);
    }
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|(_, (bytes, _))| core::cmp::Reverse(*bytes));
    let live: u64 = places.iter().map(|(_, (bytes, _))| bytes).sum();
    let mut text = String::new();
    for (rank, (label, (bytes, count))) in places.iter().take(SHOWN).enumerate() {
        let share = *bytes as f64 * 100.0 / live as f64;
        let (size, blocks) = (Bytes(*bytes), blocks(*count).to_string());
        let rank = rank + 1;
        // Writing to a string does not fail.
        let _ = writeln!(text, "{rank:>3}  {size:>8}  {share:>5.1} %  {blocks:>14}  {label}");
    }
    (text, places.len())
}

/// A site in few words: the innermost function of user code, and its callers.
fn label(stack: &StackRef<'_>) -> String {
    let telling = telling_frames(stack);
    let mut text = String::new();
    for (index, frame) in telling.iter().take(CALLERS + 1).enumerate() {
        if index > 0 {
            text.push_str(" ← ");
        }
        text.push_str(&function(frame));
        if index == 0
            && let (Some(file), Some(line)) = (frame.short_file(), frame.line())
        {
            let name = file.rsplit_once('/').map_or(file, |(_folders, name)| name);
            let _ = write!(text, " ({name}:{line})");
        }
    }
    if telling.len() > CALLERS + 1 {
        text.push_str(" ← …");
    }
    // Names come from files of unknown origin: characters that a terminal would act on are
    // replaced.
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The frames that identify the site: those of the program's own packages, without frames that have
/// no name. Where there are none, those of packages that it uses; if none would be left, fewer are
/// left out.
fn telling_frames<'p>(stack: &StackRef<'p>) -> Vec<FrameRef<'p>> {
    let is_named = |frame: &FrameRef<'_>| frame.function().is_some() || frame.note().is_some();
    let code = || stack.frames().filter(|frame| !frame.is_library());
    let mut own: Vec<FrameRef<'p>> = code().filter(|frame| !frame.is_dependency()).collect();
    // Where the program called a package, its name says for what.
    let is_called = |frame: &FrameRef<'p>| frame.is_dependency() && is_named(frame);
    if !own.iter().any(is_named) {
        own = code().collect();
    } else if let Some(called) = code().take_while(|frame| frame.is_dependency()).last()
        && is_called(&called)
    {
        own.insert(0, called);
    }
    if own.is_empty() {
        stack.frames().take(1).collect()
    } else if own.iter().any(is_named) {
        own.into_iter().filter(is_named).collect()
    } else {
        own
    }
}

/// A frame's name: its function, or its module and address, or the remark.
fn function(frame: &FrameRef<'_>) -> String {
    match (frame.note(), frame.function(), frame.module()) {
        (Some(note), ..) => note.into(),
        (_, Some(function), _) => function.into(),
        (_, _, Some(module)) => {
            let file = module.path.file_name().unwrap_or(module.path.as_os_str());
            std::format!("{}+{:#x}", file.to_string_lossy(), frame.address())
        }
        _ => frame.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::model::{Counters, Frame, ROOTS, Recording, Site};
    use crate::report::Options;
    use std::vec;

    /// A site for each number of live bytes, one frame deep, of no module.
    fn profile(live: &[u64]) -> Profile {
        let mut frames = vec![Frame::default(); ROOTS];
        let mut sites = Vec::new();
        for (index, &end_bytes) in live.iter().enumerate() {
            let address = 0x1000 * (index as u64 + 1);
            let innermost = frames.len() as u32;
            frames.push(Frame { parent: 0, generation: 0, address, group: 0 });
            let counters = Counters { end_bytes, end_blocks: 2, ..Counters::default() };
            sites.push(Site { frame: innermost, counters });
        }
        Profile::from_recording(
            &Recording { frames, sites, ..Recording::default() },
            &Options::default(),
        )
    }

    #[test]
    fn ten_sites_with_the_most_come_in_order() {
        let live: Vec<u64> = (0..12).map(|n| n * 1000).collect();
        let (text, places) = with_most_live(&profile(&live));
        assert_eq!(places, 11, "one has nothing live");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 10);
        assert!(lines[0].starts_with("  1  10.7 KiB   16.7 %        2 blocks  0xc000"), "{text}");
        assert!(lines[9].starts_with(" 10  1.95 KiB    3.0 %        2 blocks  0x3000"), "{text}");
    }

    /// Two stacks that differ further out than a line shows.
    #[test]
    fn no_two_lines_are_alike() {
        let mut frames = vec![Frame::default(); ROOTS];
        let mut sites = Vec::new();
        for outermost in [0x9000, 0xa000] {
            let mut parent = 0;
            for address in [outermost, 6, 5, 4, 3, 2, 1] {
                let frame = Frame { parent, generation: 0, address, group: 0 };
                parent = frames.len() as u32;
                frames.push(frame);
            }
            let counters = Counters { end_bytes: 1024, end_blocks: 1, ..Counters::default() };
            sites.push(Site { frame: parent, counters });
        }
        let recording = Recording { frames, sites, ..Recording::default() };
        let profile = Profile::from_recording(&recording, &Options::default());
        assert_eq!(profile.stacks().len(), 2);
        let (text, places) = with_most_live(&profile);
        assert_eq!((places, text.lines().count()), (1, 1), "{text}");
        assert!(
            text.starts_with("  1  2.00 KiB  100.0 %        2 blocks  0x1: ??? (in ???) ← 0x2"),
            "{text}"
        );
    }

    #[test]
    fn nothing_live_is_no_line() {
        assert_eq!(with_most_live(&profile(&[0, 0])), (String::new(), 0));
    }
}
