//! One recording per process: how it starts, what every thread needs of it, fork and exit.
//!
//! ```text
//!  Undecided ──first block──▶ Making ──▶ Made ──▶ (exit: the report)
//!                                └─────▶ Refused  MOD_ALLOC=off, or no memory for the table
//! ```
//!
//! The decision falls before the first block and never changes, because it decides
//! whether blocks have trailers.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use crate::base::os;
#[cfg(feature = "backtraces")]
use crate::base::settings::BUCKETS;
use crate::base::settings::Settings;
use crate::base::sync::once::{Once, Undecided};
use crate::base::sync::{AtomicU32, Ordering, UnsafeCell};
#[cfg(feature = "backtraces")]
#[cfg(feature = "backtraces")]
use crate::capture::process_rules::ProcessRules;
#[cfg(feature = "backtraces")]
use crate::store::arena::Arena;
#[cfg(feature = "backtraces")]
use crate::store::frames::Frames;
#[cfg(feature = "backtraces")]
use crate::store::group::Group;
use crate::store::layout::{Geometry, Header, Mapping, Region};
#[cfg(feature = "backtraces")]
use crate::store::modules::Modules;
use crate::store::peak::Heap;
#[cfg(feature = "backtraces")]
use crate::store::sites::Sites;
#[cfg(feature = "backtraces")]
use crate::store::slot::Slot;
#[cfg(feature = "backtraces")]
use crate::store::space::{Part, SPACE};
use crate::store::thread_slot::{SHARED, SLOTS, ThreadSlot};

#[cfg(feature = "backtraces")]
use crate::engine::place;
#[cfg(feature = "backtraces")]
pub(crate) use crate::engine::place::is_muted;

static SESSION: Once<Session> =
    Once::new(AtomicU32::new(0), UnsafeCell::new(MaybeUninit::uninit()));

/// What the hook needs, the same for all threads.
#[derive(Debug)]
pub(crate) struct Session {
    #[cfg(feature = "backtraces")]
    pub(crate) mapping: Mapping,
    pub(crate) header: &'static Header,
    pub(crate) slots: &'static [ThreadSlot],
    pub(crate) thread_end: Option<os::ThreadEnd>,
    /// See [`Calls::note_state`].
    #[cfg(feature = "backtraces")]
    pub(crate) note_state: fn(&'static Session, i64, (u64, u64)),
    #[cfg(feature = "backtraces")]
    pub(crate) settings: Settings,
    #[cfg(feature = "backtraces")]
    pub(crate) frames: Frames,
    #[cfg(feature = "backtraces")]
    pub(crate) sites: Sites,
    #[cfg(feature = "backtraces")]
    pub(crate) arenas: &'static [Arena],
    #[cfg(feature = "backtraces")]
    pub(crate) modules: Modules,
    #[cfg(feature = "backtraces")]
    pub(crate) groups: &'static [Group],
}

impl Session {
    pub(crate) fn heap(&self) -> &'static Heap {
        &self.header.heap
    }

    /// The slots that have ever been used. Who takes one for the first time waits for the heap's lock
    /// before the first event. The one that is shared lies behind the others, and what is between them
    /// may be without space: not even reading it is safe then.
    pub(crate) fn used_slots(&self) -> impl Iterator<Item = (u32, &'static ThreadSlot)> + use<> {
        let used = self.header.process.threads.load(Ordering::Relaxed);
        let own = used.min(SHARED);
        #[cfg(feature = "backtraces")]
        let own = own.min(SPACE.entries(Part::Threads));
        let shared = (used > SHARED).then_some(SHARED);
        let slots = self.slots;
        let indices = (0..own).chain(shared);
        indices.filter_map(move |index| Some((index, slots.get(index as usize)?)))
    }

    /// Makes a group; [`NO_GROUP`](crate::store::group::NO_GROUP) if there is no room for one.
    #[cfg(feature = "backtraces")]
    pub(crate) fn make_group(&self, thread_name: &[u8], name: &[u8]) -> u32 {
        crate::store::group::make(&self.header.process, self.groups, thread_name, name)
    }

    /// Whether the recording is of this process: a child that was forked without telling anybody, or that is
    /// not to be recorded, still has its parent's mapped.
    #[cfg(feature = "backtraces")]
    pub(crate) fn is_this_process(&self) -> bool {
        self.header.process.id.load(Ordering::Relaxed) == os::process_id()
    }

    /// The slot of the thread with this index.
    pub(crate) fn slot(&self, index: u32) -> Option<&'static ThreadSlot> {
        self.slots.get(index as usize)
    }
}

/// Whether the process has not had its first block.
#[cfg(feature = "dhat-compat")]
#[inline(always)]
pub(crate) fn is_undecided() -> bool {
    SESSION.get().is_err()
}

/// The session, or that the process is not recorded. A program whose allocator is another one stays
/// undecided, whatever numbers it asks for.
///
/// # Errors
///
/// While nothing is decided.
#[inline(always)]
pub(crate) fn decided() -> Result<Option<&'static Session>, Undecided> {
    SESSION.get()
}

/// The session, if there is one by now.
#[inline(always)]
pub(crate) fn get() -> Option<&'static Session> {
    decided().unwrap_or(None)
}

/// The functions that the session calls, which know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    /// A thread that had events ends; the argument is its state.
    pub(crate) thread_ends: unsafe extern "C" fn(*mut c_void),
    /// The calling thread is asked to take down the allocator's state, with so many bytes live. It is
    /// outside the hook, and its stack has these bounds.
    #[cfg(feature = "backtraces")]
    pub(crate) note_state: fn(&'static Session, i64, (u64, u64)),
}

/// Decides whether the process is recorded, unless that was done. `begin` runs once there is a session.
pub(crate) fn decide(calls: Calls, begin: fn()) -> Option<&'static Session> {
    SESSION.decide(|| make(calls), begin)
}

/// Decides for the process. Allocations that libc makes meanwhile do not come to the hook.
fn make(calls: Calls) -> Option<Session> {
    #[cfg(feature = "backtraces")]
    let _errno = os::KeepErrno::new();
    let settings = Settings::from_environment();
    if settings.on { open(&settings, calls) } else { None }
}

/// Notes what both clocks say, so that who finds the recording can tell the time.
#[cfg(feature = "backtraces")]
pub(crate) fn note_moment(session: &Session) {
    let process = &session.header.process;
    let nanos = os::monotonic_nanos() - process.started_nanos.load(Ordering::Relaxed);
    process.last_units.store(os::clock::now(), Ordering::Relaxed);
    process.last_nanos.store(nanos, Ordering::Relaxed);
}

fn open(settings: &Settings, calls: Calls) -> Option<Session> {
    #[cfg(feature = "backtraces")]
    os::loaded::note_early();
    #[cfg(feature = "backtraces")]
    crate::store::test_starts::read(settings.tests);
    let (mapping, settings) = map(settings)?;
    let header = mapping.header();
    describe_process(header, &settings);
    #[cfg(not(feature = "backtraces"))]
    // SAFETY: the regions hold these types, of atomics, valid when zeroed.
    let slots = unsafe { mapping.region::<ThreadSlot>(Region::Threads) };
    let exact = settings.exact_peak || !os::register_barrier();
    header.heap.initialize(exact);
    #[cfg(feature = "backtraces")]
    crate::store::trailer::start(os::monotonic_nanos() ^ u64::from(os::process_id()) << 32);
    let thread_end = os::ThreadEnd::new(calls.thread_ends);
    #[cfg(feature = "backtraces")]
    let session = {
        let capacity = header.regions[Region::Frames as usize][1].load(Ordering::Relaxed) as usize;
        let slots = frame_slots(capacity)?;
        Session::of_mapping(mapping, slots, discard, ROOM, thread_end, settings, calls.note_state)
    };
    #[cfg(not(feature = "backtraces"))]
    let session = Session { header, slots, thread_end };
    Some(session)
}

/// Slots for so many frames. They serve lookups only, so they are not part of the recording.
#[cfg(feature = "backtraces")]
fn frame_slots(frames: usize) -> Option<&'static [Slot]> {
    use crate::store::frames::{last_level, slots_up_to};
    let slots = slots_up_to(last_level(frames));
    let memory = os::reserve(slots * size_of::<Slot>())?.cast::<Slot>();
    // SAFETY: zeroed memory of that size, never given back; a slot is an atomic, valid when zeroed.
    Some(unsafe { core::slice::from_raw_parts(memory.as_ptr(), slots) })
}

/// Empties slots that nobody uses any more, as far as they are whole pages.
#[cfg(feature = "backtraces")]
fn discard(slots: &'static [Slot]) {
    let memory = core::ptr::NonNull::from(slots).cast();
    // SAFETY: slots are atomics, in the mapping of `frame_slots`; zero says that a slot is empty.
    unsafe { os::discard(memory, size_of_val(slots)) };
}

/// Room for frames, and for sites. The frame after the last one may be looked at.
#[cfg(feature = "backtraces")]
const ROOM: [fn(u32) -> bool; 2] =
    [|frames| SPACE.has(Part::Frames, frames + 1), |sites| SPACE.has(Part::Sites, sites)];

#[cfg(feature = "backtraces")]
impl Session {
    /// The views of a recording. `frame_slots` are empty; `discard` empties some that are not used
    /// any more; `room` says whether there is room for so many frames, and sites.
    pub(crate) fn of_mapping(
        mapping: Mapping,
        frame_slots: &'static [Slot],
        discard: fn(&'static [Slot]),
        room: [fn(u32) -> bool; 2],
        thread_end: Option<os::ThreadEnd>,
        settings: Settings,
        note_state: fn(&'static Session, i64, (u64, u64)),
    ) -> Session {
        let header = mapping.header();
        // SAFETY: for each region below: it holds this type, of atomics, valid when zeroed.
        let slots = unsafe { mapping.region(Region::Threads) };
        // SAFETY: see above.
        let frames = unsafe { mapping.region(Region::Frames) };
        // SAFETY: see above.
        let owners = unsafe { mapping.region(Region::Owners) };
        // SAFETY: see above.
        let tallies = unsafe { mapping.region(Region::Tallies) };
        // SAFETY: see above.
        let shared = unsafe { mapping.region(Region::Shared) };
        // SAFETY: see above.
        let records = unsafe { mapping.region(Region::Records) };
        // SAFETY: see above.
        let arenas = unsafe { mapping.region(Region::Arenas) };
        // SAFETY: see above.
        let modules = unsafe { mapping.region(Region::Modules) };
        // SAFETY: see above.
        let groups = unsafe { mapping.region(Region::Groups) };
        let [frame_room, site_room] = room;
        let frames =
            Frames { head: &header.frames, frames, slots: frame_slots, discard, room: frame_room };
        let sites =
            Sites { head: &header.sites, owners, tallies, shared, records, room: site_room };
        frames.initialize();
        sites.initialize();
        Session {
            mapping,
            header,
            slots,
            thread_end,
            settings,
            note_state,
            frames,
            sites,
            arenas,
            modules: Modules::new(modules, &header.process.modules),
            groups,
        }
    }
}

fn describe_process(header: &Header, settings: &Settings) {
    let process = &header.process;
    process.id.store(os::process_id(), Ordering::Relaxed);
    process.unwind.store(settings.unwind as u32, Ordering::Relaxed);
    process.frames.store(settings.frames, Ordering::Relaxed);
    process.buckets.store(settings.buckets.unwrap_or(0), Ordering::Relaxed);
    // Together, because their ratio is the rate of the clock. Not before the mapping is made: room in
    // a file may take longer than all that is recorded.
    os::clock::start();
    process.started_nanos.store(os::monotonic_nanos(), Ordering::Relaxed);
    process.started_units.store(os::clock::origin(), Ordering::Relaxed);
    #[cfg(feature = "backtraces")]
    {
        let mut command = [0; crate::store::layout::COMMAND_SIZE];
        let len = os::read_file(c"/proc/self/cmdline", &mut command);
        crate::store::layout::store_bytes(&header.command, &command[..len]);
        crate::store::layout::store_bytes(&process.boot, &os::files::boot_id());
    }
}

/// Reserves the mapping; where that much address space cannot be had, a smaller table.
#[cfg(feature = "backtraces")]
fn map(settings: &Settings) -> Option<(Mapping, Settings)> {
    /// Tests of one program, and what it groups itself; with a smaller table fewer.
    const GROUPS: (usize, usize) = (1 << 10, 1 << 16);
    let mut settings = *settings;
    let mut groups = GROUPS.1;
    loop {
        let geometry = geometry(&settings, groups);
        let size = geometry.offsets().1;
        match place::make(&settings, size, &geometry) {
            Ok(mapping) => return Some((mapping, settings)),
            Err(place::NoMapping::NotRecorded) => return None,
            Err(place::NoMapping::TooLarge) => {}
        }
        let buckets = settings.buckets.unwrap_or(BUCKETS.1);
        if buckets <= BUCKETS.0 {
            os::message::say(format_args!("no memory for the call-site table, not recording"));
            return None;
        }
        settings.buckets = Some(buckets / 2);
        groups = (groups / 2).max(GROUPS.0);
    }
}

#[cfg(not(feature = "backtraces"))]
fn map(settings: &Settings) -> Option<(Mapping, Settings)> {
    let geometry = Geometry([SLOTS, 0, 0, 0, 0, 0, 0, 0, 0]);
    let base = os::reserve(geometry.offsets().1)?;
    // SAFETY: zeroed, page-aligned, of that size, never given back.
    Some((unsafe { Mapping::initialize(base, &geometry) }, *settings))
}

/// Entries of each region for a table of as many buckets, and so many groups.
#[cfg(feature = "backtraces")]
fn geometry(settings: &Settings, groups: usize) -> Geometry {
    use crate::store::sites::FIRST_SITE;
    use crate::store::slot::MAX_ID;
    /// An object that is loaded again counts again. At most as many as there are generations.
    const MODULES: (usize, usize) = (1 << 10, 1 << 16);
    /// New frames per site, in large tables; small ones have room for entirely different stacks.
    const FRAMES_PER_SITE: usize = 16;
    const FEW_FRAMES: usize = 1 << 17;
    let buckets = settings.buckets.unwrap_or(BUCKETS.1) as usize;
    let unshared = buckets * settings.frames as usize;
    let frames = unshared.min((buckets * FRAMES_PER_SITE).max(FEW_FRAMES)).min(MAX_ID as usize);
    let frames = frames.max(4096);
    let sites = buckets + FIRST_SITE as usize;
    let modules = buckets.clamp(MODULES.0, MODULES.1);
    Geometry([SLOTS, modules, sites, sites, sites, sites, frames, groups, SLOTS])
}

/// The rules by which this process's stacks are walked.
#[cfg(feature = "backtraces")]
impl Session {
    pub(crate) fn rules(&self) -> ProcessRules<'_, Modules> {
        ProcessRules::new(self.settings.unwind, &self.modules)
    }
}
