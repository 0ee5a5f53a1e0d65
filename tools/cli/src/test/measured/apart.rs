//! Blocks of a test program that belong to no test: of its harness, of panics, and of what is set up
//! once, which falls on whichever test comes first.

use std::collections::BTreeMap;

use mod_alloc::recording::model::{ROOTS, Recording};
use serde::{Deserialize, Serialize};

use super::numbers::{Numbers, Ranges, own_module};

/// The part of a test program that a block belongs to, if it is no test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Apart {
    /// Set-up that tests share: initialized by `Once` and its kin.
    Once,
    /// Messages of panics, and backtraces with all that is read for their names.
    Panic,
    Harness,
}

impl Apart {
    pub(crate) const ALL: [Self; 3] = [Apart::Once, Apart::Panic, Apart::Harness];

    /// Its row's name: in brackets, as no test's is.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Apart::Once => "[once]",
            Apart::Panic => "[panic]",
            Apart::Harness => "[harness]",
        }
    }

    /// The part that a function begins, by its demangled name. A function that is generic is
    /// compiled into each program, the others are std's own.
    pub(crate) fn of_function(name: &str) -> Option<Self> {
        const ONCE: [&str; 4] = [
            "std::sys::sync::once::",
            "once_cell::imp::",
            "parking_lot::once::Once::call",
            "spin::once::Once",
        ];
        const PANIC: [&str; 6] = [
            "std::panicking::default_hook",
            "std::backtrace::",
            "std::backtrace_rs::",
            "std::sys::backtrace::",
            "backtrace::capture::",
            "backtrace::symbolize::",
        ];
        // Of std's module; in a test's way there is nothing else of it.
        const NO_PANIC: &str = "short_backtrace";
        let name = name.trim_start_matches('<');
        let begins = |all: &[&str]| all.iter().any(|start| name.starts_with(start));
        if begins(&ONCE) {
            Some(Apart::Once)
        } else if begins(&PANIC) && !name.contains(NO_PANIC) {
            Some(Apart::Panic)
        } else if name.starts_with("test::") {
            Some(Apart::Harness)
        } else {
            None
        }
    }
}

/// The functions that tell what a block belongs to; the innermost of them decides.
#[derive(Debug)]
pub(crate) struct Deciding<'f> {
    /// Those that tests begin in.
    pub(crate) begin: &'f Ranges,
    /// Those before the program's `main`.
    pub(crate) start: &'f Ranges,
    pub(crate) apart: &'f [(Apart, (u64, u64))],
}

/// A decision: what blocks below a function belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belongs {
    Apart(Apart),
    Test,
}

/// The numbers of each part that has any blocks. A peak is the part's share of the whole heap's.
pub(crate) fn of(recording: &Recording, functions: &Deciding<'_>) -> BTreeMap<Apart, Numbers> {
    let belongs = decided(recording, functions);
    let mut found = BTreeMap::new();
    for site in recording.sites.iter().filter(|site| site.counters.total_blocks > 0) {
        if let Some(Some(Belongs::Apart(part))) = belongs.get(site.frame as usize) {
            let numbers: &mut Numbers = found.entry(*part).or_default();
            *numbers = numbers.with_site(site);
        }
    }
    found
}

/// For each frame, what the stack from there outward belongs to.
fn decided(recording: &Recording, functions: &Deciding<'_>) -> Vec<Option<Belongs>> {
    let own = own_module(recording);
    let sorted = sorted(functions);
    let mut all: Vec<Option<Belongs>> = vec![None; recording.frames.len()];
    for (index, frame) in recording.frames.iter().enumerate().skip(ROOTS) {
        let outer = all.get(frame.parent as usize).copied().flatten();
        let own = own.filter(|own| (own.start..own.end).contains(&frame.address));
        let here = own.and_then(|own| {
            // A return address lies behind its call.
            let linked = frame.address.wrapping_sub(own.bias).wrapping_sub(1);
            let at = sorted.partition_point(|(start, ..)| *start <= linked).checked_sub(1)?;
            sorted.get(at).filter(|(_, end, _)| linked < *end).map(|(.., belongs)| *belongs)
        });
        all[index] = here.or(outer);
    }
    all
}

fn sorted(functions: &Deciding<'_>) -> Vec<(u64, u64, Belongs)> {
    let harness = functions.start.iter().map(|range| (range, Belongs::Apart(Apart::Harness)));
    let apart = functions.apart.iter().map(|(part, range)| (range, Belongs::Apart(*part)));
    let tests = functions.begin.iter().map(|range| (range, Belongs::Test));
    let all = harness.chain(apart).chain(tests);
    let mut all: Vec<_> = all.map(|(&(start, end), belongs)| (start, end, belongs)).collect();
    all.sort_by_key(|(start, ..)| *start);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use mod_alloc::recording::model::{Counters, Frame, Module, Site};

    #[test]
    fn functions_are_told_by_their_names() {
        for (name, expected) in [
            ("std::sys::sync::once::futex::Once::call", Some(Apart::Once)),
            ("<std::sys::sync::once::futex::Once>::call", Some(Apart::Once)),
            ("once_cell::imp::initialize_or_wait", Some(Apart::Once)),
            ("std::panicking::default_hook::{{closure}}", Some(Apart::Panic)),
            ("<std::backtrace::Backtrace as core::fmt::Display>::fmt", Some(Apart::Panic)),
            ("std::sys::backtrace::__rust_begin_short_backtrace", None),
            ("std::sys::backtrace::BacktraceLock::print", Some(Apart::Panic)),
            ("test::run_test::{{closure}}", Some(Apart::Harness)),
            ("my_crate::once::Once::call", None),
            ("std::panicking::begin_panic", None),
        ] {
            assert_eq!(Apart::of_function(name), expected, "{name}");
        }
    }

    #[test]
    fn the_innermost_function_decides() {
        let mut recording = Recording::default();
        recording.executable = "/t".into();
        let mut module = Module::default();
        module.path = "/t".into();
        (module.start, module.end, module.bias) = (0x1000, 0x2000, 0x1000);
        recording.modules = vec![module];
        recording.frames = vec![Frame::default(); ROOTS];
        let frame = |parent, address| Frame { parent, generation: 0, address, group: 0 };
        recording.frames.extend([
            frame(0, 0x1110), // 4: main
            frame(4, 0x1210), // 5: the harness
            frame(5, 0x1310), // 6: a test begins
            frame(6, 0x1410), // 7: a panic
            frame(7, 0x1510), // 8: once
            frame(0, 0x1610), // 9: a thread
        ]);
        let site = |frame, bytes| {
            let counters = Counters { total_bytes: bytes, total_blocks: 1, ..Counters::default() };
            Site { frame, counters }
        };
        recording.sites = (4..10).map(|frame| site(frame, 1 << frame)).collect();
        let apart = [
            (Apart::Once, (0x500, 0x600)),
            (Apart::Panic, (0x400, 0x500)),
            (Apart::Harness, (0x200, 0x300)),
        ];
        let (begin, start) = (vec![(0x300, 0x400)], vec![(0x100, 0x200)]);
        let found = of(&recording, &Deciding { begin: &begin, start: &start, apart: &apart });
        let bytes: Vec<_> = found.iter().map(|(part, numbers)| (*part, numbers.bytes)).collect();
        let harness = (1 << 4) + (1 << 5);
        assert_eq!(
            bytes,
            [(Apart::Once, 1 << 8), (Apart::Panic, 1 << 7), (Apart::Harness, harness)]
        );
    }
}
