//! A test's numbers, and their source in a recording.

use mod_alloc::recording::model::{Group, ROOTS, Recording, Site};
use serde::{Deserialize, Serialize};

/// The numbers of a test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) end_blocks: u64,
    pub(crate) end_bytes: u64,
}

/// The group of a process's main thread, and the word that asks for it.
pub(crate) const MAIN: &str = "main";

/// Ranges of addresses as linked, start and end.
pub(crate) type Ranges = Vec<(u64, u64)>;

impl Numbers {
    pub(crate) fn of_group(group: &Group) -> Self {
        Self {
            blocks: group.total_blocks,
            bytes: group.total_bytes,
            peak_bytes: group.peak_bytes,
            end_blocks: group.end_blocks,
            end_bytes: group.end_bytes,
        }
    }

    /// Of a whole process.
    pub(crate) fn of_process(recording: &Recording) -> Self {
        recording.sites.iter().fold(Self::default(), Self::with_site)
    }

    /// Of a process whose main thread runs a test inside its `main`: without what the runtime
    /// allocates on the way there. `start` are the functions that `main` is called from, `test`
    /// those that belong to the test.
    ///
    /// The peak is that of the main thread's group if there is one. Else it is at least what is
    /// counted at the moment of the whole heap's peak, at the end, and of any one site at its own.
    pub(crate) fn of_main(recording: &Recording, start: &Ranges, test: &Ranges) -> Self {
        let passed = passed(recording, start, test);
        let is_test = |site: &&Site| {
            let passed = passed.get(site.frame as usize).copied().unwrap_or_default();
            passed.test || !passed.start
        };
        if let Some(main) = recording.groups.iter().find(|group| group.name == MAIN) {
            return Self::of_group(main);
        }
        let counted = || recording.sites.iter().filter(is_test);
        let sum = counted().fold(Self::default(), Self::with_site);
        let alone = counted().map(|site| site.counters.max_bytes).max().unwrap_or_default();
        Self { peak_bytes: sum.peak_bytes.max(sum.end_bytes).max(alone), ..sum }
    }

    fn with_site(self, site: &Site) -> Self {
        let counters = &site.counters;
        Self {
            blocks: self.blocks.saturating_add(counters.total_blocks),
            bytes: self.bytes.saturating_add(counters.total_bytes),
            peak_bytes: self.peak_bytes.saturating_add(counters.peak_bytes),
            end_blocks: self.end_blocks.saturating_add(counters.end_blocks),
            end_bytes: self.end_bytes.saturating_add(counters.end_bytes),
        }
    }

    /// With the numbers of one more test; of peaks, the higher: tests peak at different times.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            blocks: self.blocks.saturating_add(other.blocks),
            bytes: self.bytes.saturating_add(other.bytes),
            peak_bytes: self.peak_bytes.max(other.peak_bytes),
            end_blocks: self.end_blocks.saturating_add(other.end_blocks),
            end_bytes: self.end_bytes.saturating_add(other.end_bytes),
        }
    }
}

/// The kinds of functions that a stack passes through.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    start: bool,
    test: bool,
}

/// For each frame, the kinds that the stack from there outward passes through.
fn passed(recording: &Recording, start: &Ranges, test: &Ranges) -> Vec<Passed> {
    let own = recording.modules.iter().find(|module| module.path == recording.executable);
    let mut all: Vec<Passed> = vec![Passed::default(); recording.frames.len()];
    for (index, frame) in recording.frames.iter().enumerate().skip(ROOTS) {
        let mut passed = all.get(frame.parent as usize).copied().unwrap_or_default();
        if let Some(own) = own.filter(|own| (own.start..own.end).contains(&frame.address)) {
            // A return address lies behind its call.
            let linked = frame.address.wrapping_sub(own.bias).wrapping_sub(1);
            passed.start |= contains(start, linked);
            passed.test |= contains(test, linked);
        }
        all[index] = passed;
    }
    all
}

fn contains(ranges: &Ranges, address: u64) -> bool {
    ranges.iter().any(|&(start, end)| (start..end).contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mod_alloc::recording::model::{Counters, Frame, Module};

    fn site(frame: u32, bytes: u64) -> Site {
        let counters = Counters {
            total_bytes: bytes,
            total_blocks: 1,
            peak_bytes: bytes,
            end_bytes: bytes / 2,
            end_blocks: 1,
            ..Counters::default()
        };
        Site { frame, counters }
    }

    fn frame(parent: u32, address: u64) -> Frame {
        Frame { parent, generation: 0, address, group: 0 }
    }

    /// main at 0x100..0x200, the test at 0x200..0x300; loaded 0x1000 higher.
    fn recording() -> Recording {
        let mut module = Module::default();
        module.path = "/t".into();
        (module.start, module.end, module.bias) = (0x1000, 0x2000, 0x1000);
        let mut recording = Recording::default();
        recording.executable = "/t".into();
        recording.modules = vec![module];
        recording.frames = vec![Frame::default(); ROOTS];
        recording.frames.extend([
            frame(0, 0x1150), // 4: main
            frame(4, 0x1200), // 5: still main: a call that returns behind its last byte
            frame(5, 0x1300), // 6: the test's last byte
            frame(0, 0x9150), // 7: a thread, in another module
            frame(4, 0x9250), // 8: a library below main
        ]);
        recording.sites =
            vec![site(4, 1), site(5, 10), site(6, 100), site(7, 1000), site(8, 10_000)];
        recording
    }

    #[test]
    fn what_the_runtime_allocates_before_the_test_is_not_counted() {
        let numbers = Numbers::of_main(&recording(), &vec![(0x100, 0x200)], &vec![(0x200, 0x300)]);
        assert_eq!((numbers.bytes, numbers.blocks), (1100, 2));
        assert_eq!((numbers.peak_bytes, numbers.end_bytes, numbers.end_blocks), (1100, 550, 2));
    }

    #[test]
    fn a_peak_below_that_of_the_runtime_is_not_lost() {
        let mut recording = recording();
        for site in &mut recording.sites {
            site.counters.peak_bytes = 0;
            site.counters.max_bytes = site.counters.total_bytes;
        }
        let (start, test) = (vec![(0x100, 0x200)], vec![(0x200, 0x300)]);
        assert_eq!(Numbers::of_main(&recording, &start, &test).peak_bytes, 1000);
        let mut main = Group::default();
        (main.name, main.peak_bytes) = (MAIN.into(), 7);
        recording.groups.push(main);
        assert_eq!(Numbers::of_main(&recording, &start, &test).peak_bytes, 7);
    }

    #[test]
    fn a_process_is_all_its_sites() {
        assert_eq!(Numbers::of_process(&recording()).bytes, 11_111);
        assert_eq!(Numbers::of_process(&Recording::default()), Numbers::default());
    }

    #[test]
    fn a_damaged_recording_counts_what_it_has() {
        let mut recording = recording();
        recording.sites.push(site(4_000_000, 7));
        recording.frames.truncate(6);
        let numbers = Numbers::of_main(&recording, &vec![(0x100, 0x200)], &vec![]);
        assert_eq!(numbers.bytes, 100 + 1000 + 10_000 + 7);
    }

    #[test]
    fn of_peaks_the_highest_counts() {
        let one = Numbers { blocks: 1, bytes: 2, peak_bytes: 30, end_blocks: 4, end_bytes: 5 };
        let two = Numbers { peak_bytes: 20, ..one };
        let sum = Numbers { blocks: 2, bytes: 4, peak_bytes: 30, end_blocks: 8, end_bytes: 10 };
        assert_eq!(one.and(two), sum);
        assert_eq!(two.and(one), sum);
    }
}
