//! The polls of a future are measured exactly, on whichever threads they happen, while other tasks
//! run on these threads.

mod measure_support;

use std::cell::RefCell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use measure_support::{
    counts_for_no_new_measurement, leaves_the_measurement, numbers, poll, run, wait,
};
use mod_alloc::{Measured, ModAlloc, assert_allocs, assert_no_allocs, measure, measure_async};

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn block(bytes: usize) -> Vec<u8> {
    black_box(vec![1; bytes])
}

#[test]
fn polls_on_several_threads_are_one_measurement() {
    let task = async {
        let first = block(100);
        wait().await;
        let second = block(1000);
        drop(first);
        wait().await;
        drop(second);
        block(10)
    };
    let mut task: Task<(Vec<u8>, Measured)> = Box::pin(measure_async(task));
    for _ in 0..2 {
        task = thread::spawn(move || {
            drop(block(7000)); // not in a poll
            assert!(poll(&mut task).is_pending());
            drop(block(7000));
            task
        })
        .join()
        .unwrap();
    }
    let Poll::Ready((kept, measured)) = poll(&mut task) else { panic!("its third poll") };
    assert_eq!((kept.len(), numbers(measured)), (10, [3, 1110, 1100, 1, 10]));
}

/// Each task's numbers are its own, wherever the runtime takes it.
#[test]
fn tasks_of_a_runtime_are_apart() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let task = |seed: usize| async move {
        let mut kept = Vec::with_capacity(50);
        for n in 0..50 {
            kept.push(block(seed + n));
            wait().await;
        }
        kept
    };
    let tasks: Vec<_> =
        (1..=40).map(|seed| (seed, runtime.spawn(measure_async(task(seed))))).collect();
    for (seed, task) in tasks {
        let (kept, measured) = runtime.block_on(task).unwrap();
        let bytes = (50 * size_of::<Vec<u8>>() + (0..50).map(|n| seed + n).sum::<usize>()) as u64;
        assert_eq!(numbers(measured), [51, bytes, bytes, 51, bytes], "{seed}");
        drop(kept);
    }
}

#[test]
fn a_measurement_within_another_counts_for_both() {
    let ((inner, first), outer) = run(measure_async(async {
        let first = block(1);
        wait().await;
        let (second, inner) = measure_async(async {
            let second = block(20);
            wait().await;
            drop(block(300));
            second
        })
        .await;
        wait().await;
        drop(second);
        let ((), within) = measure(|| drop(block(4000)));
        assert_eq!(numbers(within), [1, 4000, 4000, 0, 0]);
        (inner, first)
    }));
    assert_eq!(numbers(inner), [2, 320, 320, 1, 20]);
    assert_eq!((numbers(outer), first.len()), ([4, 4321, 4001, 1, 1], 1));
}

/// Two measured tasks take turns on one thread, as under `join!`.
#[test]
fn tasks_that_take_turns_are_apart() {
    let task = |bytes: usize| async move {
        for _ in 0..10 {
            drop(block(bytes));
            wait().await;
        }
    };
    let mut tasks = [10, 1000].map(|bytes| Box::pin(measure_async(task(bytes))));
    let mut measured = [None, None];
    while measured.contains(&None) {
        for (task, measured) in tasks.iter_mut().zip(&mut measured) {
            if measured.is_none()
                && let Poll::Ready(((), numbers)) = poll(task)
            {
                *measured = Some(numbers);
            }
        }
    }
    let measured = measured.map(|measured| numbers(measured.unwrap()));
    assert_eq!(measured, [[10, 100, 10, 0, 0], [10, 10_000, 1000, 0, 0]]);
}

/// Allocates when it is dropped.
struct Last;

impl Drop for Last {
    fn drop(&mut self) {
        drop(block(77));
    }
}

/// A future whose state lives until it is dropped.
struct Ready(Last);

impl Future for Ready {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[test]
fn the_future_s_own_end_is_measured() {
    let ((), measured) = run(measure_async(Ready(Last)));
    assert_eq!(numbers(measured), [1, 77, 77, 0, 0]);
}

#[test]
fn a_future_may_be_dropped_in_the_middle() {
    leaves_the_measurement(|| {
        let (task, outer) = measure(|| {
            let mut task = Box::pin(measure_async(async {
                let _kept = block(100);
                wait().await;
            }));
            assert!(poll(&mut task).is_pending());
            task
        });
        assert_eq!(outer.end_blocks, 2);
        drop(task);
    });
}

#[test]
fn a_panic_in_a_poll_goes_through() {
    let mut task = Box::pin(measure_async(async {
        let _kept = block(100);
        wait().await;
        if black_box(true) {
            // Without a message, which would be kept as the test's output.
            resume_unwind(Box::new("on purpose"));
        }
    }));
    assert!(poll(&mut task).is_pending());
    leaves_the_measurement(move || {
        let caught = catch_unwind(AssertUnwindSafe(|| poll(&mut task).is_pending()));
        assert_eq!(caught.expect_err("it panics").downcast_ref::<&str>(), Some(&"on purpose"));
    });
}

/// Were the groups of ended measurements used again too early, a new measurement would have the
/// allocations of one that began within them.
#[test]
fn the_measurements_around_may_end_first() {
    let mut task: Task<((), Measured)> = Box::pin(measure_async(async {
        wait().await;
        drop(block(5000));
    }));
    let task = RefCell::new(&mut task);
    let poll = || poll(&mut *task.borrow_mut());
    let begin = || {
        let (((), middle), outer) = measure(|| measure(|| assert!(poll().is_pending())));
        assert_eq!((numbers(middle), numbers(outer)), ([0; 5], [0; 5]));
    };
    counts_for_no_new_measurement(begin, || {
        let Poll::Ready(((), measured)) = poll() else { panic!("its second poll") };
        assert_eq!(numbers(measured), [1, 5000, 5000, 0, 0]);
    });
}

#[test]
fn a_limit_holds_for_code_that_waits() {
    async fn part(bytes: usize) -> Result<Vec<u8>, String> {
        wait().await;
        if bytes == 0 { Err("none".into()) } else { Ok(block(bytes)) }
    }
    let limited = |bytes: usize| {
        assert_allocs!(
            async move {
                let first = part(1).await?;
                let second = part(bytes).await?;
                Ok::<_, String>(first.len() + second.len())
            },
            blocks in 1..=2,
            bytes <= 1000,
            end_bytes < 10,
        )
    };
    fn sent<T: Send>(value: T) -> T {
        value
    }
    assert_eq!(run(sent(limited(2))), Ok(3));
    assert_eq!(run(limited(0)), Err("none".into()));
    assert_eq!(run(assert_no_allocs!(async { wait().await })), ());
    let failed = catch_unwind(|| run(limited(1000))).expect_err("too many bytes");
    let text = failed.downcast::<String>().unwrap();
    assert!(text.starts_with("allocations: bytes <= 1000 does not hold\n"), "{text}");
    assert!(text.contains("a_limit_holds_for_code_that_waits::part"), "{text}");
    let failed = catch_unwind(|| run(assert_no_allocs!(async move { drop(block(1)) })));
    assert!(failed.is_err());
}

/// Without `async`, code that waits lets others have the thread meanwhile. If they measure, too,
/// that is told. With the feature `groups`, groups may be left in any order.
#[cfg(not(feature = "groups"))]
#[test]
fn code_that_waits_in_the_wrong_form_is_told_the_right_one() {
    let wrong = || Box::pin(async { assert_allocs!(wait().await, blocks <= 100) });
    leaves_the_measurement(|| {
        let mut tasks = [wrong(), wrong()];
        assert!(tasks.iter_mut().all(|task| poll(task).is_pending()));
        for mut task in tasks {
            let refused = catch_unwind(AssertUnwindSafe(|| poll(&mut task).is_ready()));
            let text = refused.expect_err("two are measured").downcast::<&str>().unwrap();
            assert!(text.ends_with("use assert_allocs!(async { … }, …).await"), "{text}");
        }
    });
}
