//! The program's own knowledge of its stacks: the nodes on them, and the allocations made
//! there. Found out by other means than a stack's words, so it is an oracle for the report.
//!
//! A thread's stacks are a tree of calls: a stack is a leaf's number, and entering and leaving a node
//! moves to a child and back. Numbers can be kept and gone back to, whatever was entered
//! meanwhile, so jumps and exceptions need nothing more.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::iter;
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use mod_alloc::ModAlloc;

/// Counts what is allocated under which nodes, and has the profiler record it.
#[derive(Debug)]
pub(crate) struct Counting(ModAlloc);

impl Counting {
    pub(crate) const fn new() -> Self {
        Self(ModAlloc::new())
    }
}

// SAFETY: both methods are the profiler's of the same name. The others are the trait's own, which
// call these: a reallocation is a new block, so that its stack is the present one.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(shadow) = Shadow::current() {
            shadow.count(layout.size());
        }
        // SAFETY: the caller's contract, handed on.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract, handed on.
        unsafe { self.0.dealloc(block, layout) };
    }
}

/// More stacks than any program's thread has.
const STACKS: usize = 1 << 17;

/// The stack without nodes.
const ROOT: u32 = 0;

/// 2^64 divided by the golden ratio.
const MIXER: usize = 0x9e37_79b9_7f4a_7c15;

/// A stack: its caller's, and one node more.
#[derive(Default)]
struct Stack {
    caller: Cell<u32>,
    /// The innermost node's name; 0: the entry is free.
    name: Cell<u32>,
    blocks: Cell<u64>,
    bytes: Cell<u64>,
}

/// A thread's stacks.
struct Shadow {
    here: Cell<u32>,
    made: Cell<u64>,
    /// Of those, the ones made on a stack that is not the thread's own.
    made_elsewhere: Cell<u64>,
    is_elsewhere: Cell<bool>,
    /// An open hash table; a stack's number is its index and one more.
    stacks: Box<[Stack]>,
    used: Cell<usize>,
}

std::thread_local! {
    // Without a destructor, so that the allocator can look at any time.
    static SHADOW: Cell<*mut Shadow> = const { Cell::new(null_mut()) };
}

/// Of all threads that have ended.
static TOTALS: Mutex<Totals> =
    Mutex::new(Totals { made: 0, made_elsewhere: 0, stacks: BTreeMap::new() });

struct Totals {
    made: u64,
    made_elsewhere: u64,
    /// Blocks and bytes by names of nodes.
    stacks: BTreeMap<String, (u64, u64)>,
}

/// Runs a thread's work; what it allocates is accounted for.
pub(crate) fn in_shadow<R>(work: impl FnOnce() -> R) -> R {
    let shadow = Box::into_raw(Box::new(Shadow::new()));
    SHADOW.set(shadow);
    let result = work();
    SHADOW.set(null_mut());
    // SAFETY: from `into_raw` above; nobody else has it any more.
    unsafe { Box::from_raw(shadow) }.add_to_totals();
    result
}

/// Enters a node; what is given back is for [`leave`].
pub(crate) fn enter(name: &CStr) -> usize {
    Shadow::current().map_or(0, |shadow| {
        let before = shadow.here.get();
        shadow.here.set(shadow.inward(before, names::number(name)));
        before as usize
    })
}

/// [`enter`], for native code.
///
/// # Safety
///
/// `name` is a string.
pub(crate) unsafe extern "C" fn host_enter(name: *const c_char) -> usize {
    // SAFETY: the caller's promise.
    enter(unsafe { CStr::from_ptr(name) })
}

/// Back to the stack that was there when `mark` was given.
pub(crate) extern "C" fn leave(mark: usize) {
    if let Some(shadow) = Shadow::current() {
        shadow.here.set(u32::try_from(mark).expect("a mark"));
    }
}

/// The present stack.
pub(crate) fn here() -> usize {
    Shadow::current().map_or(0, |shadow| shadow.here.get() as usize)
}

/// Leaves all nodes: what follows runs on a stack from which none of them can be seen.
pub(crate) fn leave_all() -> usize {
    let before = here();
    leave(ROOT as usize);
    before
}

/// The blocks that this thread has made.
pub(crate) fn made() -> u64 {
    Shadow::current().map_or(0, |shadow| shadow.made.get())
}

/// Says whether the thread now runs on a stack that is not its own, and what was said before.
pub(crate) fn set_elsewhere(is_elsewhere: bool) -> bool {
    Shadow::current().is_some_and(|shadow| shadow.is_elsewhere.replace(is_elsewhere))
}

/// Prints, of threads that have ended, how many blocks they made, on their own stacks and on others,
/// and a line for every stack: blocks, bytes and nodes.
pub(crate) fn print() {
    let totals = TOTALS.lock().unwrap_or_else(PoisonError::into_inner);
    println!("made {} {}", totals.made - totals.made_elsewhere, totals.made_elsewhere);
    for (names, (blocks, bytes)) in &totals.stacks {
        println!("stack {blocks} {bytes} {names}");
    }
}

impl Shadow {
    fn new() -> Self {
        let stacks = iter::repeat_with(Stack::default).take(STACKS).collect();
        Self {
            here: Cell::new(ROOT),
            made: Cell::new(0),
            made_elsewhere: Cell::new(0),
            is_elsewhere: Cell::new(false),
            stacks,
            used: Cell::new(0),
        }
    }

    #[inline(always)]
    fn current() -> Option<&'static Self> {
        // SAFETY: null, or a shadow that stays until `in_shadow` has set null.
        unsafe { SHADOW.get().as_ref() }
    }

    #[inline(always)]
    fn count(&self, size: usize) {
        self.made.set(self.made.get() + 1);
        self.made_elsewhere.set(self.made_elsewhere.get() + u64::from(self.is_elsewhere.get()));
        if let Some(stack) = (self.here.get() as usize).checked_sub(1) {
            let stack = &self.stacks[stack];
            stack.blocks.set(stack.blocks.get() + 1);
            stack.bytes.set(stack.bytes.get() + size as u64);
        }
    }

    /// The number of `caller` with one node more.
    fn inward(&self, caller: u32, name: u32) -> u32 {
        let mixed = (name as usize ^ (caller as usize) << 20).wrapping_mul(MIXER);
        let mut at = mixed >> (usize::BITS - STACKS.ilog2());
        loop {
            let stack = &self.stacks[at];
            if stack.name.get() == 0 {
                self.add(stack, caller, name);
            }
            if (stack.caller.get(), stack.name.get()) == (caller, name) {
                return u32::try_from(at + 1).expect("below the table's size");
            }
            at = (at + 1) % STACKS;
        }
    }

    fn add(&self, stack: &Stack, caller: u32, name: u32) {
        self.used.set(self.used.get() + 1);
        assert!(self.used.get() < STACKS / 4 * 3, "too many stacks");
        stack.caller.set(caller);
        stack.name.set(name);
    }

    fn add_to_totals(&self) {
        let mut totals = TOTALS.lock().unwrap_or_else(PoisonError::into_inner);
        totals.made += self.made.get();
        totals.made_elsewhere += self.made_elsewhere.get();
        for stack in self.stacks.iter().filter(|stack| stack.blocks.get() > 0) {
            let (blocks, bytes) = totals.stacks.entry(self.names(stack)).or_default();
            *blocks += stack.blocks.get();
            *bytes += stack.bytes.get();
        }
    }

    /// The names of all nodes, outermost first.
    fn names(&self, stack: &Stack) -> String {
        let outward = |stack: &&Stack| match stack.caller.get() {
            ROOT => None,
            caller => Some(&self.stacks[caller as usize - 1]),
        };
        let stacks = iter::successors(Some(stack), outward);
        let mut names: Vec<_> = stacks.map(|stack| names::text(stack.name.get())).collect();
        names.reverse();
        names.join(" ")
    }
}

/// Names by number, of all threads: copies, because an object takes its strings along when it is
/// unloaded, and another's may lie there then.
mod names {
    use std::ffi::{CStr, c_char};
    use std::ptr::null_mut;
    use std::sync::atomic::{AtomicPtr, Ordering};

    use super::MIXER;

    /// More names than all objects have.
    const NAMES: usize = 1 << 10;
    static TABLE: [AtomicPtr<c_char>; NAMES] = [const { AtomicPtr::new(null_mut()) }; NAMES];

    /// The number of a name, from 1 on.
    pub(super) fn number(name: &CStr) -> u32 {
        let hash = |hash: usize, byte: &u8| (hash ^ usize::from(*byte)).wrapping_mul(MIXER);
        let mut at = name.to_bytes().iter().fold(0, hash) >> (usize::BITS - NAMES.ilog2());
        while known(at).unwrap_or_else(|| add(at, name)) != name {
            at = (at + 1) % NAMES;
        }
        u32::try_from(at + 1).expect("below the table's size")
    }

    pub(super) fn text(number: u32) -> &'static str {
        let name = known(number as usize - 1).expect("a number that was given");
        name.to_str().expect("a function's name")
    }

    fn known(at: usize) -> Option<&'static CStr> {
        // Acquire pairs with the release in `add`: the copy is seen whole.
        let name = TABLE[at].load(Ordering::Acquire);
        // SAFETY: `add` has put a copy there, which is never freed.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
    }

    /// Puts a copy of the C library's memory there: Rust's allocator would count it. If another
    /// thread is faster, its name is there then.
    fn add(at: usize, name: &CStr) -> &'static CStr {
        // SAFETY: a string is copied.
        let copy = unsafe { libc::strdup(name.as_ptr()) };
        assert!(!copy.is_null(), "memory for a name");
        let added =
            TABLE[at].compare_exchange(null_mut(), copy, Ordering::AcqRel, Ordering::Acquire);
        // SAFETY: whichever it is, it is a string that is never freed.
        unsafe { CStr::from_ptr(added.err().unwrap_or(copy)) }
    }
}
