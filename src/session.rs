//! One recording per process: how it starts, what every thread needs of it, fork and exit.
//!
//! ```text
//!  Undecided ──first block──▶ Making ──▶ Made ──▶ (exit: the report)
//!                                └─────▶ Refused  MOD_ALLOC=off, or no memory for the table
//! ```
//!
//! The decision falls before the first block and never changes, because it decides
//! whether blocks have trailers.

use core::mem::MaybeUninit;

use crate::heap::Heap;
use crate::os;
use crate::recording::layout::{Geometry, Header, Mapping, Region};
use crate::settings::Settings;
#[cfg(feature = "backtraces")]
use crate::settings::{BUCKETS, Unwind};
use crate::sync::once::{Once, Undecided};
use crate::sync::{AtomicU32, Ordering, UnsafeCell};
use crate::threads::{SLOTS, ThreadSlot};
#[cfg(feature = "backtraces")]
use crate::{
    arena::Arena,
    recording::layout::Module,
    sync::spin_lock::SpinLock,
    table::{frames::Frames, sites::Sites},
};

static SESSION: Once<Session> =
    Once::new(AtomicU32::new(0), UnsafeCell::new(MaybeUninit::uninit()));

/// What the hook needs, the same for all threads.
#[derive(Debug)]
pub(crate) struct Session {
    #[cfg(feature = "dhat-compat")]
    pub(crate) mapping: Mapping,
    pub(crate) header: &'static Header,
    pub(crate) slots: &'static [ThreadSlot],
    pub(crate) thread_end: Option<os::ThreadEnd>,
    #[cfg(feature = "backtraces")]
    pub(crate) settings: Settings,
    #[cfg(feature = "backtraces")]
    pub(crate) frames: Frames,
    #[cfg(feature = "backtraces")]
    pub(crate) sites: Sites,
    #[cfg(feature = "backtraces")]
    pub(crate) arenas: &'static [Arena],
    #[cfg(feature = "backtraces")]
    pub(crate) modules: &'static [Module],
    #[cfg(feature = "backtraces")]
    pub(crate) modules_lock: SpinLock,
}

impl Session {
    pub(crate) fn heap(&self) -> &'static Heap {
        &self.header.heap
    }

    /// The slot of the thread with this index.
    pub(crate) fn slot(&self, index: u32) -> Option<&'static ThreadSlot> {
        self.slots.get(index as usize)
    }
}

/// The session, if the process is recorded. Decides, the first time.
#[inline(always)]
pub(crate) fn get() -> Option<&'static Session> {
    match SESSION.get() {
        Ok(session) => session,
        Err(Undecided) => SESSION.decide(start, begin),
    }
}

/// Decides for the process. Allocations that libc makes meanwhile do not come to the hook.
fn start() -> Option<Session> {
    #[cfg(feature = "backtraces")]
    let _errno = os::KeepErrno::new();
    let settings = Settings::from_environment();
    if settings.on { open(&settings) } else { None }
}

/// What is asked of libc once there is a session.
fn begin() {
    #[cfg(feature = "backtraces")]
    let _errno = os::KeepErrno::new();
    os::at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    #[cfg(feature = "dhat-compat")]
    os::at_exit(crate::exit_report::at_exit);
}

fn open(settings: &Settings) -> Option<Session> {
    os::clock::start();
    #[cfg(feature = "backtraces")]
    os::loaded::note_early();
    let (mapping, settings) = map(settings)?;
    let header = mapping.header();
    describe_process(header, &settings);
    // SAFETY: the regions hold these types, of atomics, valid when zeroed.
    let slots = unsafe { mapping.region::<ThreadSlot>(Region::Threads) };
    let exact = settings.exact_peak || !os::register_barrier();
    header.heap.initialize(exact);
    #[cfg(feature = "backtraces")]
    crate::block::start(os::monotonic_nanos() ^ u64::from(os::process_id()) << 32);
    let thread_end = os::ThreadEnd::new(crate::inside::thread_ends);
    #[cfg(feature = "backtraces")]
    let session = open_table(mapping, header, slots, thread_end, settings);
    #[cfg(not(feature = "backtraces"))]
    let session = Session { header, slots, thread_end };
    Some(session)
}

#[cfg(feature = "backtraces")]
fn open_table(
    mapping: Mapping,
    header: &'static Header,
    slots: &'static [ThreadSlot],
    thread_end: Option<os::ThreadEnd>,
    settings: Settings,
) -> Session {
    // SAFETY: for each region below: it holds this type, of atomics, valid when zeroed.
    let frames = unsafe { mapping.region(Region::Frames) };
    // SAFETY: see above.
    let frame_slots = unsafe { mapping.region(Region::Slots) };
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
    let discard = |slots| os::discard(slots);
    let frames = Frames { head: &header.frames, frames, slots: frame_slots, discard };
    frames.initialize();
    let sites = Sites { head: &header.sites, owners, tallies, shared, records };
    sites.initialize();
    Session {
        #[cfg(feature = "dhat-compat")]
        mapping,
        header,
        slots,
        thread_end,
        settings,
        frames,
        sites,
        arenas,
        modules,
        modules_lock: SpinLock::default(),
    }
}

fn describe_process(header: &Header, settings: &Settings) {
    let process = &header.process;
    process.id.store(os::process_id(), Ordering::Relaxed);
    process.unwind.store(settings.unwind as u32, Ordering::Relaxed);
    process.frames.store(settings.frames, Ordering::Relaxed);
    process.buckets.store(settings.buckets.unwrap_or(0), Ordering::Relaxed);
    process.started_nanos.store(os::monotonic_nanos(), Ordering::Relaxed);
    process.started_units.store(os::clock::now(), Ordering::Relaxed);
    #[cfg(feature = "backtraces")]
    {
        let mut command = [0; crate::recording::layout::COMMAND_SIZE];
        let len = os::read_file(c"/proc/self/cmdline", &mut command);
        crate::recording::layout::store_bytes(&header.command, &command[..len]);
    }
}

/// Reserves the mapping; where that much address space cannot be had, a smaller table.
#[cfg(feature = "backtraces")]
fn map(settings: &Settings) -> Option<(Mapping, Settings)> {
    let mut settings = *settings;
    loop {
        let geometry = geometry(&settings);
        let size = geometry.offsets().1;
        if let Some(base) = reserve_half(size) {
            // SAFETY: zeroed, page-aligned, `size` bytes, never given back.
            return Some((unsafe { Mapping::initialize(base, &geometry) }, settings));
        }
        let buckets = settings.buckets.unwrap_or(BUCKETS.1);
        if buckets <= BUCKETS.0 {
            os::message::say(format_args!("no memory for the call-site table, not recording"));
            return None;
        }
        settings.buckets = Some(buckets / 2);
    }
}

/// Reserves `size` bytes where as many again are left: the program needs address space, too.
#[cfg(feature = "backtraces")]
fn reserve_half(size: usize) -> Option<core::ptr::NonNull<u8>> {
    let base = os::reserve(2 * size)?;
    // SAFETY: inside the mapping just made.
    let half = unsafe { base.add(size) };
    // SAFETY: its second half, which nobody uses.
    unsafe { os::release(half, size) };
    Some(base)
}

#[cfg(not(feature = "backtraces"))]
fn map(settings: &Settings) -> Option<(Mapping, Settings)> {
    let geometry = Geometry([SLOTS, 0, 0, 0, 0, 0, 0, 0, 0]);
    let base = os::reserve(geometry.offsets().1)?;
    // SAFETY: zeroed, page-aligned, of that size, never given back.
    Some((unsafe { Mapping::initialize(base, &geometry) }, *settings))
}

/// Entries of each region for a table of as many buckets.
#[cfg(feature = "backtraces")]
fn geometry(settings: &Settings) -> Geometry {
    use crate::table::frames::{last_level, slots_up_to};
    use crate::table::{sites::FIRST_SITE, slot::MAX_ID};
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
    let slots = slots_up_to(last_level(frames));
    let modules = buckets.clamp(MODULES.0, MODULES.1);
    Geometry([SLOTS, modules, sites, sites, sites, sites, frames, slots, SLOTS])
}

/// Whether stacks are walked by frame pointers alone, and whether those may help out.
#[cfg(feature = "backtraces")]
impl Session {
    pub(crate) fn unwind(&self) -> Unwind {
        self.settings.unwind
    }
}

/// Takes every lock that some thread may hold in the middle of a change, so that the child's copy
/// is whole. The order is that in which they are taken everywhere: the heap, the threads'
/// flushes (which hold the records' locks), the modules, the gate.
unsafe extern "C" fn before_fork() {
    let Some(session) = get() else { return };
    core::mem::forget(session.heap().lock.lock());
    session.slots.iter().for_each(|slot| core::mem::forget(slot.flushing.lock()));
    #[cfg(feature = "backtraces")]
    {
        core::mem::forget(session.modules_lock.lock());
        session.frames.before_fork();
    }
}

unsafe extern "C" fn after_fork_in_parent() {
    let Some(session) = get() else { return };
    #[cfg(feature = "backtraces")]
    {
        session.frames.after_fork();
        session.modules_lock.open();
    }
    session.slots.iter().for_each(|slot| slot.flushing.open());
    session.heap().lock.open();
}

/// The child goes on with the same numbers in its own copy; of the threads it has only this one.
unsafe extern "C" fn after_fork_in_child() {
    // SAFETY: called by fork in the child, as its other half.
    unsafe { after_fork_in_parent() };
    let Some(session) = get() else { return };
    session.header.process.id.store(os::process_id(), Ordering::Relaxed);
    let own = crate::inside::current_index();
    let mut threads = 0;
    for (index, slot) in session.slots.iter().enumerate() {
        slot.in_use.open();
        if Some(index as u32) == own {
            slot.id.store(os::thread_id(), Ordering::Relaxed);
            threads += 1;
        } else if slot.is_running() {
            slot.inside.store(0, Ordering::Relaxed);
            slot.leave();
        }
    }
    session.heap().threads.store(threads, Ordering::Relaxed);
    #[cfg(feature = "dhat-compat")]
    crate::exit_report::in_forked_child();
}
