//! The allocators that are compared, and the workloads.

use crate::choices::Named;

/// A program that runs the workloads under one allocator.
#[derive(Debug, PartialEq)]
pub(crate) struct Allocator {
    /// What it is called on the command line and in tables.
    pub(crate) name: &'static str,
    /// File name of the program.
    pub(crate) program: &'static str,
    /// Settings beside the report's path.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// Why the program may not have been built.
    pub(crate) if_missing: &'static str,
    /// Whether it is compared unless other allocators are asked for.
    pub(crate) by_default: bool,
}

impl Named for Allocator {
    const KIND: &'static str = "allocator";

    fn name(&self) -> &'static str {
        self.name
    }
}

const NOT_BUILT: &str = "not built";

/// All allocators, in the order of the tables.
pub(crate) static ALLOCATORS: &[Allocator] = &[
    Allocator::new("plain", "bench-plain", &[]),
    Allocator::new("mod-alloc", "bench-mod-alloc", &[]),
    Allocator::new("counters", "bench-mod-alloc-counters", &[]),
    // dhat keeps ten frames unless told otherwise.
    Allocator::new("dhat", "bench-dhat", &[("DHAT_FRAMES", "10")]),
    Allocator { by_default: false, ..Allocator::new("dhat-whole", "bench-dhat", &[]) },
    Allocator::new("mod-alloc-1", "bench-mod-alloc-1", &[("MOD_ALLOC_BUCKETS", "1048576")]),
    // 4,096 call sites unless told otherwise.
    Allocator::new("mod-alloc-1-default", "bench-mod-alloc-1", &[]),
    Allocator {
        if_missing: "needs nightly",
        ..Allocator::new("heapscope", "bench-heapscope", &[])
    },
    Allocator {
        if_missing: "needs nightly",
        by_default: false,
        ..Allocator::new("heapscope-system", "bench-heapscope", &[("HEAPSCOPE_UNWINDER", "system")])
    },
];

/// Counts blocks and does nothing else; never compared.
pub(crate) static COUNTED: Allocator = Allocator::new("counted", "bench-counted", &[]);

/// The build that has frame pointers, without which mod-alloc 1.0.1 records no stack.
pub(crate) const FRAME_POINTERS: &str = "frame-pointers";

impl Allocator {
    const fn new(
        name: &'static str,
        program: &'static str,
        environment: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { name, program, environment, if_missing: NOT_BUILT, by_default: true }
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Workload {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    /// What happens in it.
    pub(crate) title: &'static str,
    /// What a number of it means.
    pub(crate) unit: Unit,
}

impl Named for Workload {
    const KIND: &'static str = "workload";

    fn name(&self) -> &'static str {
        self.name
    }
}

/// What a number means; all are nanoseconds inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds per allocation and free.
    Pair,
    /// A whole program, shown in milliseconds.
    Pass,
    /// Wall time per pair of all threads together, shown also as events per second.
    Shared,
    /// Instructions per pair, not time.
    Instructions,
    /// Memory, not time.
    Bytes,
}

impl Unit {
    /// In words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pair => "ns per pair",
            Self::Pass => "ns per pass",
            Self::Shared => "ns of wall time per pair of all threads",
            Self::Instructions => "instructions per pair",
            Self::Bytes => "bytes",
        }
    }
}

/// All workloads, in the order of the tables.
pub(crate) static WORKLOADS: &[Workload] = &[
    Workload::new("shallow", "one site, 64-byte blocks", Unit::Pair),
    Workload::new("deep32", "one site below 32 more frames, 64-byte blocks", Unit::Pair),
    Workload::new(
        "sites",
        "5,000 sites, 100,000 live blocks of 16 to 4,096 bytes, random order",
        Unit::Pair,
    ),
    Workload::new("sawtooth", "2,000 sites, a new heap peak in every pair", Unit::Pair),
    Workload::new("steady", "the same below a peak that lies behind", Unit::Pair),
    Workload::new("json", "serde_json: parse, walk and drop a document of 4 MB", Unit::Pass),
    Workload::new("syn", "syn: parse the sources of published crates", Unit::Pass),
    Workload::new("threads-1", "1 thread, 32 to 159 bytes, depth 0 to 10", Unit::Shared),
    Workload::new("threads-2", "2 threads, 32 to 159 bytes, depth 0 to 10", Unit::Shared),
    Workload::new("threads-4", "4 threads, 32 to 159 bytes, depth 0 to 10", Unit::Shared),
    Workload::new("threads-8", "8 threads, 32 to 159 bytes, depth 0 to 10", Unit::Shared),
    Workload::new("memory", "resident memory that a profiler adds", Unit::Bytes),
];

impl Workload {
    const fn new(name: &'static str, title: &'static str, unit: Unit) -> Self {
        Self { name, title, unit }
    }
}
