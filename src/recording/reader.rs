//! From the mapping to plain data.
//!
//! The mapping may change while it is read: each word is read once, whole, and what does
//! not fit together (a frame whose parent is younger, a site without a frame) is read as
//! broken or empty, never followed.

use std::path::PathBuf;
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::arena::Arena;
use crate::heap::{BOUNDED, HeapNow};
use crate::recording::layout::{
    Header, Losses as LossWords, Mapping, Module as ModuleWords, Region,
};
use crate::recording::model::{
    Counters, Ending, Frame, Losses, Module, ROOT_BROKEN, ROOTS, Recording, SelfCheck, Settings,
    Site, Thread,
};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::table::frames::{ADDRESS_BITS, Frame as FrameWords};
use crate::table::sites::{Owner, Record};
use crate::table::tally::{Epoch, Tally};
use crate::threads::ThreadSlot;

/// The moment of a reading, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Clock units.
    pub(crate) units: u64,
    /// Nanoseconds of the monotonic clock.
    pub(crate) nanos: u64,
}

/// How long the recording has lasted, by both clocks.
#[derive(Debug, Clone, Copy)]
struct Span {
    end_units: u64,
    units: u64,
    nanos: u64,
}

impl Span {
    fn until(moment: Moment, header: &Header) -> Self {
        let process = &header.process;
        let started_units = process.started_units.load(Ordering::Relaxed);
        let started_nanos = process.started_nanos.load(Ordering::Relaxed);
        Span {
            end_units: moment.units,
            units: moment.units.saturating_sub(started_units),
            nanos: moment.nanos.saturating_sub(started_nanos),
        }
    }

    /// A number of clock units, as microseconds.
    fn micros(self, units: u64) -> u64 {
        let micros = u128::from(units) * u128::from(self.nanos) / 1000;
        u64::try_from(micros / u128::from(self.units.max(1))).unwrap_or(u64::MAX)
    }

    /// A moment in clock units, as microseconds since the start.
    fn since_start(self, moment: u64) -> u64 {
        self.micros(moment.saturating_sub(self.end_units.wrapping_sub(self.units)))
    }

    fn end_micros(self) -> u64 {
        (self.nanos / 1000).max(1)
    }
}

/// Reads the whole recording.
pub(crate) fn read(mapping: &Mapping, moment: Moment) -> Recording {
    let header = mapping.header();
    // SAFETY: for each region here and below: it holds this type, of atomics, valid whatever its bits.
    let slots = unsafe { mapping.region::<ThreadSlot>(Region::Threads) };
    let used = header.process.threads.load(Ordering::Relaxed) as usize;
    let slots = slots.get(..used).unwrap_or(slots);
    let sole = header.heap.sole.load(Ordering::Relaxed).checked_sub(1);
    let sole = sole.and_then(|index| slots.get(index as usize)).map(|slot| &slot.front);
    let heap = header.heap.now(sole);
    let span = Span::until(moment, header);
    let command = text(&header.command, header.command.len() * 8);
    let modules = modules(mapping, header);
    let executable = modules.first().map(|module| module.path.clone()).unwrap_or_default();
    Recording {
        pid: header.process.id.load(Ordering::Relaxed),
        command: command.trim_end_matches('\0').replace('\0', " "),
        executable,
        end_micros: span.end_micros(),
        peak_micros: span.since_start(heap.peak_time).min(span.end_micros()),
        settings: settings(header),
        modules,
        frames: frames(mapping, header),
        sites: sites(mapping, header, &heap, span, used),
        threads: slots.iter().filter_map(thread).collect(),
        losses: losses(header, slots),
        groups: Vec::new(),
        ending: Ending::Open,
        self_check: Some(SelfCheck {
            checked: header.self_check.checked.get(),
            differences: header.self_check.differences.get(),
        })
        .filter(|check| check.checked != 0),
    }
}

fn settings(header: &Header) -> Settings {
    let process = &header.process;
    Settings {
        buckets: Some(process.buckets.load(Ordering::Relaxed)).filter(|n| *n != 0),
        frames: process.frames.load(Ordering::Relaxed),
        unwind: match process.unwind.load(Ordering::Relaxed) {
            0 => "auto",
            1 => "fp",
            _ => "tables",
        },
        peak_is_exact: header.heap.mode.load(Ordering::Relaxed) != BOUNDED,
    }
}

/// The bytes of some words, as text.
fn text(words: &[AtomicU64], len: usize) -> String {
    String::from_utf8_lossy(&bytes(words, len)).into_owned()
}

fn bytes(words: &[AtomicU64], len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
    bytes.truncate(len);
    bytes
}

fn modules(mapping: &Mapping, header: &Header) -> Vec<Module> {
    // SAFETY: see `read`.
    let words = unsafe { mapping.region::<ModuleWords>(Region::Modules) };
    // Acquire pairs with the Release in `unwinding::note`: the modules are described.
    let count = header.process.modules.load(Ordering::Acquire) as usize;
    words.iter().take(count).map(module).collect()
}

fn module(words: &ModuleWords) -> Module {
    use std::os::unix::ffi::OsStringExt;
    let path = bytes(&words.path, words.path_len.load(Ordering::Relaxed) as usize);
    let generation =
        |word: &AtomicU32| u16::try_from(word.load(Ordering::Relaxed)).unwrap_or(u16::MAX);
    Module {
        path: PathBuf::from(std::ffi::OsString::from_vec(path)),
        start: words.start.load(Ordering::Relaxed),
        end: words.end.load(Ordering::Relaxed),
        bias: words.bias.load(Ordering::Relaxed),
        build_id: bytes(&words.build_id, words.build_id_len.load(Ordering::Relaxed) as usize),
        generations: (generation(&words.first), generation(&words.last)),
    }
}

fn frames(mapping: &Mapping, header: &Header) -> Vec<Frame> {
    // SAFETY: see `read`.
    let words = unsafe { mapping.region::<FrameWords>(Region::Frames) };
    let count = (header.frames.count.load(Ordering::Acquire) as usize).max(ROOTS);
    words.iter().take(count).enumerate().map(|(index, words)| frame(index, words)).collect()
}

fn frame(index: usize, words: &FrameWords) -> Frame {
    if index < ROOTS {
        return Frame::default();
    }
    let parent = words.parent.load(Ordering::Relaxed);
    let address = words.address.load(Ordering::Relaxed);
    Frame {
        parent: if (parent as usize) < index { parent } else { ROOT_BROKEN },
        generation: (address >> ADDRESS_BITS) as u16,
        address: address & ((1 << ADDRESS_BITS) - 1),
    }
}

/// A site's shares, added up.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    total_bytes: u64,
    total_blocks: u64,
    time: u64,
    live: (i64, i64),
    /// Live before the threads' pending shares: what the site had before it is told of them.
    settled: (i64, i64),
    peak: (i64, i64),
}

impl Sum {
    /// Adds a tally that had `peak` at the heap's peak.
    fn add(&mut self, tally: &Tally, peak: (i64, i64)) {
        self.total_bytes = self.total_bytes.wrapping_add(tally.total_bytes.get());
        self.total_blocks = self.total_blocks.wrapping_add(tally.total_blocks.get());
        self.time = self.time.wrapping_add(tally.time.get());
        self.peak = (self.peak.0.wrapping_add(peak.0), self.peak.1.wrapping_add(peak.1));
        let live = (tally.live_bytes(), tally.live_blocks());
        self.live = (self.live.0.wrapping_add(live.0), self.live.1.wrapping_add(live.1));
    }

    /// The site's numbers, of which its own tally has noted a maximum.
    fn counters(&self, noted: (i64, i64), span: Span) -> Counters {
        let natural = |number: i64| number.max(0).cast_unsigned();
        let (end_bytes, end_blocks) = (natural(self.live.0), natural(self.live.1));
        let lifetimes = self.time.wrapping_add(end_blocks.wrapping_mul(span.end_units));
        let noted = (natural(noted.0), natural(noted.1));
        let now = (end_bytes, end_blocks);
        let settled = (natural(self.settled.0), natural(self.settled.1));
        let at_peak = (natural(self.peak.0), natural(self.peak.1));
        // The later of equal maxima counts.
        let (max_bytes, max_blocks) =
            [at_peak, noted, settled, now].into_iter().max_by_key(|max| max.0).unwrap_or(now);
        Counters {
            total_bytes: self.total_bytes,
            total_blocks: self.total_blocks,
            lifetimes_micros: span.micros(lifetimes),
            max_bytes,
            max_blocks,
            peak_bytes: natural(self.peak.0),
            peak_blocks: natural(self.peak.1),
            end_bytes,
            end_blocks,
        }
    }
}

fn sites(
    mapping: &Mapping,
    header: &Header,
    heap: &HeapNow,
    span: Span,
    threads: usize,
) -> Vec<Site> {
    // SAFETY: see `read`.
    let records = unsafe { mapping.region::<Record>(Region::Records) };
    // SAFETY: see `read`.
    let owners = unsafe { mapping.region::<Owner>(Region::Owners) };
    // SAFETY: see `read`.
    let tallies = unsafe { mapping.region::<Tally>(Region::Tallies) };
    // SAFETY: see `read`.
    let shared = unsafe { mapping.region::<Tally>(Region::Shared) };
    // SAFETY: see `read`.
    let arenas = unsafe { mapping.region::<Arena>(Region::Arenas) };
    let epoch = Epoch::new(header.heap.epoch.get());
    let count = header.sites.count.load(Ordering::Acquire) as usize;
    let mut sums = vec![Sum::default(); count.min(records.len())];
    for (sum, (index, record)) in sums.iter_mut().zip(records.iter().enumerate()) {
        let Some(own) = tallies.get(index) else { continue };
        sum.add(own, own.own_at_peak(record.saved(), epoch, heap.at_peak));
        if let Some(others) =
            shared.get(index).filter(|_| owners.get(index).is_some_and(Owner::is_shared))
        {
            sum.add(others, others.at_peak(epoch, heap.at_peak));
        }
        sum.settled = sum.live;
    }
    for share in arenas.iter().take(threads).flat_map(Arena::shares) {
        if let Some(sum) = sums.get_mut(share.site() as usize).filter(|_| share.site() != 0) {
            sum.add(share, share.at_peak(epoch, heap.at_peak));
        }
    }
    sums.iter()
        .zip(records.iter().zip(tallies))
        .filter(|(sum, _)| sum.total_blocks != 0)
        .map(|(sum, (record, own))| Site {
            frame: record.frame.load(Ordering::Relaxed),
            counters: sum.counters(own.max(), span),
        })
        .collect()
}

fn thread(slot: &ThreadSlot) -> Option<Thread> {
    let front = &slot.front;
    let id = slot.id.load(Ordering::Relaxed);
    (id != 0).then(|| Thread {
        id,
        name: text(&slot.name, 16).trim_end_matches('\0').into(),
        running: slot.is_running(),
        total_bytes: front.total_bytes.get(),
        total_blocks: front.total_blocks.get(),
        freed_bytes: front.freed_bytes.get(),
        freed_blocks: front.freed_blocks.get(),
    })
}

fn losses(header: &Header, slots: &[ThreadSlot]) -> Losses {
    let mut losses = Losses::default();
    let words = slots.iter().map(|slot| &slot.losses).chain([&header.losses]);
    for LossWords {
        table_full,
        reentrant,
        reentrant_bytes,
        damaged_trailers,
        damaged_bytes,
        truncated_stacks,
        broken_stacks,
        threads_overflowed,
    } in words
    {
        losses.table_full += table_full.get();
        losses.reentrant += reentrant.get();
        losses.reentrant_bytes += reentrant_bytes.get();
        losses.damaged_trailers += damaged_trailers.get();
        losses.damaged_bytes += damaged_bytes.get();
        losses.truncated_stacks += truncated_stacks.get();
        losses.broken_stacks += broken_stacks.get();
        losses.threads_overflowed += threads_overflowed.get();
    }
    losses
}
