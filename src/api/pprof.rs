//! Profiles in pprof's format, made by the program itself: for `go tool pprof`, Parca, Pyroscope,
//! Grafana Alloy and the like, served by the program's own HTTP server.
//!
//! A profile has the four sample types of Go's heap profiles: `alloc_objects`, `alloc_space`,
//! `inuse_objects` and `inuse_space`, the period type `space/bytes`, the mappings of the program's
//! files with their build ids, and the name of an allocation group as the label `group`. With
//! [sampling](crate#sampling), the numbers are estimates already, and the period is the mean gap.
//!
//! | path that collectors ask for | body |
//! |---|---|
//! | `/debug/pprof/allocs` | [`allocs`] |
//! | `/debug/pprof/heap` | [`heap`] |
//! | `/debug/pprof/delta_heap` | [`delta()`], or a [`Delta`] for each collector |
//!
//! The body is gzipped as it is: send it as `application/octet-stream`, without a
//! `Content-Encoding`. Making a profile takes a thread's time: call these functions where a thread
//! may be busy for a while, and not in an asynchronous task.
//!
//! # With axum
//!
#![doc = include_str!("pprof/axum.md")]
//!
//! # With hyper
//!
#![doc = include_str!("pprof/hyper.md")]
//!
//! # Price
//!
//! A profile is made in memory of the profiler's own, which the kernel has back at the end; it is
//! no part of the program's own profile. Only the returned bytes are the program's. With
//! [`symbols(false)`](Options::symbols) a profile of 10,000 call sites takes less than 8 MiB, and
//! 0.3 s in an unoptimized build. Names take as long as a report, which reads the program's debug
//! information, each time anew.
//!
//! Collectors refuse profiles of more than 16,000 samples, or 4 MiB before compression. So a
//! profile has the largest call sites up to these bounds, and one sample `(other)` for the rest:
//! sums are those of all.

use std::io;
use std::string::String;
use std::time::{SystemTime, UNIX_EPOCH};
use std::vec::Vec;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::api::own_recording::{self, with_report_memory};
use crate::base::current::{add_profiler_bytes, as_profiler};
use crate::engine::session;
use crate::recording::model::Recording;
use crate::report::pprof::{Encoder, Metric, Named, Totals, Unnamed, head, name_program, write};
use crate::report::{self, Profile};

mod delta;

pub use delta::{Delta, delta};

/// Most samples of a profile; one more stands for all others.
const MOST_SAMPLES: usize = 15_000;

/// A profile of all allocations so far, which readers open at the allocated bytes. Without a
/// recording it has no samples.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// let profile = mod_alloc::pprof::allocs();
/// assert!(profile.starts_with(&[0x1f, 0x8b]), "gzip");
/// # }
/// ```
#[must_use]
pub fn allocs() -> Vec<u8> {
    Options::new().allocs()
}

/// As [`allocs`], opened at the live bytes.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() -> std::io::Result<()> {
/// # let folder = std::env::temp_dir();
/// # let path = folder.join(format!("mod-alloc-heap-{}.pb.gz", std::process::id()));
/// std::fs::write(&path, mod_alloc::pprof::heap())?;
/// // go tool pprof -top heap.pb.gz
/// # std::fs::remove_file(&path)
/// # }
/// ```
#[must_use]
pub fn heap() -> Vec<u8> {
    Options::new().heap()
}

/// The content of a profile.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// use mod_alloc::pprof::Options;
///
/// // For a collector that has the program's debug information.
/// let profile = Options::new().symbols(false).top(1000).heap();
/// # assert!(!profile.is_empty());
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Options {
    symbols: bool,
    top: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// With names, and with the 15,000 largest call sites.
    ///
    /// ```
    /// assert_eq!(mod_alloc::pprof::Options::new(), Default::default());
    /// ```
    pub const fn new() -> Self {
        Self { symbols: true, top: MOST_SAMPLES }
    }

    /// `false`: the profile has addresses and build ids alone, and the collector looks up
    /// functions, files and lines. No debug information is read. Stacks have the profiler's
    /// own frames at the inner end of stacks.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let profile = mod_alloc::pprof::Options::new().symbols(false).allocs();
    /// # assert!(!profile.is_empty());
    /// # }
    /// ```
    pub const fn symbols(self, symbols: bool) -> Self {
        Self { symbols, ..self }
    }

    /// At most this many call sites, those with the most bytes; 15,000 is the most. All others are
    /// one sample, `(other)`.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let profile = mod_alloc::pprof::Options::new().top(100).heap();
    /// # assert!(!profile.is_empty());
    /// # }
    /// ```
    pub const fn top(self, top: usize) -> Self {
        Self { top: if top < MOST_SAMPLES { top } else { MOST_SAMPLES }, ..self }
    }

    /// As [`allocs`](allocs()), with these options.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let profile = mod_alloc::pprof::Options::new().top(100).allocs();
    /// # assert!(!profile.is_empty());
    /// # }
    /// ```
    #[must_use]
    pub fn allocs(self) -> Vec<u8> {
        self.made(Metric::Total, &mut |recording| recording.end_micros)
    }

    /// As [`heap`](heap()), with these options.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let profile = mod_alloc::pprof::Options::new().symbols(false).heap();
    /// # assert!(!profile.is_empty());
    /// # }
    /// ```
    #[must_use]
    pub fn heap(self) -> Vec<u8> {
        self.made(Metric::Live, &mut |recording| recording.end_micros)
    }

    /// The profile. `change` changes what is recorded before it is encoded, and returns the time
    /// that the totals are of, in microseconds.
    fn made(self, metric: Metric, change: &mut dyn FnMut(&mut Recording) -> u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        with_report_memory(&mut || {
            let mut recording = own_recording::recording(session::get());
            let micros = change(&mut recording);
            // Writing to memory does not fail.
            let made = self.encoded(metric, recording, micros).unwrap_or_default();
            bytes = as_profiler(|| made.clone());
        });
        // They are the program's from now on.
        add_profiler_bytes(-(bytes.capacity() as i64));
        bytes
    }

    fn encoded(self, metric: Metric, mut recording: Recording, micros: u64) -> io::Result<Vec<u8>> {
        let others = self.leave_largest(metric, &mut recording);
        let mut encoder = Encoder::default();
        head(metric, recording.sampling.map_or(1, |sampling| sampling.mean_gap), &mut encoder);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(0);
        encoder.times(now, micros.saturating_mul(1000));
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        if self.symbols {
            let profile = Profile::from_recording(&recording, &report::Options::default());
            name_program(&recording, &mut encoder);
            let mut stacks = Named::new(&profile);
            write(metric, self.top, others, &mut stacks, &mut encoder, &mut out)?;
        } else {
            let maps = std::fs::read("/proc/self/maps").unwrap_or_default();
            let mut stacks = Unnamed::new(&recording, &String::from_utf8_lossy(&maps));
            stacks.name_program(&mut encoder);
            write(metric, self.top, others, &mut stacks, &mut encoder, &mut out)?;
        }
        encoder.finish(&mut out)?;
        out.finish()
    }

    /// Leaves the largest call sites in `recording`, so that no others are named, and returns what
    /// the others have.
    fn leave_largest(self, metric: Metric, recording: &mut Recording) -> Totals {
        let mut others = Totals::default();
        let sites = &mut recording.sites;
        if sites.len() > self.top {
            sites.sort_unstable_by_key(|site| {
                let bytes = Totals::of(&site.counters).bytes(metric);
                (core::cmp::Reverse(bytes), site.frame)
            });
            let left_out = sites.drain(self.top..);
            left_out.for_each(|site| others.add(Totals::of(&site.counters)));
            recording.moments = Default::default();
        }
        others
    }
}
