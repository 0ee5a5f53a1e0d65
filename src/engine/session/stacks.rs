//! The session's part for stacks: the views of the recording, and how its mapping is made.
//!
//! The order of the start, all of it before the first block is recorded:
//!
//! 1. [`prepare`]: the modules that are loaded now, which stay as long as the process.
//! 2. [`map`]: the mapping, with a smaller table if address space is short.
//! 3. [`describe`]: the process, in the header; the clock starts.
//! 4. [`open`]: the trailers' secret, the key that announces a thread's end, the views.

use core::ops::Range;
use core::ptr::NonNull;

use crate::base::os;
use crate::base::os::clock::{Clock, Moment};
pub(crate) use crate::base::os::stack_bounds;
use crate::base::settings::{BUCKETS, Settings};
use crate::base::sync::Ordering;
use crate::base::sync::bytes::store_bytes;
use crate::capture::process_rules::ProcessRules;
use crate::engine::place;
pub(crate) use crate::engine::place::is_muted;
use crate::engine::registration;
use crate::engine::session::{Calls, Session};
use crate::engine::timeline;
use crate::store::arena::Arena;
use crate::store::frames::Frames;
use crate::store::group::Group;
use crate::store::histograms::Histograms;
use crate::store::ids::GroupId;
use crate::store::layout::{COMMAND_SIZE, Geometry, Header, Region};
use crate::store::mapping::Mapping;
use crate::store::mappings::{self, MOST_ENTRIES};
use crate::store::modules::Modules;
use crate::store::sampling::whole;
use crate::store::sites::Sites;
use crate::store::slot::Slot;
use crate::store::space::{Part, SPACE};
use crate::store::thread_slot::SLOTS;
use crate::store::timeline::{SAMPLE_ENTRIES, Sample};
use crate::store::trailer;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The whole recording.
    pub(crate) mapping: Mapping,
    /// The settings in force: `buckets` may be less than what was asked for.
    pub(crate) settings: Settings,
    /// Bytes added to each block: here, because the hook has the session at hand.
    pub(crate) trailer: usize,
    /// True if blocks keep their births or are sampled: their events go a longer way in the hook.
    pub(crate) is_special: bool,
    /// See [`Calls::note_state`].
    pub(crate) note_state: fn(&'static Session, i64, (u64, u64)),
    pub(crate) frames: Frames,
    pub(crate) sites: Sites,
    /// By thread slot.
    pub(crate) arenas: &'static [Arena],
    /// By thread slot.
    pub(crate) histograms: &'static [Histograms],
    pub(crate) modules: Modules,
    pub(crate) groups: &'static [Group],
    /// See [`crate::store::timeline`]; no entries of the log.
    pub(crate) samples: &'static [Sample],
    /// None, unless the program's own mappings are recorded.
    #[cfg_attr(not(feature = "preload"), expect(dead_code, reason = "the crate sees none"))]
    pub(crate) mappings: &'static [mappings::Entry],
}

/// Notes the loaded modules, before the process loads others.
pub(super) fn prepare(settings: &Settings) {
    os::loaded::note_early();
    crate::store::test_starts::read(settings.tests);
}

/// The thread slots that there is room for.
pub(super) fn room_for_threads() -> u32 {
    SPACE.entries(Part::Threads)
}

/// Describes the process in the header, beyond what every recording says.
/// The boot's id is there because process ids begin anew at each boot: without it, a stranger would
/// pass for the process that still runs.
pub(super) fn describe(header: &Header) {
    let mut command = [0; COMMAND_SIZE];
    let len = os::read_file(c"/proc/self/cmdline", &mut command);
    store_bytes(&header.command, command.get(..len).unwrap_or(&[]));
    store_bytes(&header.process.boot, &os::files::boot_id());
}

/// The session of a described mapping.
pub(super) fn open(
    mapping: Mapping,
    settings: Settings,
    clock: Clock,
    calls: Calls,
) -> Option<Session> {
    let seed = os::monotonic_nanos() ^ u64::from(os::process_id()) << 32;
    trailer::start(seed);
    let thread_end = os::ThreadEnd::new(calls.thread_ends);
    let slots = frame_slots(mapping.place(Region::Frames).1)?;
    let note_state = calls.note_state;
    let session =
        Session::of_mapping(mapping, slots, discard, ROOM, thread_end, settings, note_state);
    Some(Session { clock, ..session })
}

/// True if there is room for so many thread slots.
pub(crate) fn has_room_for_threads(slots: u32) -> bool {
    SPACE.has(Part::Threads, slots)
}

/// Keeps the memory of a thread's state out of forked children, whose recording is another file.
/// A child that went on with the state would write into its parent's recording.
pub(crate) fn keep_from_children(memory: NonNull<u8>, len: usize) {
    if SPACE.is_in_file() {
        os::files::wipe_on_fork(memory, len);
    }
}

/// Notes what both clocks say, so that a reader of the recording can tell the time.
///
/// The recording's times are units of the processor's counter, whose frequency is not told in it.
/// Two moments on both clocks give the frequency to a reader, in another process, or later.
pub(crate) fn note_moment(session: &Session) {
    let process = &session.header.process;
    let Moment { units, nanos } = session.clock.moment();
    let nanos = nanos - process.started_nanos.load(Ordering::Relaxed);
    process.last_units.store(units, Ordering::Relaxed);
    process.last_nanos.store(nanos, Ordering::Relaxed);
}

impl Session {
    /// The groups that there are, the first of which is none.
    #[cfg(any(feature = "groups", feature = "dhat-compat"))]
    pub(crate) fn used_groups(&self) -> &'static [Group] {
        let used = self.header.process.groups.load(Ordering::Relaxed) as usize;
        self.groups.get(..used).unwrap_or_default()
    }

    /// Makes a group; [`NO_GROUP`](crate::store::group::NO_GROUP) if there is no room for one.
    pub(crate) fn make_group(&self, thread_name: &[u8], name: &[u8]) -> GroupId {
        crate::store::group_frames::make(&self.header.process, self.groups, thread_name, name)
    }

    /// True if blocks keep their births.
    #[inline(always)]
    pub(crate) fn is_timed(&self) -> bool {
        self.trailer != trailer::TRAILER
    }

    /// True if samples are taken.
    #[inline(always)]
    pub(crate) fn is_sampled(&self) -> bool {
        self.settings.sample != 0
    }

    /// Blocks of a group's or site's words as a whole number: estimates have binary places.
    pub(crate) fn whole_blocks(&self, blocks: u64) -> u64 {
        if self.is_sampled() { whole(blocks) } else { blocks }
    }

    /// Memory of the recording and of the threads' states, which the program does not know of; the
    /// last ranges may be empty.
    pub(crate) fn own_memory(&self) -> [Range<usize>; SLOTS + 2] {
        let (first, slots) = (self.mapping.base().as_ptr().addr(), self.frames.slots);
        let table = slots.as_ptr().addr()..slots.as_ptr().addr() + size_of_val(slots);
        let recording = [first..first + self.mapping.len(), table];
        let mut all = [const { 0..0 }; SLOTS + 2];
        let found = recording.into_iter().chain(registration::memory_of_cells());
        all.iter_mut().zip(found).for_each(|(place, range)| *place = range);
        all
    }

    /// Forgets all sizes and lifetimes. No event is under way, and none begins meanwhile.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn clear_histograms(&self) {
        let used = self.used_slots().filter_map(|(index, _)| self.histograms.get(index.index()));
        used.for_each(Histograms::clear);
    }

    /// True if the recording is of this process. A child of an unannounced fork, or one that is not
    /// recorded, still has its parent's recording mapped.
    pub(crate) fn is_this_process(&self) -> bool {
        self.header.process.id.load(Ordering::Relaxed) == os::process_id()
    }

    /// The rules by which this process's stacks are walked.
    pub(crate) fn rules(&self) -> ProcessRules<'_, Modules> {
        ProcessRules::new(self.settings.unwind, &self.modules)
    }

    /// The views of a recording. `frame_slots` are empty; `discard` empties slots that are no
    /// longer used; `room` tells if there is room for N frames, and N sites. The clock starts now.
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
        let histograms = unsafe { mapping.region(Region::Histograms) };
        // SAFETY: see above.
        let modules = unsafe { mapping.region(Region::Modules) };
        // SAFETY: see above.
        let groups = unsafe { mapping.region(Region::Groups) };
        // SAFETY: see above.
        let samples: &[Sample] = unsafe { mapping.region(Region::Timeline) };
        let samples = samples.get(..SAMPLE_ENTRIES).unwrap_or_default();
        // SAFETY: see above.
        let mappings = unsafe { mapping.region(Region::Mappings) };
        let [frame_room, site_room] = room;
        let frames =
            Frames { head: &header.frames, frames, slots: frame_slots, discard, room: frame_room };
        let sites =
            Sites { head: &header.sites, owners, tallies, shared, records, room: site_room };
        frames.initialize();
        sites.initialize();
        header.rates.set(settings.sample);
        let modules = Modules::new(modules, &header.process.modules);
        let parts = Parts {
            mapping,
            settings,
            trailer: trailer::len(settings.lifetimes),
            is_special: settings.lifetimes || settings.sample != 0,
            note_state,
            frames,
            sites,
            arenas,
            histograms,
            modules,
            groups,
            samples,
            mappings,
        };
        let (clock, _) = Clock::start(settings.lifetimes);
        let session = Session { header, slots, thread_end, clock, parts };
        timeline::begin(&session, settings.timeline);
        session
    }
}

/// Slots for N frames. They serve lookups only, so they are not part of the recording.
fn frame_slots(frames: usize) -> Option<&'static [Slot]> {
    use crate::store::frames::{last_level, slots_up_to};
    let slots = slots_up_to(last_level(frames));
    let memory = os::reserve(slots * size_of::<Slot>())?.cast::<Slot>();
    // SAFETY: zeroed memory of that size, never given back; a slot is an atomic, valid when zeroed.
    Some(unsafe { core::slice::from_raw_parts(memory.as_ptr(), slots) })
}

/// Empties slots that are no longer used, as far as they are whole pages.
fn discard(slots: &'static [Slot]) {
    let memory = NonNull::from(slots).cast();
    // SAFETY: slots are atomics, in the mapping of `frame_slots`; zero says that a slot is empty.
    unsafe { os::discard(memory, size_of_val(slots)) };
}

/// Room for frames, and for sites. The frame after the last one may be looked at.
const ROOM: [fn(u32) -> bool; 2] =
    [|frames| SPACE.has(Part::Frames, frames + 1), |sites| SPACE.has(Part::Sites, sites)];

/// Reserves the mapping; if there is not enough address space, with a smaller table.
pub(super) fn map(settings: &Settings) -> Option<(Mapping, Settings)> {
    /// Groups: the tests of one program, and the program's groups; fewer with a smaller table.
    const GROUPS: (usize, usize) = (1 << 10, 1 << 16);
    /// The part of a limited address space that is taken, 1 in so many. It is the program's limit.
    const PART: u64 = 8;
    /// The table that may have more than that part.
    const SMALL: u32 = 4096;
    /// The crate needs room for its report besides: where that is scarce, there is no table.
    const FEW_ARENAS: usize = if cfg!(feature = "preload") { 64 } else { SLOTS };
    let limit = os::address_limit();
    let most =
        limit.map_or(usize::MAX, |limit| usize::try_from(limit / PART).unwrap_or(usize::MAX));
    let arenas = if limit.is_some() { FEW_ARENAS.min(SLOTS) } else { SLOTS };
    let is_chosen = settings.buckets.is_some();
    let mut settings = *settings;
    let mut groups = GROUPS.1;
    loop {
        let geometry = geometry(&settings, groups, arenas);
        let size = geometry.offsets().1;
        let may_be = size <= most || is_chosen || settings.buckets.is_some_and(|n| n <= SMALL);
        let made = if may_be {
            place::make(&settings, size, &geometry)
        } else {
            Err(place::NoMapping::TooLarge)
        };
        match made {
            Ok(mapping) => return Some((mapping, settings)),
            Err(place::NoMapping::NotRecorded) => return None,
            Err(place::NoMapping::TooLarge) => {}
        }
        let buckets = settings.buckets.unwrap_or(BUCKETS.1);
        if buckets <= BUCKETS.0 {
            os::message::say(format_args!(
                "no memory for the call-site table; recording nothing, raise `ulimit -v`"
            ));
            return None;
        }
        settings.buckets = Some(buckets / 2);
        groups = (groups / 2).max(GROUPS.0);
    }
}

/// Entries of each region for a table of as many buckets, and so many groups and arenas.
fn geometry(settings: &Settings, groups: usize, arenas: usize) -> Geometry {
    use crate::store::sites::FIRST_SITE;
    use crate::store::slot::MAX_ID;
    /// A module that is loaded again counts again. At most as many as there are generations.
    const MODULES: (usize, usize) = (1 << 10, 1 << 16);
    /// New frames per site, in large tables; small ones have room for entirely different stacks.
    const FRAMES_PER_SITE: usize = 16;
    const FEW_FRAMES: usize = 1 << 17;
    let buckets = settings.buckets.unwrap_or(BUCKETS.1) as usize;
    let unshared = buckets * settings.frames as usize;
    let frames = unshared.min((buckets * FRAMES_PER_SITE).max(FEW_FRAMES)).min(MAX_ID as usize);
    let frames = frames.max(4096);
    let sites = buckets + FIRST_SITE.index();
    let modules = buckets.clamp(MODULES.0, MODULES.1);
    let timeline = crate::store::timeline::entries(buckets);
    let mappings = if settings.mappings { MOST_ENTRIES } else { 0 };
    Geometry([
        SLOTS, modules, sites, sites, sites, sites, frames, groups, arenas, timeline, SLOTS,
        mappings,
    ])
}
