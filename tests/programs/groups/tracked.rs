//! Trackers that are called back.

use std::alloc::{Layout, alloc, realloc};
use std::cell::Cell;
use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::SeqCst};

use mod_alloc::groups::{
    AllocationGroupId, AllocationGroupToken, AllocationRegistry, AllocationTracker, group_stats,
};

use crate::Program;
use crate::rig::{Block, say, sites};

pub(crate) const PROGRAMS: &[Program] = &[
    ("tracker", tracker),
    ("tracker-model", tracker_model),
    ("tracker-allocates", tracker_allocates),
    ("tracker-panics", tracker_panics),
    ("tracker-off", tracker_off),
];

sites! { site_a site_kept site_early site_in_tracker }

/// Bytes that the engine adds to a block.
const MORE: usize = if cfg!(mod_alloc_portable) { 0 } else { 8 };

/// An event as a tracker is told it: `+` or `-`, address, both sizes, both groups.
type Event = (char, usize, usize, usize, usize, usize);

thread_local! {
    /// The last events. Taken apart without the heap.
    static EVENTS: Cell<([Option<Event>; 4], usize)> = const { Cell::new(([None; 4], 0)) };
}

fn note(event: Event) {
    let (mut events, count) = EVENTS.get();
    events[count] = Some(event);
    EVENTS.set((events, count + 1));
}

/// The events since the last call.
fn events() -> [Option<Event>; 4] {
    EVENTS.replace(([None; 4], 0)).0
}

struct Notes;

impl AllocationTracker for Notes {
    fn allocated(&self, addr: usize, size: usize, wrapped: usize, group: AllocationGroupId) {
        note(('+', addr, size, wrapped, group.as_usize().get(), 0));
    }

    fn deallocated(
        &self,
        addr: usize,
        size: usize,
        wrapped: usize,
        source: AllocationGroupId,
        current: AllocationGroupId,
    ) {
        note(('-', addr, size, wrapped, source.as_usize().get(), current.as_usize().get()));
    }
}

fn at(block: Block) -> usize {
    block.start().addr()
}

fn tracker() {
    let token = AllocationGroupToken::register("two");
    let early = [site_early(10), site_early(11)];
    AllocationRegistry::enable_tracking();
    site_a(1);
    AllocationRegistry::disable_tracking();
    AllocationRegistry::set_global_tracker(Notes).expect("it is the first");
    let error = AllocationRegistry::set_global_tracker(Notes).expect_err("there is one");
    assert_eq!(error.to_string(), "a global tracker has already been set");
    site_a(2);
    assert_eq!(events(), [None; 4], "not enabled");
    AllocationRegistry::enable_tracking();
    let block = site_a(100);
    assert_eq!(events(), [Some(('+', at(block), 100, 100 + MORE, 1, 0)), None, None, None]);
    early[0].free();
    assert_eq!(events(), [None; 4], "it was not reported");
    let guard = token.enter();
    let other = site_a(50);
    block.free();
    let expected = [
        Some(('+', at(other), 50, 50 + MORE, 2, 0)),
        Some(('-', at(block), 100, 100 + MORE, 1, 2)),
    ];
    assert_eq!(events()[..2], expected);
    drop(guard);
    let before = at(other);
    let other = other.resized(70_000);
    let expected = [
        Some(('-', before, 50, 50 + MORE, 2, 1)),
        Some(('+', at(other), 70_000, 70_000 + MORE, 2, 0)),
    ];
    assert_eq!(events(), [expected[0], expected[1], None, None]);
    let late = early[1].resized(99);
    assert_eq!(events(), [Some(('+', at(late), 99, 99 + MORE, 1, 0)), None, None, None]);
    AllocationRegistry::untracked(|| site_a(5).free());
    assert_eq!(events(), [None; 4]);
    let quiet = AllocationRegistry::untracked(|| site_a(6));
    quiet.free();
    assert_eq!(events(), [None; 4], "it was not reported");
    AllocationRegistry::disable_tracking();
    let other = other.resized(60_000);
    AllocationRegistry::enable_tracking();
    other.free();
    assert_eq!(events(), [None; 4], "it was changed while nothing was reported");
    late.free();
    assert_eq!(events()[..2], [Some(('-', at(late), 99, 99 + MORE, 1, 1)), None]);
    too_large();
    // SAFETY: there is one thread.
    unsafe { AllocationRegistry::clear_global_tracker() };
    site_a(7);
    AllocationRegistry::set_global_tracker(Notes).expect("it was cleared");
    site_a(8);
    assert_eq!(events()[0].map(|event| event.2), Some(8));
}

/// A reallocation that fails leaves the block as it was.
fn too_large() {
    let layout = Layout::from_size_align(24, 1).expect("a valid layout");
    // SAFETY: the size is not zero.
    let block = unsafe { alloc(layout) };
    assert!(!block.is_null());
    events();
    // SAFETY: the block is live and has this layout; the size is that of a layout.
    let moved = unsafe { realloc(block, layout, isize::MAX as usize - 4096) };
    assert!(moved.is_null());
    let block = block.addr();
    let expected =
        [Some(('-', block, 24, 24 + MORE, 1, 1)), Some(('+', block, 24, 24 + MORE, 1, 0))];
    assert_eq!(events(), [expected[0], expected[1], None, None]);
}

/// Live blocks by address, with size and group: what a tracker sees has to fit together.
static MODEL: Mutex<Option<HashMap<usize, (usize, usize)>>> = Mutex::new(None);
static WRONG: AtomicU64 = AtomicU64::new(0);

struct Model;

impl AllocationTracker for Model {
    fn allocated(&self, addr: usize, size: usize, _: usize, group: AllocationGroupId) {
        let mut model = MODEL.lock().expect("no tracker panics");
        let known =
            model.as_mut().expect("set before").insert(addr, (size, group.as_usize().get()));
        WRONG.fetch_add(u64::from(known.is_some()), SeqCst);
    }

    fn deallocated(
        &self,
        addr: usize,
        size: usize,
        _: usize,
        source: AllocationGroupId,
        _: AllocationGroupId,
    ) {
        let mut model = MODEL.lock().expect("no tracker panics");
        let known = model.as_mut().expect("set before").remove(&addr);
        WRONG.fetch_add(u64::from(known != Some((size, source.as_usize().get()))), SeqCst);
    }
}

/// Four threads that allocate, resize and free in groups: a model by address is never wrong, and in the
/// end has what the groups have.
fn tracker_model() {
    let tokens = ["a", "b", "c"].map(AllocationGroupToken::register);
    *MODEL.lock().expect("no tracker panics") = Some(HashMap::new());
    AllocationRegistry::set_global_tracker(Model).expect("it is the first");
    AllocationRegistry::enable_tracking();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let mut blocks: [Option<Block>; 16] = [None; 16];
                for round in 0..5000_usize {
                    let _guard = tokens[(round + thread) % 3].enter();
                    let place = &mut blocks[round * 7 % 16];
                    match place.take() {
                        Some(block) if round.is_multiple_of(3) => block.free(),
                        Some(block) => *place = Some(block.resized(1 + round % 900)),
                        None => *place = Some(site_a(1 + round % 500)),
                    }
                }
            });
        }
    });
    AllocationRegistry::disable_tracking();
    assert_eq!(WRONG.load(SeqCst), 0);
    let model = MODEL.lock().expect("no tracker panics").take().expect("set above");
    for (id, group) in (2..).zip(group_stats()) {
        let of_group = model.values().filter(|(_, group)| *group == id);
        let live = of_group.fold([0, 0], |sum, (size, _)| [sum[0] + 1, sum[1] + *size as u64]);
        assert_eq!([group.live_blocks, group.live_bytes], live, "{group:?}");
        assert!(group.live_blocks > 0);
    }
}

/// Keeps what the tracker is to free.
static TO_FREE: AtomicPtr<u8> = AtomicPtr::new(null_mut());

struct Allocating;

impl AllocationTracker for Allocating {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        site_in_tracker(64).resized(128).free();
        // Kept for ever, and no business of the program's.
        site_in_tracker(1 << 20);
        let block = TO_FREE.swap(null_mut(), SeqCst);
        if !block.is_null() {
            // SAFETY: allocated by `tracker_allocates` with this layout.
            unsafe { std::alloc::dealloc(block, Layout::new::<[u64; 100]>()) };
        }
    }

    fn deallocated(
        &self,
        _: usize,
        _: usize,
        _: usize,
        _: AllocationGroupId,
        _: AllocationGroupId,
    ) {
        site_in_tracker(32).free();
    }
}

/// A tracker's allocations are not recorded; its frees of the program's blocks are.
fn tracker_allocates() {
    AllocationRegistry::set_global_tracker(Allocating).expect("it is the first");
    let to_free = Box::into_raw(Box::new([0_u64; 100]));
    TO_FREE.store(to_free.cast(), SeqCst);
    AllocationRegistry::enable_tracking();
    for _ in 0..10 {
        site_a(100).free();
    }
    site_kept(10);
    AllocationRegistry::disable_tracking();
    assert!(TO_FREE.load(SeqCst).is_null());
}

static PANICS: AtomicBool = AtomicBool::new(true);

struct Panicking;

impl AllocationTracker for Panicking {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {
        if PANICS.load(SeqCst) {
            panic!("in the tracker");
        }
    }

    fn deallocated(
        &self,
        _: usize,
        _: usize,
        _: usize,
        _: AllocationGroupId,
        _: AllocationGroupId,
    ) {
        if PANICS.load(SeqCst) {
            panic!("in the tracker");
        }
    }
}

/// A tracker's panic stays in the tracker, also while the program itself panics.
fn tracker_panics() {
    std::panic::set_hook(Box::new(|_| {}));
    AllocationRegistry::set_global_tracker(Panicking).expect("it is the first");
    AllocationRegistry::enable_tracking();
    for _ in 0..10 {
        site_a(100).resized(200).free();
    }
    struct AtUnwinding;
    impl Drop for AtUnwinding {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            site_a(100).free();
        }
    }
    let caught = std::panic::catch_unwind(|| {
        let _at_unwinding = AtUnwinding;
        std::panic::resume_unwind(Box::new(5));
    });
    assert!(caught.is_err());
    assert!(!std::thread::panicking());
    PANICS.store(false, SeqCst);
    site_kept(10);
    say(format_args!("alive"));
}

/// With `MOD_ALLOC=off` nothing is reported.
fn tracker_off() {
    AllocationRegistry::set_global_tracker(Notes).expect("it is the first");
    AllocationRegistry::enable_tracking();
    site_a(1).resized(2).free();
    assert_eq!(events(), [None; 4]);
}
