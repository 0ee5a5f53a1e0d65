//! Groups of many threads, and of threads that begin and end.

use std::cell::RefCell;
use std::sync::Barrier;
use std::thread;

use mod_alloc::groups::{AllocationGroupToken, AllocationGuard};

use crate::rig::{Block, sites};
use crate::{Program, numbers, say_all};

pub(crate) const PROGRAMS: &[Program] =
    &[("threads", threads), ("teardown", teardown), ("crowd", crowd), ("first-event", first_event)];

sites! { site_a site_late site_crowd site_first }

/// Four threads in one group and in one of their own each, by turns, at the same sites; what they made
/// is freed by the next one.
fn threads() {
    let common = AllocationGroupToken::register("common");
    let own = ["own-0", "own-1", "own-2", "own-3"].map(AllocationGroupToken::register);
    let (all, ready) = (&Barrier::new(4), &Barrier::new(4));
    let handed: &[_] = &[const { std::sync::Mutex::new(Vec::new()) }; 4];
    for place in handed {
        place.lock().expect("no thread panics").reserve(2000);
    }
    thread::scope(|scope| {
        for (index, token) in own.into_iter().enumerate() {
            scope.spawn(move || {
                all.wait();
                for round in 0..1000 {
                    let block = {
                        let _guard = common.enter();
                        site_a(16)
                    };
                    let own = {
                        let _guard = token.enter();
                        site_a(1 + round % 7)
                    };
                    handed[index].lock().expect("no thread panics").extend([block, own]);
                }
                ready.wait();
                let next = &handed[(index + 1) % 4];
                let mut blocks = std::mem::take(&mut *next.lock().expect("no thread panics"));
                blocks.drain(..).for_each(Block::free);
            });
        }
    });
    let sizes = (0..1000).map(|round| 1 + round % 7).sum();
    for index in 0..4 {
        assert_eq!(numbers(&format!("own-{index}")), [1000, sizes, 0, 0, sizes], "{index}");
    }
    assert_eq!(numbers("common"), [4000, 64_000, 0, 0, 64_000]);
    say_all();
}

thread_local! {
    /// Dropped when its thread ends.
    static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    static KEPT: RefCell<Option<AllocationGuard<'static>>> = const { RefCell::new(None) };
}

struct Late(AllocationGroupToken);

impl Drop for Late {
    fn drop(&mut self) {
        let _guard = self.0.enter();
        site_late(100);
    }
}

/// Guards that outlive what their thread does, and groups that are entered when it ends.
fn teardown() {
    static KEPT_TOKEN: std::sync::OnceLock<AllocationGroupToken> = std::sync::OnceLock::new();
    let late = AllocationGroupToken::register("late");
    let kept = *KEPT_TOKEN.get_or_init(|| AllocationGroupToken::register("kept"));
    for _ in 0..10 {
        let work = move || {
            LATE.set(Some(Late(late)));
            KEPT.set(Some(KEPT_TOKEN.get().expect("set above").enter()));
            assert_eq!(AllocationGroupToken::current(), kept);
            site_a(7);
        };
        thread::spawn(work).join().expect("it does not panic");
    }
    assert_eq!(numbers("late")[..2], [10, 1000]);
    let [blocks, bytes, ..] = numbers("kept");
    assert!(blocks >= 10 && bytes >= 70, "{blocks} blocks, {bytes} bytes");
    // Slots are used again: nothing of who had them is left.
    assert_eq!(thread::spawn(AllocationGroupToken::current).join().expect("as above").name(), "");
    say_all();
}

/// More threads at a time than the profiler has places for.
fn crowd() {
    const THREADS: usize = 1200;
    let tokens = ["a", "b", "c"].map(AllocationGroupToken::register);
    let all = &Barrier::new(THREADS);
    thread::scope(|scope| {
        for index in 0..THREADS {
            let work = move || {
                all.wait();
                let guard = tokens[index % 3].enter();
                all.wait();
                let block = site_crowd(1 + index);
                drop(guard);
                all.wait();
                if index.is_multiple_of(2) {
                    block.free();
                }
                all.wait();
            };
            let builder = thread::Builder::new().stack_size(64 << 10);
            builder.spawn_scoped(scope, work).expect("room for a thread");
        }
    });
    for (rest, name) in ["a", "b", "c"].into_iter().enumerate() {
        let sizes = (0..THREADS).filter(|index| index % 3 == rest).map(|index| 1 + index as u64);
        let live = sizes.clone().filter(|size| size % 2 == 0);
        let all = sizes.clone().sum();
        let found = numbers(name);
        assert_eq!(found, [400, all, 200, live.sum(), all], "{name}");
    }
    say_all();
}

/// A thread's first event is that it enters a group.
fn first_event() {
    let token = AllocationGroupToken::register("first");
    let mut threads: [libc::pthread_t; 8] = [0; 8];
    for thread in &mut threads {
        let token: *const AllocationGroupToken = &raw const token;
        // SAFETY: the token outlives the thread, which is waited for below.
        let made = unsafe {
            libc::pthread_create(thread, std::ptr::null(), enter_first, token.cast_mut().cast())
        };
        assert_eq!(made, 0);
    }
    for thread in threads {
        // SAFETY: made above, and joined once.
        assert_eq!(unsafe { libc::pthread_join(thread, std::ptr::null_mut()) }, 0);
    }
    assert_eq!(numbers("first"), [8, 400, 8, 400, 400]);
    say_all();
}

extern "C" fn enter_first(token: *mut libc::c_void) -> *mut libc::c_void {
    // SAFETY: `first_event` passes a token that outlives this thread.
    let token = unsafe { &*token.cast::<AllocationGroupToken>() };
    let _guard = token.enter();
    site_first(50);
    std::ptr::null_mut()
}
