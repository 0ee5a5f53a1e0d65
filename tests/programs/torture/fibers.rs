//! Stacks that are not the thread's own: fibers, and the stack of a signal handler.

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::hint::black_box;
use std::mem::{MaybeUninit, zeroed};
use std::ptr::{self, null_mut};

use crate::host::Node;
use crate::nodes::NODES;
use crate::objects::nodes_of;
use crate::programs::{LOST, mixed, runs, with_rust};
use crate::walk::{self, Walk};
use crate::{Arguments, Program, shadow};

pub(crate) const PROGRAMS: &[Program] = &[
    ("fibers", |arguments| fibers(arguments, nodes(arguments.folder))),
    ("lost", |arguments| fibers(arguments, all_nodes(arguments.folder))),
];

/// On the thread's stack: as in `mixed`, and nodes that go to other stacks.
fn fibers(arguments: Arguments<'_>, nodes: Nodes) {
    in_fibers(nodes, || {
        runs(nodes.outside, 0, arguments.captures);
    });
}

/// The calls, and the stack that each is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes {
    pub(crate) outside: &'static [Node],
    inside: &'static [Node],
}

/// More of another stack is not walked, so what runs there has to be small.
const SMALL: usize = 2 << 10;

/// Nodes on whose stacks the report can be right.
pub(crate) fn nodes(folder: &str) -> Nodes {
    let mut outside = nodes_of(folder, &mixed());
    outside.extend([
        node(node_resumes, 1 << 10),
        node(node_fiber_on_this_stack, 2 * SIZE),
        node(node_interrupted, 8 << 10),
    ]);
    // Not C++: it has a list of the exceptions being handled for each thread, not each stack.
    let mut inside = nodes_of(folder, &["frames-fast", "frames-plain", "bare-honest"]);
    inside.extend(NODES);
    inside.retain(|node| node.stack <= SMALL);
    inside.push(node(node_yields, 1 << 10));
    Nodes { outside: with_rust(outside), inside: inside.leak() }
}

/// Those and the others.
pub(crate) fn all_nodes(folder: &str) -> Nodes {
    let Nodes { outside, inside } = nodes(folder);
    let more = [nodes_of(folder, &LOST), vec![node(node_misled_fiber, 2 * SIZE)]].concat();
    let (outside, inside) = ([outside, &more].concat(), [&more[..], inside].concat());
    Nodes { outside: outside.leak(), inside: inside.leak() }
}

const fn node(run: unsafe extern "C" fn(*mut Walk), stack: usize) -> Node {
    Node { run: Some(run), stack }
}

/// Bytes of a fiber's stack.
const SIZE: usize = 256 << 10;
/// The limit of a fiber's run, so that its stack is walked whole.
const CALLS: usize = 20;
const DEPTH: usize = 4;

/// A run on a stack of its own. It stays in its place while it is used.
struct Fiber {
    context: UnsafeCell<libc::ucontext_t>,
    /// Where it goes when it yields or has ended.
    back: UnsafeCell<libc::ucontext_t>,
    stack: *mut c_void,
    /// True if the stack is part of the thread's own.
    is_own: bool,
    /// True if its outermost frame has the frame pointer of another stack.
    is_misled: bool,
    is_running: Cell<bool>,
    has_ended: Cell<bool>,
    /// The run and the nodes there, while it is not running.
    walk: Cell<*mut Walk>,
    here: Cell<usize>,
    seed: Cell<u64>,
}

const FIBERS: usize = 4;

std::thread_local! {
    static THREADS_FIBERS: Cell<[Option<&'static Fiber>; FIBERS]> =
        const { Cell::new([None; FIBERS]) };
    static RUNNING: Cell<Option<&'static Fiber>> = const { Cell::new(None) };
    static NODES_INSIDE: Cell<&'static [Node]> = const { Cell::new(&[]) };
}

/// Does the work; nodes may go to fibers and to a signal handler's stack meanwhile.
pub(crate) fn in_fibers(nodes: Nodes, work: impl FnOnce()) {
    NODES_INSIDE.set(nodes.inside);
    handle_on_other_stack();
    // As long as the program runs: there are few threads.
    let fibers = [(); FIBERS].map(|()| &*Box::leak(Box::new(Fiber::new(map(SIZE), false, false))));
    THREADS_FIBERS.set(fibers.map(Some));
    work();
    for fiber in fibers {
        while !fiber.has_ended.get() {
            fiber.resume();
        }
    }
}

/// Memory for a stack.
fn map(size: usize) -> *mut c_void {
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping.
    let start = unsafe { libc::mmap(null_mut(), size, access, kind, -1, 0) };
    assert_ne!(start, libc::MAP_FAILED);
    start
}

impl Fiber {
    fn new(stack: *mut c_void, is_own: bool, is_misled: bool) -> Self {
        // SAFETY: all zeros is a valid value.
        let (context, back) = unsafe { zeroed() };
        Self {
            context,
            back,
            stack,
            is_own,
            is_misled,
            is_running: Cell::new(false),
            has_ended: Cell::new(true),
            walk: Cell::new(null_mut()),
            here: Cell::new(0),
            seed: Cell::new(0),
        }
    }

    /// Prepares the next run, which begins when the fiber is resumed.
    fn begin(&self) {
        self.has_ended.set(false);
        self.walk.set(null_mut());
        self.here.set(0);
        self.seed.set((self.seed.get() + 1) % 16);
        // SAFETY: the fiber does not run, so nobody else uses its context.
        let context = unsafe { &mut *self.context.get() };
        // SAFETY: the context may be written to.
        assert_eq!(unsafe { libc::getcontext(context) }, 0);
        context.uc_stack.ss_sp = self.stack;
        context.uc_stack.ss_size = SIZE;
        context.uc_link = self.back.get();
        if !self.is_misled {
            forget_frame_pointer(context);
        }
        // SAFETY: the context was got above and has a stack that nothing else uses.
        unsafe { libc::makecontext(context, start, 0) };
    }

    /// Runs until the fiber yields or ends.
    fn resume(&self) {
        if self.has_ended.get() {
            self.begin();
        }
        let outer = (walk::current(), shadow::here(), RUNNING.get());
        let was_elsewhere = shadow::set_elsewhere(!self.is_own);
        self.is_running.set(true);
        // SAFETY: the fiber stays in its place until it has ended, and is not used after that.
        RUNNING.set(Some(unsafe { &*ptr::from_ref(self) }));
        walk::set_current(self.walk.get());
        shadow::leave(self.here.get());
        // SAFETY: the context was made by `begin` or by the fiber when it yielded.
        unsafe { libc::swapcontext(self.back.get(), self.context.get()) };
        self.is_running.set(false);
        self.walk.set(walk::current());
        self.here.set(shadow::here());
        walk::set_current(outer.0);
        shadow::leave(outer.1);
        RUNNING.set(outer.2);
        shadow::set_elsewhere(was_elsewhere);
    }
}

/// Of the C library's frame outward of a fiber nothing is known, so that a walk tries the frame
/// pointer: which would lead to where the context was got.
fn forget_frame_pointer(context: &mut libc::ucontext_t) {
    #[cfg(target_arch = "x86_64")]
    {
        context.uc_mcontext.gregs[libc::REG_RBP as usize] = 0;
    }
    let _ = context;
}

/// A fiber's first function.
extern "C" fn start() {
    let fiber = RUNNING.get().expect("it is running");
    let floor = fiber.stack.addr();
    node_fiber(Walk::new(fiber.seed.get(), NODES_INSIDE.get(), floor).small(CALLS, DEPTH));
    fiber.has_ended.set(true);
}

#[inline(never)]
fn node_fiber(walk: Walk) {
    let mark = shadow::enter(c"node_fiber");
    walk.run();
    shadow::leave(mark);
}

/// In a fiber: goes back to who resumed it.
#[inline(never)]
unsafe extern "C" fn node_yields(walk: *mut Walk) {
    let mark = shadow::enter(c"node_yields");
    let fiber = RUNNING.get().expect("it is running");
    // SAFETY: both contexts stay in their places; the one gone back to is `resume`'s.
    unsafe { libc::swapcontext(fiber.context.get(), fiber.back.get()) };
    // SAFETY: nodes get a run that only their thread uses.
    unsafe { walk::step(walk) };
    shadow::leave(mark);
}

/// Resumes one of the thread's fibers, unless it is in the middle of doing so.
#[inline(never)]
unsafe extern "C" fn node_resumes(walk: *mut Walk) {
    let mark = shadow::enter(c"node_resumes");
    // SAFETY: nodes get a run that only their thread uses.
    let chosen = unsafe { walk::below(walk, FIBERS) };
    let fiber = THREADS_FIBERS.get()[chosen].expect("made for the thread");
    if !fiber.is_running.get() {
        fiber.resume();
    }
    // SAFETY: as above.
    unsafe { walk::step(walk) };
    shadow::leave(mark);
}

/// Has a fiber run on a part of the thread's own stack.
#[inline(never)]
unsafe extern "C" fn node_fiber_on_this_stack(walk: *mut Walk) {
    let mark = shadow::enter(c"node_fiber_on_this_stack");
    fiber_on_this_stack(walk, false);
    shadow::leave(mark);
}

/// As above, and the way out of the fiber is a wrong one.
#[inline(never)]
unsafe extern "C" fn node_misled_fiber(walk: *mut Walk) {
    let mark = shadow::enter(c"node_misled_fiber");
    fiber_on_this_stack(walk, true);
    shadow::leave(mark);
}

#[inline(always)]
fn fiber_on_this_stack(walk: *mut Walk, is_misled: bool) {
    let mut room = MaybeUninit::<[u8; SIZE]>::uninit();
    let fiber = Fiber::new(black_box(room.as_mut_ptr()).cast(), true, is_misled);
    // SAFETY: nodes get a run that only their thread uses.
    fiber.seed.set(unsafe { walk::below(walk, 16) } as u64);
    let fiber = black_box(&fiber);
    fiber.begin();
    while !fiber.has_ended.get() {
        fiber.resume();
        // SAFETY: as above.
        unsafe { walk::step(walk) };
    }
}

/// The handler of [`node_interrupted`], on the stack that is there for it.
extern "C" fn on_other_stack(_: i32) {
    let (outer, here) = (walk::current(), shadow::leave_all());
    let was_elsewhere = shadow::set_elsewhere(true);
    node_on_other_stack();
    shadow::set_elsewhere(was_elsewhere);
    shadow::leave(here);
    walk::set_current(outer);
}

#[inline(never)]
fn node_on_other_stack() {
    let mark = shadow::enter(c"node_on_other_stack");
    let seed = shadow::made() % 16;
    let here = black_box(&raw const seed).addr();
    // Signal handlers have a stack of their own for themselves: all of it but what is used.
    let floor = here.saturating_sub(SIZE / 2);
    let inside = NODES_INSIDE.get();
    let without_yield = &inside[..inside.len() - 1];
    Walk::new(seed, without_yield, floor).small(CALLS, DEPTH).run();
    shadow::leave(mark);
}

/// Interrupted by a signal whose handler has a stack of its own.
#[inline(never)]
unsafe extern "C" fn node_interrupted(walk: *mut Walk) {
    let mark = shadow::enter(c"node_interrupted");
    // SAFETY: its handler was set up, and there is a stack for it.
    assert_eq!(unsafe { libc::raise(libc::SIGURG) }, 0);
    // SAFETY: nodes get a run that only their thread uses.
    unsafe { walk::step(walk) };
    shadow::leave(mark);
}

/// Gives the thread a stack for signal handlers, and the signal a handler.
fn handle_on_other_stack() {
    let stack = libc::stack_t { ss_sp: map(2 * SIZE), ss_flags: 0, ss_size: 2 * SIZE };
    // SAFETY: the memory is mapped as long as the program runs.
    assert_eq!(unsafe { libc::sigaltstack(&raw const stack, null_mut()) }, 0);
    // SAFETY: all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = on_other_stack as *const () as usize;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the action is valid and its handler lives as long as the program.
    assert_eq!(unsafe { libc::sigaction(libc::SIGURG, &raw const action, null_mut()) }, 0);
}
