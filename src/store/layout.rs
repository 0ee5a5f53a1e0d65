//! The recording: one mapping, its regions, and the words of its header.
//!
//! In a file or in anonymous memory the bytes are the same. A file has the size of all its regions
//! and is sparse: the profiler touches a part only after reserving space for it (see
//! [`super::space`]). All numbers are in the machine's byte order; all regions begin at a multiple
//! of 64 bytes, at the offset that the header's table of regions gives.
//!
//! ```text
//! offset  0  magic "modalloc"                                              8 bytes
//!         8  version (u32), header's size (u32)
//!        16  regions: (offset u64, entries u64) for each of Region, in that order
//!       192  process: pid u32, unwind u32, frames u32, buckets u32 (0: grows), … (Process)
//!       320  heap                      (crate::store::peak::Heap, 256 bytes)
//!       576  frames' head, sites' head (64 bytes each)
//!       704  losses                    (Losses, 64 bytes)
//!       768  self-check, lifetimes, programs that followed (SelfCheck, 64 bytes)
//!       832  command line, its arguments ended by zero bytes (2752 bytes; until version 5 2816,
//!            until version 3 2880, in version 1 3264)
//!      3584  the rates of samples (crate::store::rates::Rates, 64 bytes)
//!      3648  more losses, and the place of the region Mappings (Late, 64 bytes)
//!      3712  the allocator's state: near the peak twice, at the end (HeapStates, 3 x 128 bytes)
//!      4096  regions
//! ```
//!
//! | region | entry | content |
//! |---|---|---|
//! | Threads | 512 | `crate::store::thread_slot::ThreadSlot` |
//! | Modules | 512 | [`Module`] |
//! | Owners | 4 | owner's thread slot + 1, changes by others (`crate::store::sites::Owner`) |
//! | Tallies | 64 | the owner's tally of the site (`crate::store::tally::Tally`) |
//! | Shared | 64 | the other threads' flushed tally of the site |
//! | Records | 24 | the site's frame, and what it saved (`crate::store::sites::Record`) |
//! | Frames | 16 | `crate::store::frames::Frame` |
//! | Groups | 512 | allocations that are counted together (`crate::store::group::Group`) |
//! | Arenas | 65536 | a thread's pending shares (`crate::store::arena::Arena`) |
//! | Timeline | 64 | the heap over time (`crate::store::timeline`) |
//! | Histograms | 2048 | a thread's blocks by classes (`crate::store::histograms::Histograms`) |
//! | Mappings | 64 | what the program maps itself, by call site (`crate::store::mappings::Entry`) |
//!
//! A region may end behind its used entries (`crate::store::view::used`): so it is in the small
//! file that takes the place of an ended process's recording. The last arena is that of the slot
//! that threads share; of those before it there may be fewer than slots.
//!
//! # Decoding a site by hand
//!
//! Sites 1 to `count - 1` exist (`count`: first word of the sites' head, a u32). Of site *i* take
//! Tallies\[*i*\], Shared\[*i*\] and every entry of Arenas whose u32 at byte 4 is *i*, and add them
//! up word by word: total bytes, total blocks, freed bytes, freed blocks, time at byte 8, 16, 24,
//! 32, 40; what is live is the difference of the totals. The value at the peak is chosen per tally
//! before adding, see `store::tally`. The stack is Records\[*i*\].frame, and from there parent by
//! parent through Frames down to a root (0 to 3). A frame whose address has bit 47 set is no code:
//! its low bits are a group's number.
//!
//! # Decoding the distributions by hand
//!
//! Threads\[*i*\] and Histograms\[*i*\] are of one thread slot. An entry has 64 classes of sizes,
//! then 64 classes of lifetimes: bytes (u64) and blocks (u64) of each. Class 0 is of the value 0,
//! class *N* of the values from 2^(*N* - 1) to 2^*N* - 1; a size is in bytes, a lifetime in
//! microseconds. Add up the entries of all slots that are used: the first `threads` of them
//! (Process).
//!
//! # A process that was killed
//!
//! Bytes and blocks of an event are stored by one instruction, so a tally is as before an event or
//! as after it. Where more than one store belongs together (a reallocation, a flush), the thread
//! has put what was there before into its slot's [journal](crate::store::journal) first; a reader
//! takes it from there if the journal's kind is not 0. So what is read is always what the program
//! had done up to some moment, each thread by itself. A group's numbers are written by all its
//! threads, one after another: of an event in which a thread was killed they may have a part.
//!
//! # The allocator's state
//!
//! Of the two states near the peak the one with the greater `number` counts; 0: there is none, or
//! it is being written. Bit *i* of `known` says whether figure *i* of [`HeapMoment::figures`] is
//! known.
//!
//! # Versions
//!
//! | version | what is new |
//! |---|---|
//! | 1 | |
//! | 2 | the allocator's state, where the command line went on |
//! | 3 | regions Timeline and Histograms, and the words of the heap over time |
//! | 4 | more losses and the region Mappings, where the command line went on |
//! | 5 | sampling: estimates in tallies and groups, with binary places of blocks |
//! | 6 | rates of samples that change, where the command line went on |
//!
//! [`VERSION`] is raised with every change that an older reader would misread. Readers refuse what
//! is newer than they are, and read all that is older, from version 1 on. Bytes that a version does
//! not define are zero.

use crate::base::losses::losses;
use crate::base::sync::word::Word;
use crate::base::sync::{AtomicU32, AtomicU64};
#[cfg(feature = "backtraces")]
use crate::store::frames::FramesHead;
use crate::store::peak::Heap;
use crate::store::rates::Rates;
#[cfg(feature = "backtraces")]
use crate::store::sites::SitesHead;
use crate::store::timeline::Schedule;
use crate::store::unrecorded::Unrecorded;

/// The first eight bytes of a recording.
pub(crate) const MAGIC: u64 = u64::from_ne_bytes(*b"modalloc");
/// See the module's description.
pub(crate) const VERSION: u32 = 6;
/// The regions' offsets.
pub(crate) const HEADER_SIZE: usize = 4096;
/// Regions begin at multiples of it: a part of the format, whatever the machine's pages are.
const REGION_ALIGNMENT: usize = HEADER_SIZE;
/// Bytes kept of the command line.
pub(crate) const COMMAND_SIZE: usize =
    HEADER_SIZE - 832 - size_of::<Rates>() - size_of::<Late>() - size_of::<HeapStates>();

/// The regions, in the order of the header's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
#[cfg_attr(not(feature = "backtraces"), expect(dead_code, reason = "no table, no regions for it"))]
pub(crate) enum Region {
    Threads,
    Modules,
    Owners,
    Tallies,
    Shared,
    Records,
    Frames,
    Groups,
    Arenas,
    Timeline,
    Histograms,
    Mappings,
}

/// How many regions there are.
pub(crate) const REGIONS: usize = 12;
/// Those of them whose places are in the header's table.
const TABLE: usize = 11;

impl Region {
    /// All of them.
    #[cfg(feature = "backtraces")]
    pub(crate) const ALL: [Region; REGIONS] = [
        Region::Threads,
        Region::Modules,
        Region::Owners,
        Region::Tallies,
        Region::Shared,
        Region::Records,
        Region::Frames,
        Region::Groups,
        Region::Arenas,
        Region::Timeline,
        Region::Histograms,
        Region::Mappings,
    ];

    /// Bytes of one entry.
    #[expect(clippy::indexing_slicing, reason = "an array of all regions")]
    pub(crate) const fn entry_size(self) -> usize {
        ENTRY_SIZES[self as usize]
    }
}

/// Bytes of one entry of each region.
const ENTRY_SIZES: [usize; REGIONS] = [512, 512, 4, 64, 64, 24, 16, 512, 65_536, 64, 2048, 64];

/// Entries of each region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry(pub(crate) [usize; REGIONS]);

impl Geometry {
    /// Offset of each region, and the size of the whole.
    pub(crate) fn offsets(&self) -> ([usize; REGIONS], usize) {
        let mut offsets = [0; REGIONS];
        let mut at = HEADER_SIZE;
        for (offset, (entries, size)) in offsets.iter_mut().zip(self.0.iter().zip(ENTRY_SIZES)) {
            *offset = at;
            at += (entries * size).next_multiple_of(REGION_ALIGNMENT);
        }
        (offsets, at)
    }
}

/// See the module's description.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU32,
    pub(crate) header_size: AtomicU32,
    /// Offset and number of entries of each region.
    regions: [[AtomicU64; 2]; TABLE],
    pub(crate) process: Process,
    pub(crate) heap: Heap,
    #[cfg(feature = "backtraces")]
    pub(crate) frames: FramesHead,
    #[cfg(feature = "backtraces")]
    pub(crate) sites: SitesHead,
    #[cfg(not(feature = "backtraces"))]
    no_table: [Word; 16],
    /// Losses that belong to no thread.
    pub(crate) losses: Losses,
    pub(crate) self_check: SelfCheck,
    pub(crate) command: [AtomicU64; COMMAND_SIZE / 8],
    /// Since version 6; before, the command line went on here.
    pub(crate) rates: Rates,
    /// Since version 4; before, the command line went on here.
    pub(crate) late: Late,
    /// Since version 2; before, the command line went on here.
    pub(crate) states: HeapStates,
}

impl Header {
    /// A region's offset and number of entries, as the header says.
    pub(crate) fn place(&self, region: Region) -> (u64, u64) {
        use crate::base::sync::Ordering::Relaxed;
        let place = self.places().nth(region as usize);
        let [offset, entries] = place.unwrap_or(&self.late.mappings);
        (offset.load(Relaxed), entries.load(Relaxed))
    }

    /// Offset and number of entries of each region.
    pub(crate) fn places(&self) -> impl Iterator<Item = &[AtomicU64; 2]> {
        self.regions.iter().chain([&self.late.mappings])
    }
}

const _: () = assert!(size_of::<Header>() == HEADER_SIZE);
const _: () = assert!(core::mem::offset_of!(Header, process) == 192);
const _: () = assert!(core::mem::offset_of!(Header, heap) == 320);
const _: () = assert!(core::mem::offset_of!(Header, losses) == 704);
const _: () = assert!(core::mem::offset_of!(Header, rates) == 3584);
const _: () = assert!(core::mem::offset_of!(Header, late) == 3648);
const _: () = assert!(core::mem::offset_of!(Header, states) == 3712);
const _: () = assert!(size_of::<SelfCheck>() == 64);

/// The description of the process.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Process {
    pub(crate) id: AtomicU32,
    /// 0 auto, 1 fp, 2 tables.
    pub(crate) unwind: AtomicU32,
    /// Frames kept of a stack.
    pub(crate) frames: AtomicU32,
    /// `MOD_ALLOC_BUCKETS`; 0: not set, the table grows.
    pub(crate) buckets: AtomicU32,
    /// Modules described.
    pub(crate) modules: AtomicU32,
    /// Thread slots that have ever been used.
    pub(crate) threads: AtomicU32,
    /// Nanoseconds of the monotonic clock at the start.
    pub(crate) started_nanos: AtomicU64,
    /// The clock of the events at the start; events count from there.
    pub(crate) started_units: AtomicU64,
    /// How the recording ended: [`OPEN`], [`EXIT`] or [`GONE`] in the bits of [`ENDING`]; from
    /// [`STATUS_SHIFT`] on the signal that killed the process, or [`EXITED`] and the exit status;
    /// 0: not known. [`REPORTED`] may be set.
    pub(crate) ending: AtomicU32,
    /// 1: space could not be reserved; what was new from then on found the table full.
    pub(crate) no_room: AtomicU32,
    /// Groups described, group 0 included.
    pub(crate) groups: AtomicU32,
    /// Groups that found no room.
    pub(crate) groups_overflowed: AtomicU32,
    /// Both clocks at the latest moment that was noted: the end, if there was one. Nanoseconds
    /// since the start …
    pub(crate) last_nanos: AtomicU64,
    /// … and units.
    pub(crate) last_units: AtomicU64,
    /// The kernel's boot id: clocks of another boot say nothing.
    pub(crate) boot: [AtomicU64; 2],
    /// Since version 3: the heap over time.
    pub(crate) timeline: Schedule,
}

/// No end was written.
#[cfg(feature = "backtraces")]
pub(crate) const OPEN: u32 = 0;
/// The process has run its exit handlers.
#[cfg(feature = "backtraces")]
pub(crate) const EXIT: u32 = 1;
/// The process is gone; its waiting parent wrote that.
#[cfg(feature = "backtraces")]
pub(crate) const GONE: u32 = 2;
/// The bits that say which of these it is.
#[cfg(feature = "backtraces")]
pub(crate) const ENDING: u32 = 0xff;
/// The process's status is above this many bits.
#[cfg(feature = "backtraces")]
pub(crate) const STATUS_SHIFT: u32 = 8;
/// Set if a report was made after the end.
#[cfg(feature = "backtraces")]
pub(crate) const REPORTED: u32 = 1 << 31;
/// Above all numbers of signals, and of exit statuses.
#[cfg(feature = "backtraces")]
pub(crate) const EXITED: u32 = 256;
/// `MOD_ALLOC_SELF_CHECK=on`: captures that were taken both ways.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct SelfCheck {
    pub(crate) checked: Word,
    pub(crate) differences: Word,
    /// Since version 3, `MOD_ALLOC_LIFETIMES`. 1: lifetimes are counted, and a clock unit is 256 ns
    /// of the monotonic clock.
    pub(crate) lifetimes: Word,
    /// Since version 3: the process has locked the file as long as it lives. The number of its
    /// namespace of process ids, or 1; 0: there is no lock.
    pub(crate) locked: Word,
    pub(crate) unrecorded: Unrecorded,
}

macro_rules! words {
    (
        slots { $($(#[$doc:meta])* $name:ident, $unit:literal, $told:expr;)* }
        process { $($process:tt)* }
        more { $($(#[$more_doc:meta])* $more:ident, $more_unit:literal, $more_told:expr;)* }
    ) => {
        /// Events that were not recorded in full: the first section of the
        /// [list](crate::base::losses).
        #[derive(Debug, Default)]
        #[repr(C, align(64))]
        pub(crate) struct Losses {
            $(pub(crate) $name: Word,)*
        }

        /// Losses that older versions did not count: the last section of the list.
        #[derive(Debug, Default)]
        #[repr(C)]
        pub(crate) struct MoreLosses {
            $(pub(crate) $more: Word,)*
        }
    };
}
losses!(words);

/// Figures of a [`HeapMoment`].
pub(crate) const FIGURES: usize = 9;

/// The allocator's state at one moment, 128 bytes.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct HeapMoment {
    /// Counts from 1; 0 while it is being written, and before.
    pub(crate) number: AtomicU64,
    /// When, in clock units.
    pub(crate) units: AtomicU64,
    /// The program's live bytes, as requested.
    pub(crate) requested: AtomicU64,
    /// 0: not known; 1 jemalloc, 2 mimalloc, 3 glibc.
    pub(crate) allocator: AtomicU32,
    /// A bit for each figure.
    pub(crate) known: AtomicU32,
    /// The allocator's allocated, active, resident, mapped, retained bytes, and arenas; the
    /// process's resident bytes, and the most of them so far. The last figure is `anonymous`.
    figures: [AtomicU64; FIGURES - 1],
    /// Bytes that the profiler itself had allocated from that allocator.
    pub(crate) own: AtomicU64,
    /// The process's anonymous bytes. Older recordings do not know them: bit 8 is 0.
    anonymous: AtomicU64,
    /// Of the end's state alone: the most bytes of anonymous memory that the process was seen to
    /// have, and when, in clock units. Written by the process that waits for this one; without it,
    /// by this one. 0: not known, as in older recordings.
    pub(crate) most_anonymous: [Word; 2],
}

#[cfg(feature = "backtraces")]
impl HeapMoment {
    /// The figures, in the order of the bits of `known`.
    pub(crate) fn figures(&self) -> impl Iterator<Item = &AtomicU64> {
        self.figures.iter().chain(core::iter::once(&self.anonymous))
    }
}

/// See the module's description.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct HeapStates {
    pub(crate) peaks: [HeapMoment; 2],
    pub(crate) end: HeapMoment,
}

#[cfg(feature = "backtraces")]
impl HeapStates {
    /// The header's heap moments as plain words: in version 1, more of the command line.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        let first = (&raw const *self).cast::<AtomicU64>();
        // SAFETY: the states are atomics, aligned to more than that, and no code writes them but as
        // what they are, in later versions.
        unsafe { core::slice::from_raw_parts(first, size_of::<Self>() / size_of::<AtomicU64>()) }
    }
}

/// See the module's description.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Late {
    pub(crate) losses: MoreLosses,
    /// The place of the region Mappings.
    mappings: [AtomicU64; 2],
    /// Entries of that region, the totals' included.
    pub(crate) mapping_entries: AtomicU64,
    /// Since version 5: the mean gap of samples in bytes; 0: each block is recorded. It is the
    /// first one where rates change. See `crate::store::sampling`.
    pub(crate) sample: Word,
}

const _: () = assert!(size_of::<Late>() == 64);

#[cfg(feature = "backtraces")]
impl Late {
    /// The line as plain words: before version 4, more of the command line.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        let first = (&raw const *self).cast::<AtomicU64>();
        // SAFETY: the fields are atomics, aligned to more than that; the rest of the line is zeros.
        unsafe { core::slice::from_raw_parts(first, size_of::<Self>() / size_of::<AtomicU64>()) }
    }
}

/// Bytes of a module's path that are kept.
pub(crate) const PATH_SIZE: usize = 432;

/// A module: one loaded object, 512 bytes. Written before the header's count of modules covers it.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Module {
    pub(crate) start: AtomicU64,
    pub(crate) end: AtomicU64,
    pub(crate) bias: AtomicU64,
    /// First generation of the module list in which it was seen.
    pub(crate) first: AtomicU32,
    /// Last generation in which it was loaded; `u32::MAX` while it is.
    pub(crate) last: AtomicU32,
    pub(crate) build_id_len: AtomicU32,
    pub(crate) path_len: AtomicU32,
    pub(crate) build_id: [AtomicU64; 4],
    pub(crate) path: [AtomicU64; PATH_SIZE / 8],
    spare: Word,
}

const _: () = assert!(size_of::<Module>() == 512);
