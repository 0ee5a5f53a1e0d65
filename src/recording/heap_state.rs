//! The figures of an allocator and of a process, as plain data.

use core::fmt::{self, Display};

use crate::base::units::{Bytes, Count, bytes};

/// An allocator whose figures can be read.
///
/// ```
/// use mod_alloc::heap_state::Allocator;
/// assert_eq!(Allocator::of_name("glibc"), Some(Allocator::Glibc));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Allocator {
    /// jemalloc, by way of `tikv-jemalloc-sys`.
    Jemalloc,
    /// mimalloc, by way of `libmimalloc-sys`.
    Mimalloc,
    /// The C library's own, where that is glibc.
    Glibc,
}

impl Allocator {
    const ALL: [Allocator; 3] = [Allocator::Jemalloc, Allocator::Mimalloc, Allocator::Glibc];

    /// Its name in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Allocator::Jemalloc => "jemalloc",
            Allocator::Mimalloc => "mimalloc",
            Allocator::Glibc => "glibc",
        }
    }

    /// The allocator that has this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|allocator| allocator.name() == name)
    }

    /// Its number in recordings, where 0 is none.
    #[cfg(feature = "backtraces")]
    pub(crate) fn code(self) -> u32 {
        match self {
            Allocator::Jemalloc => 1,
            Allocator::Mimalloc => 2,
            Allocator::Glibc => 3,
        }
    }

    /// The allocator that has this number in recordings.
    #[cfg(feature = "backtraces")]
    pub(crate) fn of_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|allocator| allocator.code() == code)
    }
}

/// An allocator's figures at one moment, made by [`collect`](crate::heap_state::collect). The
/// [table](crate::heap_state#the-figures) says where each figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapState {
    /// Whose figures these are.
    pub allocator: Allocator,
    /// Bytes in blocks that the program has.
    pub allocated: Option<u64>,
    /// Bytes in pages that hold such blocks.
    pub active: Option<u64>,
    /// Bytes in pages that may have memory behind them.
    pub resident: Option<u64>,
    /// Bytes of address space in use.
    pub mapped: Option<u64>,
    /// Bytes kept for later.
    pub retained: Option<u64>,
    /// The number of arenas.
    pub arenas: Option<u64>,
    /// The process's own figures, from the kernel.
    pub process: ProcessMemory,
}

/// `glibc: allocated 5.39 MiB, held 5.40 MiB; process 6.70 MiB`, of the figures that are known.
/// `{:#}` has bytes in full, and a line for each figure.
impl Display for HeapState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.allocator.name())?;
        let process = self.process.resident;
        if !f.alternate() {
            let mut separator = ": ";
            for (name, figure) in [("allocated", self.allocated), ("held", self.held())] {
                let Some(figure) = figure else { continue };
                write!(f, "{separator}{name} {}", Bytes(figure))?;
                separator = ", ";
            }
            return process.map_or(Ok(()), |process| write!(f, "; process {}", Bytes(process)));
        }
        let figures = [
            ("allocated", self.allocated),
            ("active", self.active),
            ("resident", self.resident),
            ("mapped", self.mapped),
            ("retained", self.retained),
            ("process", process),
        ];
        let known = figures.into_iter().filter_map(|(name, figure)| Some((name, figure?)));
        for (name, figure) in known {
            write!(f, "\n  {name}: {}", bytes(figure))?;
        }
        self.arenas.map_or(Ok(()), |arenas| write!(f, "\n  arenas: {}", Count(arenas)))
    }
}

/// The allocator's [`name`](Self::name).
impl Display for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The memory of the process, as the kernel says; see [`process`](crate::heap_state::process).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProcessMemory {
    /// Bytes of memory that the process has now: code, stacks, files mapped and the profiler's own
    /// tables included (`/proc/self/statm`).
    pub resident: Option<u64>,
    /// The most that it ever had (`VmHWM` of `/proc/self/status`).
    pub peak_resident: Option<u64>,
    /// The part of `resident` that is of no file and shared with no process: heaps, stacks,
    /// variables (`/proc/self/statm`, resident less shared).
    pub anonymous: Option<u64>,
}

impl HeapState {
    /// A state of which nothing is known yet.
    #[must_use]
    pub fn of(allocator: Allocator) -> Self {
        HeapState {
            allocator,
            allocated: None,
            active: None,
            resident: None,
            mapped: None,
            retained: None,
            arenas: None,
            process: ProcessMemory::default(),
        }
    }

    /// Bytes of the kernel's memory that the allocator holds: `resident` if it knows that, else
    /// `active`, else `mapped`.
    #[must_use]
    pub fn held(&self) -> Option<u64> {
        self.resident.or(self.active).or(self.mapped)
    }

    /// The fragmentation, if the program has `requested` bytes live, as it asked for them.
    ///
    /// ```
    /// # fn show(state: &mod_alloc::heap_state::HeapState, requested: u64) {
    /// let lost = state.fragmentation(requested);
    /// if let Some(share) = lost.overall {
    ///     println!("{:.1} % of what the allocator holds is not the program's", share * 100.0);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn fragmentation(&self, requested: u64) -> Fragmentation {
        Fragmentation {
            rounding: lost(Some(requested), self.allocated),
            in_pages: lost(self.allocated, self.active),
            idle_pages: lost(self.active, self.resident),
            overall: lost(Some(requested), self.held()),
        }
    }
}

/// The share of what each layer gave that the layer above did not use: 0 is none, 1 is all of it; 0
/// also where the layer above has more than the one below, as when blocks are untouched or of
/// another allocator. `None` where one of the two is not known, or nothing was given.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Fragmentation {
    /// `1 - requested / allocated`: what blocks have beyond what was asked for.
    pub rounding: Option<f64>,
    /// `1 - allocated / active`: gaps between blocks.
    pub in_pages: Option<f64>,
    /// `1 - active / resident`: pages without blocks that were not given back, and the allocator's
    /// books.
    pub idle_pages: Option<f64>,
    /// `1 - requested /` [`held`](HeapState::held): all of it together.
    pub overall: Option<f64>,
}

/// `1 - used / given`.
fn lost(used: Option<u64>, given: Option<u64>) -> Option<f64> {
    let (used, given) = (used?, given.filter(|given| *given > 0)?);
    Some(1.0 - used.min(given) as f64 / given as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> HeapState {
        HeapState {
            allocated: Some(200),
            active: Some(400),
            resident: Some(500),
            mapped: Some(1000),
            ..HeapState::of(Allocator::Jemalloc)
        }
    }

    #[test]
    fn fragmentation_is_what_the_layer_above_does_not_use() {
        let lost = state().fragmentation(150);
        assert_eq!(lost.rounding, Some(0.25));
        assert_eq!(lost.in_pages, Some(0.5));
        assert!((lost.idle_pages.unwrap() - 0.2).abs() < 1e-9);
        assert!((lost.overall.unwrap() - 0.7).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_known_is_no_zero() {
        let glibc = HeapState { mapped: Some(300), ..HeapState::of(Allocator::Glibc) };
        assert_eq!(glibc.held(), Some(300));
        let lost = glibc.fragmentation(600);
        assert_eq!((lost.rounding, lost.in_pages, lost.idle_pages), (None, None, None));
        assert_eq!(lost.overall, Some(0.0));
        assert_eq!(HeapState::of(Allocator::Glibc).fragmentation(1), Fragmentation::default());
        let active = HeapState { active: Some(8), ..glibc };
        assert_eq!(active.held(), Some(8));
    }

    #[test]
    fn a_state_is_a_line_of_what_is_known_and_in_full_a_list() {
        let process = ProcessMemory { resident: Some(2048), ..ProcessMemory::default() };
        let state = HeapState { arenas: Some(1000), process, ..state() };
        assert_eq!(
            std::format!("{state}"),
            "jemalloc: allocated 200 B, held 500 B; process 2.00 KiB"
        );
        let in_full = [
            "jemalloc",
            "allocated: 200 bytes",
            "active: 400 bytes",
            "resident: 500 bytes",
            "mapped: 1,000 bytes",
            "process: 2,048 bytes",
            "arenas: 1,000",
        ];
        assert_eq!(std::format!("{state:#}"), in_full.join("\n  "));
        let unknown = HeapState::of(Allocator::Glibc);
        assert_eq!(
            std::format!("{unknown}|{unknown:#}|{:>6}", unknown.allocator),
            "glibc|glibc| glibc"
        );
        let held = HeapState { mapped: Some(7), ..unknown };
        assert_eq!(std::format!("{held}"), "glibc: held 7 B");
    }

    #[cfg(feature = "backtraces")]
    #[test]
    fn what_is_no_allocators_code_is_none() {
        for known in Allocator::ALL {
            assert_eq!(Allocator::of_code(known.code()), Some(known));
        }
        assert_eq!((Allocator::of_code(0), Allocator::of_code(4)), (None, None));
    }
}
