//! From the mapping to plain data.
//!
//! The bytes may change while they are read: each word is read once, whole, and what does
//! not fit together (a frame whose parent is younger, a site without a frame) is read as
//! broken or empty, never followed.

use std::path::PathBuf;
use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::engine::allocator::moments;
use crate::recording::model::{
    Counters, Ending, Frame, Group, HeapStates, Losses, Module, ROOT_BROKEN, ROOTS, Recording,
    SelfCheck, Settings, Site, Thread,
};
use crate::store::arena::Arena;
use crate::store::frames::{ADDRESS_BITS, Frame as FrameWords};
use crate::store::group::{GROUP_MARK, Group as GroupWords};
use crate::store::layout::{
    COMMAND_SIZE, EXIT, GONE, Header, Losses as LossWords, Module as ModuleWords,
};
use crate::store::peak::{BOUNDED, HeapNow};
use crate::store::sites::Owner;
use crate::store::tally::{Epoch, Tally};
use crate::store::thread_slot::ThreadSlot;
use crate::store::view::View;

/// How long the recording has lasted, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// Clock units.
    pub(crate) units: u64,
    /// Nanoseconds of the monotonic clock.
    pub(crate) nanos: u64,
}

impl Span {
    /// A number of clock units, as microseconds.
    fn micros(self, units: u64) -> u64 {
        let micros = u128::from(units) * u128::from(self.nanos) / 1000;
        u64::try_from(micros / u128::from(self.units.max(1))).unwrap_or(u64::MAX)
    }

    /// The end, in microseconds since `opened`.
    fn end_micros(self, opened: u64) -> u64 {
        let before = if opened == 0 { 0 } else { self.micros(opened) };
        (self.nanos / 1000).saturating_sub(before).max(1)
    }
}

/// What is read of the sites: those of the latest window.
#[derive(Debug, Clone, Copy)]
struct Window {
    first: usize,
    /// In clock units.
    opened: u64,
}

impl Window {
    fn of(header: &Header) -> Self {
        let first = header.sites.first.load(Ordering::Relaxed) as usize;
        Window { first, opened: header.sites.opened.load(Ordering::Relaxed) }
    }

    /// Those of the sites that are the window's.
    fn of_sites<T>(self, sites: &[T]) -> &[T] {
        sites.get(self.first..).unwrap_or_default()
    }
}

/// The heap as it stands.
fn heap_now(view: &View<'_>) -> HeapNow {
    let heap = &view.header.heap;
    let sole = heap.sole.load(Ordering::Relaxed).checked_sub(1);
    heap.now(sole.and_then(|index| view.slots.get(index as usize)).map(|slot| &slot.front))
}

/// Reads the call sites of a recording that has lasted for `span`.
#[cfg(feature = "dhat-compat")]
pub(crate) fn read_sites(view: &View<'_>, span: Span) -> Vec<Site> {
    sites(view, heap_now(view), span, Window::of(view.header))
}

/// Reads the whole recording, which has lasted for `span`.
pub(crate) fn read(view: &View<'_>, span: Span) -> Recording {
    let (header, slots) = (view.header, view.slots);
    let heap = heap_now(view);
    let window = Window::of(header);
    let end_micros = span.end_micros(window.opened);
    let micros = |units: u64| span.micros(units.saturating_sub(window.opened)).min(end_micros);
    let modules: Vec<Module> = view.modules.iter().map(module).collect();
    let executable = modules.first().map(|module| module.path.clone()).unwrap_or_default();
    Recording {
        pid: header.process.id.load(Ordering::Relaxed),
        command: command(header),
        executable,
        end_micros,
        peak_micros: micros(heap.peak_time),
        settings: settings(header),
        modules,
        frames: frames(view),
        sites: sites(view, heap, span, window),
        threads: slots.iter().filter_map(thread).collect(),
        losses: losses(header, slots),
        groups: view.groups.iter().skip(1).map(group).collect(),
        ending: match header.process.ending.load(Ordering::Relaxed) {
            EXIT => Ending::Exit,
            GONE => Ending::Gone,
            _ => Ending::Open,
        },
        self_check: Some(SelfCheck {
            checked: header.self_check.checked.get(),
            differences: header.self_check.differences.get(),
        })
        .filter(|check| check.checked != 0),
        heap_states: match header.version.load(Ordering::Relaxed) {
            1 => HeapStates::default(),
            _ => moments::read(&header.states, &heap, micros),
        },
    }
}

/// The command line. In version 1 it goes on where the allocator's state is now.
fn command(header: &Header) -> String {
    let mut command = bytes(&header.command, COMMAND_SIZE);
    if header.version.load(Ordering::Relaxed) == 1 {
        command.extend(bytes(header.states.words(), size_of_val(&header.states)));
    }
    String::from_utf8_lossy(&command).trim_end_matches('\0').replace('\0', " ")
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

fn frames(view: &View<'_>) -> Vec<Frame> {
    let mut frames: Vec<Frame> =
        view.frames.iter().enumerate().map(|(index, words)| frame(index, words)).collect();
    frames.resize(frames.len().max(ROOTS), Frame::default());
    frames
}

fn frame(index: usize, words: &FrameWords) -> Frame {
    if index < ROOTS {
        return Frame::default();
    }
    let parent = words.parent.load(Ordering::Relaxed);
    let parent = if (parent as usize) < index { parent } else { ROOT_BROKEN };
    let address = words.address.load(Ordering::Relaxed);
    let generation = (address >> ADDRESS_BITS) as u16;
    let address = address & ((1 << ADDRESS_BITS) - 1);
    if address & GROUP_MARK == 0 {
        return Frame { parent, generation, address, group: 0 };
    }
    Frame { parent, group: (address & !GROUP_MARK) as u32, ..Frame::default() }
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
        self.total_bytes = self.total_bytes.wrapping_add(tally.total.bytes.get());
        self.total_blocks = self.total_blocks.wrapping_add(tally.total.blocks.get());
        self.time = self.time.wrapping_add(tally.time.get());
        self.peak = (self.peak.0.wrapping_add(peak.0), self.peak.1.wrapping_add(peak.1));
        let live = (tally.live_bytes(), tally.live_blocks());
        self.live = (self.live.0.wrapping_add(live.0), self.live.1.wrapping_add(live.1));
    }

    /// The site's numbers, of which its own tally has noted a maximum.
    fn counters(&self, noted: (i64, i64), span: Span, opened: u64) -> Counters {
        let natural = |number: i64| number.max(0).cast_unsigned();
        let (end_bytes, end_blocks) = (natural(self.live.0), natural(self.live.1));
        // Below zero by a moment where a thread was killed in the middle of an event; and what died
        // after the end was noted has not lived longer than that.
        let lifetimes = self.time.wrapping_add(end_blocks.wrapping_mul(span.units));
        let lifetimes = span.micros(natural(lifetimes.cast_signed()));
        // In the microseconds of the report, whose end is rounded down, too.
        let longest = self.total_blocks.saturating_mul(span.end_micros(opened));
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
            lifetimes_micros: lifetimes.min(longest),
            max_bytes,
            max_blocks,
            peak_bytes: natural(self.peak.0),
            peak_blocks: natural(self.peak.1),
            end_bytes,
            end_blocks,
        }
    }
}

fn sites(view: &View<'_>, mut heap: HeapNow, span: Span, window: Window) -> Vec<Site> {
    let epoch = Epoch::new(view.header.heap.epoch.get());
    if let Some(at_peak) = is_at_peak_after_all(view, window) {
        heap.at_peak = at_peak;
    }
    let mut sums = vec![Sum::default(); view.records.len().min(view.tallies.len())];
    for (index, (sum, record)) in sums.iter_mut().zip(view.records).enumerate() {
        let Some(own) = view.tallies.get(index) else { continue };
        sum.add(own, own.own_at_peak(record.saved(), epoch, heap.at_peak));
        let is_shared = view.owners.get(index).is_some_and(Owner::is_shared);
        if let Some(others) = view.shared.get(index).filter(|_| is_shared) {
            sum.add(others, others.at_peak(epoch, heap.at_peak));
        }
        sum.settled = sum.live;
    }
    for share in view.arenas.iter().flat_map(Arena::shares) {
        if let Some(sum) = sums.get_mut(share.site() as usize).filter(|_| share.site() != 0) {
            sum.add(share, share.at_peak(epoch, heap.at_peak));
        }
    }
    sums.iter()
        .zip(view.records.iter().zip(view.tallies))
        .skip(window.first)
        .filter(|(sum, _)| sum.total_blocks != 0)
        .map(|(sum, (record, own))| Site {
            frame: record.frame.load(Ordering::Relaxed),
            counters: sum.counters(own.max(), span, window.opened),
        })
        .collect()
}

/// Whether the heap is at its maximum, where the thread that knows was stopped in the middle of an event: it
/// has told the heap and not the site yet, or just now. What all sites have decides then.
fn is_at_peak_after_all(view: &View<'_>, window: Window) -> Option<bool> {
    let heap = &view.header.heap;
    let is_sole = heap.mode.load(Ordering::Relaxed) != BOUNDED;
    let is_inside = view.slots.iter().any(|slot| slot.inside.load(Ordering::Relaxed) != 0);
    (is_sole && is_inside).then(|| {
        let shares = view.arenas.iter().flat_map(Arena::shares);
        let first = (window.first as u32).max(1);
        let shares = shares.filter(|share| share.site() >= first);
        let own = window.of_sites(view.tallies);
        let tallies = own.iter().chain(window.of_sites(view.shared)).chain(shares);
        let live = tallies.map(Tally::live_bytes).fold(0, i64::wrapping_add);
        live >= heap.peak_bytes.get()
    })
}

fn group(words: &GroupWords) -> Group {
    let number = |word: &AtomicU64| word.load(Ordering::Relaxed);
    let ended = words.ended.load(Ordering::Relaxed) != 0;
    let (bytes, blocks) = match ended {
        true => (&words.end_bytes, &words.end_blocks),
        false => (&words.live_bytes, &words.live_blocks),
    };
    Group {
        name: text(&words.name, words.name_len.load(Ordering::Relaxed) as usize),
        thread_name: text(&words.thread_name, 16).trim_end_matches('\0').into(),
        total_blocks: number(&words.total_blocks),
        total_bytes: number(&words.total_bytes),
        peak_bytes: number(&words.peak_bytes),
        end_blocks: number(blocks),
        end_bytes: number(bytes),
        ended,
    }
}

fn thread(slot: &ThreadSlot) -> Option<Thread> {
    let front = &slot.front;
    let id = slot.id.load(Ordering::Relaxed);
    (id != 0).then(|| Thread {
        id,
        name: text(&slot.name, 16).trim_end_matches('\0').into(),
        running: slot.is_running(),
        total_bytes: front.total.bytes.get(),
        total_blocks: front.total.blocks.get(),
        freed_bytes: front.freed.bytes.get(),
        freed_blocks: front.freed.blocks.get(),
    })
}

fn losses(header: &Header, slots: &[ThreadSlot]) -> Losses {
    let no_room = header.process.no_room.load(Ordering::Relaxed).min(1).into();
    let groups_overflowed = header.process.groups_overflowed.load(Ordering::Relaxed).into();
    let mut losses = Losses { no_room, groups_overflowed, ..Losses::default() };
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
        losses.table_full = losses.table_full.wrapping_add(table_full.get());
        losses.reentrant = losses.reentrant.wrapping_add(reentrant.get());
        losses.reentrant_bytes = losses.reentrant_bytes.wrapping_add(reentrant_bytes.get());
        losses.damaged_trailers = losses.damaged_trailers.wrapping_add(damaged_trailers.get());
        losses.damaged_bytes = losses.damaged_bytes.wrapping_add(damaged_bytes.get());
        losses.truncated_stacks = losses.truncated_stacks.wrapping_add(truncated_stacks.get());
        losses.broken_stacks = losses.broken_stacks.wrapping_add(broken_stacks.get());
        losses.threads_overflowed =
            losses.threads_overflowed.wrapping_add(threads_overflowed.get());
    }
    losses
}

#[cfg(all(test, feature = "dhat-compat"))]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_fit_into_the_time_that_a_report_shows() {
        let sum = Sum { total_blocks: 2, live: (0, 2), ..Sum::default() };
        let span = Span { units: 1000, nanos: 359_900 };
        assert_eq!((span.end_micros(0), span.micros(2000)), (359, 719));
        assert_eq!(sum.counters((0, 0), span, 0).lifetimes_micros, 718);
    }
}
