//! Random runs through nodes: a call tree that is decided as it goes, the same for the same seed.

use std::cell::Cell;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

use crate::host::{self, Node};
use crate::random::Random;

/// Calls of nodes in a run, beside those that a node makes of its own.
const CALLS: usize = 60;
/// Nodes on a stack, those not counted either.
const DEPTH: usize = 16;
/// Stack that a node leaves to the functions it calls.
const SPARE: usize = 96 << 10;
/// Blocks that a run keeps at most.
const KEPT: usize = 8;

/// One run.
#[derive(Debug)]
pub(crate) struct Walk {
    random: Random,
    nodes: &'static [Node],
    /// The stack's lowest address that may be used.
    floor: usize,
    calls: usize,
    depth: usize,
    blocks: [*mut u8; KEPT],
}

std::thread_local! {
    static CURRENT: Cell<*mut Walk> = const { Cell::new(null_mut()) };
}

/// The calling thread's run, for callbacks that do not get it.
pub(crate) extern "C" fn current() -> *mut Walk {
    CURRENT.get()
}

/// Makes another run the thread's; for those that share a thread.
pub(crate) fn set_current(walk: *mut Walk) {
    CURRENT.set(walk);
}

impl Walk {
    pub(crate) fn new(seed: u64, nodes: &'static [Node], floor: usize) -> Self {
        let random = Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self { random, nodes, floor, calls: CALLS, depth: 0, blocks: [null_mut(); KEPT] }
    }

    /// A walk with so many calls, so deep, at most.
    pub(crate) fn small(mut self, calls: usize, depth: usize) -> Self {
        (self.calls, self.depth) = (calls, DEPTH - depth);
        self
    }

    /// Goes on until the run has made its calls.
    #[inline(never)]
    pub(crate) fn run(mut self) {
        let before = CURRENT.replace(&raw mut self);
        while self.calls > 0 {
            self.calls -= 1;
            // SAFETY: the run lives, and nobody else uses it.
            unsafe { step(&raw mut self) };
        }
        CURRENT.set(before);
    }

    /// The next node to call; none: allocate.
    fn choose(&mut self) -> Option<Node> {
        if self.calls == 0 || self.depth >= DEPTH || self.random.below(5) == 0 {
            return None;
        }
        let node = self.nodes[self.random.below(self.nodes.len())];
        let here = black_box(&raw const node).addr();
        if here < self.floor + SPARE + node.stack {
            return None;
        }
        self.calls -= 1;
        self.depth += 1;
        Some(node)
    }

    /// Makes a block in the place of an older one, often more than one.
    fn allocate(&mut self) {
        for _ in 0..=self.random.below(3) {
            let slot = self.random.below(KEPT);
            // SAFETY: null, or a block made here and not freed.
            unsafe { host::release(self.blocks[slot]) };
            self.blocks[slot] = host::allocate(1 + self.random.below(200));
        }
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        for block in self.blocks {
            // SAFETY: null, or a block made here and not freed.
            unsafe { host::release(block) };
        }
    }
}

/// Goes on at random: allocates, or calls a node.
///
/// # Safety
///
/// `walk` is a run that nobody uses but this thread.
#[inline(never)]
pub(crate) unsafe extern "C" fn step(walk: *mut Walk) {
    // SAFETY: the reference is not used any more when a node is called, which may use it.
    let node = unsafe { &mut *walk }.choose();
    match node.and_then(|node| node.run) {
        Some(run) => {
            // SAFETY: nodes are called with the run they belong to.
            unsafe { run(walk) };
            // SAFETY: as above.
            unsafe { &mut *walk }.depth -= 1;
        }
        // SAFETY: as above.
        None => unsafe { &mut *walk }.allocate(),
    }
}

/// A random number below `limit`.
///
/// # Safety
///
/// As of [`step`].
pub(crate) unsafe extern "C" fn below(walk: *mut Walk, limit: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { &mut *walk }.random.below(limit)
}

/// The lowest address of the calling thread's stack that may be used.
pub(crate) fn stack_floor() -> usize {
    const GUARD: usize = 64 << 10;
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: no preconditions.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: the thread is running; what is written to is valid.
    let result = unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) };
    assert_eq!(result, 0, "the thread's attributes");
    let (mut start, mut size) = (null_mut(), 0);
    let (at_start, at_size) = (&raw mut start, &raw mut size);
    // SAFETY: the attributes were written above; so are the numbers now.
    let result = unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), at_start, at_size) };
    assert_eq!(result, 0, "the stack's bounds");
    // SAFETY: written above, and not used any more.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    start.addr() + GUARD
}
