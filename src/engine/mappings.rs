//! The mappings that the program makes itself: the parts of the address space, and the call sites
//! that hold them.
//!
//! Pieces of the address space are in a list, in order of their addresses and without overlap, each
//! with its call site's entry. A new mapping takes the place of what was there, as the kernel has
//! it. To insert is to move what lies behind: a system call takes longer, until there are
//! thousands.
//!
//! The lock is held while the kernel unmaps or moves: another thread may be given the same
//! addresses at once, and records them afterwards. Signals are held off as long: a handler may wait
//! for another thread, as that of a garbage collector does, and that thread for the lock.

use core::ops::Range;
use core::ptr::NonNull;

use crate::base::os::{self, SignalsHeld};
use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::{Ordering, UnsafeCell};
use crate::capture::registers::Registers;
use crate::engine::inside::{Inside, Outside};
use crate::engine::session::Session;
use crate::engine::stack_site::frame_of;
use crate::store::ids::FrameId;
use crate::store::kinds::Kind;
use crate::store::mappings::Entry;
use crate::store::space::{Part, SPACE};

/// A part of the address space that a call site has mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: usize,
    end: usize,
    entry: usize,
}

/// The most pieces.
const MOST_PIECES: usize = 1 << 16;

/// The pieces; none until there is memory for them.
struct Pieces {
    memory: Option<NonNull<Piece>>,
    count: usize,
    /// The sum has been largest, and entries have not noted what they had then.
    is_at_peak: bool,
}

struct List {
    lock: SpinLock,
    pieces: UnsafeCell<Pieces>,
}

// SAFETY: the pieces are used under the lock alone.
unsafe impl Sync for List {}

static LIST: List = List {
    lock: SpinLock::new(),
    pieces: UnsafeCell::new(Pieces { memory: None, count: 0, is_at_peak: false }),
};

/// Records that memory was mapped at a range; its call's stack begins with `at`.
pub(crate) fn mapped(session: &'static Session, range: Range<usize>, kind: Kind, at: Registers) {
    let Some(mut entered) = enter(session) else { return };
    let frame = frame_of(entered.inside.thread(), session, at).unwrap_or(FrameId::new(0));
    let now = session.clock.now();
    entered.with_pieces(session, |pieces| {
        let Some(pieces) = pieces else { return };
        let entry = entry_of(session, frame, kind).filter(|_| pieces.is_ready());
        pieces.remove(session, range.clone());
        let Some(entry) = entry else { return lose(session) };
        if pieces.add(Piece { start: range.start, end: range.end, entry }) {
            count_call(session, entry, range.len());
            grow(session, pieces, entry, range.len(), now);
        } else {
            lose(session);
        }
    });
}

/// Records that a range is not mapped any more, if `call` unmaps it.
pub(crate) fn unmapped(
    session: &'static Session,
    range: Range<usize>,
    call: impl FnOnce() -> bool,
) {
    let Some(entered) = enter(session) else {
        call();
        return;
    };
    entered.with_pieces(session, |pieces| {
        if call()
            && let Some(pieces) = pieces
        {
            pieces.remove(session, range);
        }
    });
}

/// Records that what was mapped at a range is at another, which `call` gives, if it was moved or
/// resized. What is more counts for the call site that has mapped it first.
pub(crate) fn moved(
    session: &'static Session,
    from: Range<usize>,
    is_copy: bool,
    call: impl FnOnce() -> Option<Range<usize>>,
) {
    let Some(entered) = enter(session) else {
        call();
        return;
    };
    let now = session.clock.now();
    entered.with_pieces(session, |pieces| {
        let (Some(to), Some(pieces)) = (call(), pieces) else { return };
        let entry = pieces.at(from.start).map(|piece| piece.entry);
        if !is_copy {
            pieces.remove(session, from.clone());
        }
        pieces.remove(session, to.clone());
        let Some(entry) = entry else { return };
        if !pieces.add(Piece { start: to.start, end: to.end, entry }) {
            return lose(session);
        }
        let more = to.len().saturating_sub(if is_copy { 0 } else { from.len() });
        if more > 0 {
            count_call(session, entry, more);
        }
        grow(session, pieces, entry, to.len(), now);
    });
}

/// Inside the hook, with signals held off until after it is left.
struct Entered {
    inside: Inside,
    /// `None`: the program has forbidden itself calls of the system.
    signals: Option<SignalsHeld>,
}

/// Inside the hook, as the program's own call; `None`: it is the profiler's, or not recorded.
fn enter(session: &'static Session) -> Option<Entered> {
    let signals = SignalsHeld::new();
    match Inside::enter(session) {
        Ok(inside) => Some(Entered { inside, signals }),
        Err(Outside::Reentrant) => {
            lose(session);
            None
        }
        Err(_) => None,
    }
}

#[cold]
fn lose(session: &Session) {
    session.header.late.losses.mappings_lost.add_shared(1);
}

impl Entered {
    /// Does `work` under the lock. Where signals cannot be held off, a handler could wait for a
    /// thread that waits for the lock: there `work` gets nothing if the lock is not open.
    fn with_pieces(&self, session: &Session, work: impl FnOnce(Option<&mut Pieces>)) {
        let held = match self.signals {
            Some(_) => Some(LIST.lock.lock()),
            None => LIST.lock.try_lock(),
        };
        if held.is_none() {
            lose(session);
            return work(None);
        }
        // SAFETY: the lock is held, and a thread takes it inside the hook, so once.
        LIST.pieces.with_mut(|pieces| work(Some(unsafe { &mut *pieces })));
    }
}

/// Takes the lock, so that no forked child inherits one that another thread holds.
pub(crate) fn before_fork() {
    core::mem::forget(LIST.lock.lock());
}

/// Opens it, in the parent and in the child.
pub(crate) fn after_fork() {
    LIST.lock.open();
}

impl Pieces {
    /// True if there is memory for the list.
    fn is_ready(&mut self) -> bool {
        if self.memory.is_none() {
            self.memory = os::reserve(MOST_PIECES * size_of::<Piece>()).map(NonNull::cast);
        }
        self.memory.is_some()
    }

    fn all(&mut self) -> &mut [Piece] {
        match self.memory {
            // SAFETY: room for the most pieces, of which so many are written; they are this
            // list's, which is borrowed as long.
            Some(memory) => unsafe { core::slice::from_raw_parts_mut(memory.as_ptr(), self.count) },
            None => &mut [],
        }
    }

    /// The piece that has an address.
    fn at(&mut self, address: usize) -> Option<Piece> {
        let all = self.all();
        let index = all.partition_point(|piece| piece.end <= address);
        all.get(index).copied().filter(|piece| piece.start <= address)
    }

    /// Adds a piece where none is, as a part of a neighbour of its call site if there is one;
    /// `false`: there is no room.
    fn add(&mut self, piece: Piece) -> bool {
        let index = self.all().partition_point(|other| other.end <= piece.start);
        let is_next = |other: &Piece| other.start == piece.end && other.entry == piece.entry;
        let is_last = |other: &Piece| other.end == piece.start && other.entry == piece.entry;
        let next = self.all().get(index).copied().filter(is_next);
        let before = index.checked_sub(1);
        let last = before.and_then(|before| self.all().get(before).copied()).filter(is_last);
        match (last, before, next) {
            (Some(last), Some(before), Some(next)) => {
                self.set(before, Piece { end: next.end, ..last });
                self.take_out(index);
            }
            (Some(last), Some(before), None) => self.set(before, Piece { end: piece.end, ..last }),
            (_, _, Some(next)) => self.set(index, Piece { start: piece.start, ..next }),
            _ => return self.insert(piece),
        }
        true
    }

    /// Adds a piece where none is; `false`: there is no room.
    fn insert(&mut self, piece: Piece) -> bool {
        let (Some(memory), true) = (self.memory, self.count < MOST_PIECES) else { return false };
        let index = self.all().partition_point(|other| other.end <= piece.start);
        // SAFETY: at most the count, and there is room for one more.
        let place = unsafe { memory.add(index) };
        // SAFETY: see above.
        let next = unsafe { place.add(1) };
        // SAFETY: the pieces from there on, to one place further.
        unsafe { place.copy_to(next, self.count - index) };
        // SAFETY: inside the memory.
        unsafe { place.write(piece) };
        self.count += 1;
        true
    }

    /// Takes a range out, and what is mapped there from its call sites.
    fn remove(&mut self, session: &Session, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        while let Some(piece) = self.overlapping(&range) {
            let (start, end) = (piece.start.max(range.start), piece.end.min(range.end));
            self.shrink(session, piece.entry, end - start);
            let index = self.all().partition_point(|other| other.end <= range.start);
            match (piece.start < start, end < piece.end) {
                (false, false) => self.take_out(index),
                (true, false) => self.set(index, Piece { end: start, ..piece }),
                (false, true) => self.set(index, Piece { start: end, ..piece }),
                (true, true) => {
                    self.set(index, Piece { end: start, ..piece });
                    if !self.insert(Piece { start: end, ..piece }) {
                        self.shrink(session, piece.entry, piece.end - end);
                        lose(session);
                    }
                }
            }
        }
    }

    fn overlapping(&mut self, range: &Range<usize>) -> Option<Piece> {
        let all = self.all();
        let index = all.partition_point(|piece| piece.end <= range.start);
        all.get(index).copied().filter(|piece| piece.start < range.end)
    }

    fn set(&mut self, index: usize, piece: Piece) {
        if let Some(place) = self.all().get_mut(index) {
            *place = piece;
        }
    }

    fn take_out(&mut self, index: usize) {
        let all = self.all();
        if index < all.len() {
            all.copy_within(index + 1.., index);
            self.count -= 1;
        }
    }

    /// Counts bytes that are not mapped any more. If the sum was largest, all note what they had.
    fn shrink(&mut self, session: &Session, entry: usize, bytes: usize) {
        if core::mem::take(&mut self.is_at_peak) {
            for entry in entries(session).iter().skip(1) {
                entry.at_peak.set(entry.now.get());
            }
        }
        for entry in [0, entry].iter().filter_map(|&index| session.mappings.get(index)) {
            entry.now.set(entry.now.get().saturating_sub(bytes as u64));
        }
    }
}

/// The entries that are used.
fn entries(session: &Session) -> &'static [Entry] {
    let used = session.header.late.mapping_entries.load(Ordering::Relaxed) as usize;
    session.mappings.get(..used).unwrap_or_default()
}

/// The entry of a call site, made if it is new; `None`: there is no room.
fn entry_of(session: &Session, frame: FrameId, kind: Kind) -> Option<usize> {
    let known = entries(session);
    let is_it = |entry: &Entry| {
        entry.frame.load(Ordering::Relaxed) == frame.number()
            && entry.kind.load(Ordering::Relaxed) == kind as u32
    };
    if let Some(index) = known.iter().skip(1).position(is_it) {
        return Some(index + 1);
    }
    // The first is that of the sums.
    let index = known.len().max(1);
    let entry = session.mappings.get(index)?;
    if !SPACE.has(Part::Mappings, index as u32 + 1) {
        return None;
    }
    entry.frame.store(frame.number(), Ordering::Relaxed);
    entry.kind.store(kind as u32, Ordering::Relaxed);
    // Release pairs with the Acquire in `view::used`: the entry is described.
    session.header.late.mapping_entries.store(index as u64 + 1, Ordering::Release);
    Some(index)
}

fn count_call(session: &Session, entry: usize, bytes: usize) {
    for entry in [0, entry].iter().filter_map(|&index| session.mappings.get(index)) {
        entry.calls.add(1);
        entry.total.add(bytes as u64);
    }
}

/// Counts bytes that are mapped now.
fn grow(session: &Session, pieces: &mut Pieces, entry: usize, bytes: usize, now: u64) {
    for entry in [0, entry].iter().filter_map(|&index| session.mappings.get(index)) {
        entry.now.add(bytes as u64);
    }
    let Some(sums) = session.mappings.first() else { return };
    if sums.now.get() >= sums.at_peak.get() {
        sums.at_peak.set(sums.now.get());
        sums.peak_time.set(now);
        pieces.is_at_peak = true;
    }
}
