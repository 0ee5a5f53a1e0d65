//! A test's numbers, and their source in a recording.

use mod_alloc::recording::model::{Group, Module, ROOTS, Recording, Site};
use serde::{Deserialize, Serialize};

/// The numbers of a test. In JSON those of a test that was not measured are null.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Nullable", into = "Nullable")]
pub(crate) struct Numbers {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    pub(crate) peak_bytes: u64,
    pub(crate) end_blocks: u64,
    pub(crate) end_bytes: u64,
    /// The test ran and was not measured: the other fields are 0 and mean nothing.
    pub(crate) is_unknown: bool,
}

/// The numbers in JSON.
#[derive(Serialize, Deserialize)]
struct Nullable {
    blocks: Option<u64>,
    bytes: Option<u64>,
    peak_bytes: Option<u64>,
    end_blocks: Option<u64>,
    end_bytes: Option<u64>,
}

impl From<Numbers> for Nullable {
    fn from(numbers: Numbers) -> Self {
        let known = |number: u64| (!numbers.is_unknown).then_some(number);
        Self {
            blocks: known(numbers.blocks),
            bytes: known(numbers.bytes),
            peak_bytes: known(numbers.peak_bytes),
            end_blocks: known(numbers.end_blocks),
            end_bytes: known(numbers.end_bytes),
        }
    }
}

impl From<Nullable> for Numbers {
    fn from(found: Nullable) -> Self {
        let known = || {
            Some(Self {
                blocks: found.blocks?,
                bytes: found.bytes?,
                peak_bytes: found.peak_bytes?,
                end_blocks: found.end_blocks?,
                end_bytes: found.end_bytes?,
                is_unknown: false,
            })
        };
        known().unwrap_or(Self::UNKNOWN)
    }
}

/// The group of a process's main thread, and the word that asks for it.
pub(crate) const MAIN: &str = "main";

/// Ranges of addresses as linked, start and end.
pub(crate) type Ranges = Vec<(u64, u64)>;

impl Numbers {
    /// Those of a test that was not measured.
    pub(crate) const UNKNOWN: Self =
        Self { blocks: 0, bytes: 0, peak_bytes: 0, end_blocks: 0, end_bytes: 0, is_unknown: true };

    pub(crate) fn of_group(group: &Group) -> Self {
        Self {
            blocks: group.total_blocks,
            bytes: group.total_bytes,
            peak_bytes: group.peak_bytes,
            end_blocks: group.end_blocks,
            end_bytes: group.end_bytes,
            is_unknown: false,
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

    pub(super) fn with_site(self, site: &Site) -> Self {
        let counters = &site.counters;
        Self {
            blocks: self.blocks.saturating_add(counters.total_blocks),
            bytes: self.bytes.saturating_add(counters.total_bytes),
            peak_bytes: self.peak_bytes.saturating_add(counters.peak_bytes),
            end_blocks: self.end_blocks.saturating_add(counters.end_blocks),
            end_bytes: self.end_bytes.saturating_add(counters.end_bytes),
            is_unknown: false,
        }
    }

    /// The lesser of each number.
    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            blocks: self.blocks.min(other.blocks),
            bytes: self.bytes.min(other.bytes),
            peak_bytes: self.peak_bytes.min(other.peak_bytes),
            end_blocks: self.end_blocks.min(other.end_blocks),
            end_bytes: self.end_bytes.min(other.end_bytes),
            is_unknown: false,
        }
    }

    /// With the numbers of one more test; of peaks, the higher: tests peak at different times. A
    /// test that was not measured adds nothing.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            blocks: self.blocks.saturating_add(other.blocks),
            bytes: self.bytes.saturating_add(other.bytes),
            peak_bytes: self.peak_bytes.max(other.peak_bytes),
            end_blocks: self.end_blocks.saturating_add(other.end_blocks),
            end_bytes: self.end_bytes.saturating_add(other.end_bytes),
            is_unknown: false,
        }
    }
}

/// Functions of a test program, as ranges. All are empty in a stripped program.
#[derive(Debug)]
pub(crate) struct Functions<'f> {
    /// Those before its `main`.
    pub(crate) start: &'f Ranges,
    /// Those that tests begin in.
    pub(crate) begin: &'f Ranges,
    /// Those of `std::thread`: whatever the global allocator is, they call malloc.
    pub(crate) threads: &'f Ranges,
}

/// True if code of the program allocated by `malloc` before any test began, as every harness does.
/// Else its global allocator is its own, and of that the recording has nothing. The C library's own
/// blocks, such as those of a thread's start, do not count. In a stripped program every block of
/// its code counts.
pub(crate) fn allocates_by_malloc(recording: &Recording, functions: &Functions<'_>) -> bool {
    let passed = passed(recording, functions.start, functions.begin);
    let bias = own_module(recording).map_or(0, |own| own.bias);
    recording.sites.iter().filter(|site| site.counters.total_blocks > 0).any(|site| {
        let index = site.frame as usize;
        let passed = passed.get(index).copied().unwrap_or_default();
        let is_harness = functions.start.is_empty() || passed.start && !passed.test;
        let is_known = caller(recording, site).is_some_and(|address| {
            let linked = address.wrapping_sub(bias).wrapping_sub(1);
            is_in(recording, address, &C_LIBRARY) || contains(functions.threads, linked)
        });
        is_harness && !is_known
    })
}

pub(super) fn own_module(recording: &Recording) -> Option<&Module> {
    recording.modules.iter().find(|module| module.path == recording.executable)
}

/// Begins of the names of the profiler's libraries, whose functions are innermost.
const PROFILER: [&str; 1] = ["libmod_alloc"];
/// Likewise of the C library's and the loader's.
const C_LIBRARY: [&str; 5] = ["libc.so", "libc-", "ld-", "libpthread", "libdl"];

/// The address that a site's block was asked for from; `None`: it has no stack.
fn caller(recording: &Recording, site: &Site) -> Option<u64> {
    let mut index = site.frame as usize;
    loop {
        let frame = recording.frames.get(index).filter(|_| index >= ROOTS)?;
        if !is_in(recording, frame.address, &PROFILER) {
            return Some(frame.address);
        }
        // Parents stand before their children, so this ends.
        index = Some(frame.parent as usize).filter(|parent| *parent < index)?;
    }
}

/// True if the code at `address` is in a library whose name begins so.
fn is_in(recording: &Recording, address: u64, names: &[&str]) -> bool {
    let is_there = |module: &&Module| (module.start..module.end).contains(&address);
    let module = recording.modules.iter().find(is_there);
    let name = module.and_then(|module| module.path.file_name()?.to_str());
    name.is_some_and(|name| names.iter().any(|start| name.starts_with(start)))
}

/// The kinds of functions that a stack passes through.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    start: bool,
    test: bool,
}

/// For each frame, the kinds that the stack from there outward passes through.
fn passed(recording: &Recording, start: &Ranges, test: &Ranges) -> Vec<Passed> {
    let own = own_module(recording);
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
    use mod_alloc::recording::model::{Counters, Frame};

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
    fn the_harness_s_blocks_tell_the_allocator_of_the_program() {
        let mut recording = recording();
        let mut c_library = Module::default();
        c_library.path = "/lib/libc.so.6".into();
        (c_library.start, c_library.end) = (0x9000, 0xa000);
        recording.modules.push(c_library);
        let (start, begin, none) = (vec![(0x100, 0x200)], vec![(0x200, 0x300)], Ranges::new());
        let of = |recording: &Recording, start: &Ranges, threads: &Ranges| {
            allocates_by_malloc(recording, &Functions { start, begin: &begin, threads })
        };
        let allocates = |recording: &Recording| of(recording, &start, &none);
        assert!(allocates(&recording));
        recording.sites = vec![site(5, 100)];
        assert!(allocates(&recording));
        assert!(!of(&recording, &start, &vec![(0x1ff, 0x200)]), "std's, of a thread");
        recording.sites = vec![site(6, 100)];
        assert!(!allocates(&recording), "a test's own, perhaps by C code");
        assert!(of(&recording, &none, &none), "stripped");
        recording.sites = vec![site(7, 1000), site(8, 10_000)];
        assert!(!allocates(&recording), "the C library's");
        assert!(!of(&recording, &none, &none), "stripped");
        let mut profiler = Module::default();
        profiler.path = "/lib/libmod_alloc_preload.so".into();
        (profiler.start, profiler.end) = (0xb000, 0xc000);
        recording.modules.push(profiler);
        recording.frames.extend([frame(8, 0xb100), frame(5, 0xb100)]); // 9, 10: malloc
        recording.sites = vec![site(9, 1)];
        assert!(!allocates(&recording), "the C library's call of the profiler's malloc");
        recording.sites = vec![site(10, 1)];
        assert!(allocates(&recording), "the harness's");
        recording.sites.clear();
        assert!(!allocates(&recording));
    }

    #[test]
    fn numbers_of_no_measurement_are_null() {
        let text = serde_json::to_string(&Numbers::UNKNOWN).unwrap();
        assert!(
            text.contains(r#""blocks":null"#) && text.contains(r#""end_bytes":null"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Numbers>(&text).unwrap(), Numbers::UNKNOWN);
        assert!(!serde_json::to_string(&Numbers::default()).unwrap().contains("null"));
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
        let all = |blocks, bytes, peak_bytes, end_blocks, end_bytes| Numbers {
            blocks,
            bytes,
            peak_bytes,
            end_blocks,
            end_bytes,
            is_unknown: false,
        };
        let one = all(1, 2, 30, 4, 5);
        let two = Numbers { peak_bytes: 20, ..one };
        let sum = all(2, 4, 30, 8, 10);
        assert_eq!(one.and(Numbers::UNKNOWN), one);
        assert_eq!(one.and(two), sum);
        assert_eq!(two.and(one), sum);
    }
}
