//! Futures and streams with groups.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use futures_core::Stream;
use mod_alloc::groups::{AllocationGroupId, AllocationGroupToken, Track};

use crate::rig::{Block, say, sites};
use crate::{Program, numbers, say_all, stats};

pub(crate) const PROGRAMS: &[Program] =
    &[("tokio", tokio_tasks), ("future", future), ("stream", stream)];

sites! { site_task site_poll site_drop site_outside }

const GROUPS: usize = 10;
/// Tasks of each group.
const TASKS: usize = 8;
/// Blocks that each task makes.
const ROUNDS: u64 = 500;

/// The tasks' own knowledge of their group. A peak lies between what was live at least and at most.
#[derive(Debug)]
struct Known {
    total_blocks: AtomicU64,
    total_bytes: AtomicU64,
    live_blocks: AtomicU64,
    live_at_least: AtomicU64,
    live_at_most: AtomicU64,
    peak_at_least: AtomicU64,
    peak_at_most: AtomicU64,
}

static KNOWN: [Known; GROUPS] = [const {
    Known {
        total_blocks: AtomicU64::new(0),
        total_bytes: AtomicU64::new(0),
        live_blocks: AtomicU64::new(0),
        live_at_least: AtomicU64::new(1 << 40),
        live_at_most: AtomicU64::new(0),
        peak_at_least: AtomicU64::new(0),
        peak_at_most: AtomicU64::new(0),
    }
}; GROUPS];

impl Known {
    fn begin(&self, bytes: usize) {
        let live = self.live_at_most.fetch_add(bytes as u64, SeqCst) + bytes as u64;
        self.peak_at_most.fetch_max(live, SeqCst);
    }

    fn allocated(&self, block: Block) {
        let bytes = block.size() as u64;
        self.total_blocks.fetch_add(1, SeqCst);
        self.total_bytes.fetch_add(bytes, SeqCst);
        self.live_blocks.fetch_add(1, SeqCst);
        self.grown(bytes);
    }

    fn grown(&self, bytes: u64) {
        // Frees may be counted here before they happen: it may fall below where it began.
        let live = self.live_at_least.fetch_add(bytes, SeqCst) + bytes;
        self.peak_at_least.fetch_max(live.saturating_sub(1 << 40), SeqCst);
    }
}

/// A block, and whose it is.
#[derive(Clone, Copy)]
struct Owned {
    block: Block,
    group: usize,
}

impl Owned {
    fn free(self) {
        let (known, bytes) = (&KNOWN[self.group], self.block.size() as u64);
        known.live_at_least.fetch_sub(bytes, SeqCst);
        self.block.free();
        known.live_at_most.fetch_sub(bytes, SeqCst);
        known.live_blocks.fetch_sub(1, SeqCst);
    }
}

/// Where the tasks of a group find what others have left for them. Has room for all.
static LEFT: [Mutex<Vec<Owned>>; GROUPS] = [const { Mutex::new(Vec::new()) }; GROUPS];
/// Tasks that were on both workers.
static MOVED: AtomicUsize = AtomicUsize::new(0);

/// Ten groups on two workers: every task makes blocks of its group, gives them to the next group's tasks,
/// frees what it is given, and goes on until it has been on both workers.
fn tokio_tasks() {
    for left in &LEFT {
        left.lock().expect("no task panics").reserve_exact(TASKS * ROUNDS as usize);
    }
    WAITING.lock().expect("no task panics").tasks = GROUPS * TASKS;
    let tokens: Vec<_> =
        (0..GROUPS).map(|n| AllocationGroupToken::register(format!("task-{n}"))).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("two threads can be made");
    runtime.block_on(async {
        let tasks: Vec<_> = (0..GROUPS * TASKS)
            .map(|n| tokio::spawn(task(n % GROUPS).track_allocations(tokens[n % GROUPS])))
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
    });
    say(format_args!("moved {}", MOVED.load(SeqCst)));
    for (n, known) in KNOWN.iter().enumerate() {
        let stats = stats(&format!("task-{n}"));
        let at = |number: &AtomicU64| number.load(SeqCst);
        assert_eq!(stats.total_blocks, at(&known.total_blocks), "{known:?}");
        assert_eq!(stats.total_bytes, at(&known.total_bytes), "{known:?}");
        assert_eq!(stats.live_blocks, at(&known.live_blocks), "{known:?}");
        assert_eq!(stats.live_bytes, at(&known.live_at_most), "{known:?}");
        let peak = at(&known.peak_at_least)..=at(&known.peak_at_most);
        assert!(peak.contains(&stats.peak_bytes), "{} {known:?}", stats.peak_bytes);
    }
    drop(runtime);
    say_all();
}

async fn task(group: usize) {
    let mut seen = None;
    let mut moved = false;
    for round in 0..ROUNDS {
        make(group, round);
        again().await;
        free_some(group);
        note_thread(&mut seen, &mut moved);
    }
    while !moved {
        again().await;
        note_thread(&mut seen, &mut moved);
    }
    MOVED.fetch_add(1, SeqCst);
    wake(Waiting::done);
}

fn make(group: usize, round: u64) {
    let size = 1 + (round as usize * 37 + group * 101) % 4000;
    let known = &KNOWN[group];
    known.begin(size);
    let mut block = site_task(size);
    known.allocated(block);
    if round.is_multiple_of(5) {
        known.begin(1000);
        block = block.resized(size + 1000);
        known.total_blocks.fetch_add(1, SeqCst);
        known.total_bytes.fetch_add(size as u64 + 1000, SeqCst);
        known.grown(1000);
    }
    let next = &LEFT[(group + 1) % GROUPS];
    next.lock().expect("no task panics").push(Owned { block, group });
}

/// Frees what was left for the group, but for every eighth.
fn free_some(group: usize) {
    let mut left = LEFT[group].lock().expect("no task panics");
    while left.len() > TASKS * ROUNDS as usize / 8 {
        let owned = left.pop().expect("it is not empty");
        owned.free();
    }
}

fn note_thread(seen: &mut Option<ThreadId>, moved: &mut bool) {
    let here = thread::current().id();
    *moved |= *seen.get_or_insert(here) != here;
}

/// Tasks that are not done, and one that waits to be woken by another, on whatever worker that is.
struct Waiting {
    tasks: usize,
    waker: Option<Waker>,
}

static WAITING: Mutex<Waiting> = Mutex::new(Waiting { tasks: 0, waker: None });

impl Waiting {
    /// Leaves the task for another one to wake, and wakes the one that was left before; or itself, if it
    /// is the last one.
    fn swap(&mut self, own: &Waker) -> Option<Waker> {
        if self.tasks > 1 { self.waker.replace(own.clone()) } else { Some(own.clone()) }
    }

    fn done(&mut self) -> Option<Waker> {
        self.tasks -= 1;
        self.waker.take()
    }
}

fn wake(choose: impl FnOnce(&mut Waiting) -> Option<Waker>) {
    let woken = choose(&mut WAITING.lock().expect("no task panics"));
    woken.into_iter().for_each(Waker::wake);
}

/// Lets others go first: the next of them goes on where this one is. Allocates nothing, as tokio's own
/// might.
fn again() -> impl Future<Output = ()> {
    let mut was_polled = false;
    poll_fn(move |context| {
        if was_polled {
            return Poll::Ready(());
        }
        was_polled = true;
        wake(|waiting| waiting.swap(context.waker()));
        Poll::Pending
    })
}

/// Allocates when it is dropped.
struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        site_drop(1000);
    }
}

fn future() {
    let [a, b] = ["a", "b"].map(AllocationGroupToken::register);
    let work = async {
        let _dropped = Dropped;
        site_poll(1);
        again().await;
        assert_eq!(AllocationGroupToken::current().name(), "a");
        site_poll(10);
        again().await;
        unreachable!("it is dropped before that");
    };
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut work = Box::pin(work.track_allocations(a));
        assert_eq!(work.token(), a);
        for _ in 0..2 {
            assert!(work.as_mut().poll(&mut context).is_pending());
            site_outside(100_000);
        }
        let _guard = b.enter();
    }
    assert_eq!(numbers("a")[..2], [3, 1011]);
    assert_eq!(numbers("b")[..2], [0, 0]);
    // Never polled, and dropped: as much of it as there is.
    let captured = Dropped;
    drop(async move { drop(captured) }.track_allocations(b));
    assert_eq!(numbers("b")[..2], [1, 1000]);
    // A task that starts in a group stays in it.
    let inherited = {
        let _guard = a.enter();
        async { site_poll(10_000) }.in_current_allocation_group()
    };
    let mut inherited = pin!(inherited);
    assert!(inherited.as_mut().poll(&mut context).is_ready());
    assert_eq!(numbers("a")[..2], [4, 11_011]);
    let nobody = async { site_poll(5) }.in_current_allocation_group();
    assert_eq!(nobody.token().id(), AllocationGroupId::ROOT);
    let _guard = a.enter();
    assert!(pin!(nobody).poll(&mut context).is_ready(), "and that it stays in no group");
    assert_eq!(numbers("a")[..2], [4, 11_011]);
    say_all();
}

/// Makes a block at each poll.
struct Blocks(usize);

impl Stream for Blocks {
    type Item = Block;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Block>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(site_poll(10 + left)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0, Some(self.0))
    }
}

fn stream() {
    let token = AllocationGroupToken::register("stream");
    let mut blocks = pin!(Blocks(5).track_allocations(token));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(blocks.size_hint(), (5, Some(5)));
    assert_eq!(blocks.inner().0, 5);
    let mut bytes = 0;
    while let Poll::Ready(Some(block)) = blocks.as_mut().poll_next(&mut context) {
        bytes += block.size() as u64;
        site_outside(1);
    }
    assert_eq!(numbers("stream"), [5, bytes, 5, bytes, bytes]);
    say_all();
}
