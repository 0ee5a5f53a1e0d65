//! Allocations of a piece of code are measured exactly, while a hundred tests in this one process
//! allocate at the same time.

mod measure_support;

use std::hint::black_box;
use std::panic::{catch_unwind, resume_unwind};

use measure_support::{Numbers, leaves_the_measurement, numbers};
use mod_alloc::{Measured, ModAlloc, assert_allocs, assert_no_allocs, measure, measure_with};

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

/// xorshift64*: each test does the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % n) as usize
    }
}

/// Blocks, and what they must be measured as.
#[derive(Default)]
struct Model {
    blocks: Vec<Vec<u8>>,
    live: u64,
    expected: Numbers,
}

impl Model {
    fn with_room(blocks: usize) -> Self {
        Model { blocks: Vec::with_capacity(blocks), ..Model::default() }
    }

    fn count(&mut self, bytes: usize) {
        let [blocks, total, peak, ..] = &mut self.expected;
        *blocks += 1;
        *total += bytes as u64;
        *peak = (*peak).max(self.live);
    }

    fn allocate(&mut self, bytes: usize) {
        self.blocks.push(black_box(Vec::with_capacity(bytes)));
        self.live += bytes as u64;
        self.count(bytes);
    }

    fn resize(&mut self, index: usize, bytes: usize) {
        let block = &mut self.blocks[index];
        let old = block.capacity();
        if bytes <= old {
            return;
        }
        block.reserve_exact(bytes);
        self.live += (bytes - old) as u64;
        self.count(bytes);
    }

    fn free(&mut self, index: usize) {
        self.live -= self.blocks.swap_remove(index).capacity() as u64;
    }

    fn anything(&mut self, random: &mut Random) {
        let bytes = 1 + random.below(2000);
        let index = random.below(self.blocks.len().max(1) as u64);
        match random.below(10) {
            _ if self.blocks.is_empty() => self.allocate(bytes),
            0..5 if self.blocks.len() < self.blocks.capacity() => self.allocate(bytes),
            5..7 => self.resize(index, bytes),
            _ => self.free(index),
        }
    }

    fn end(&self) -> Numbers {
        let [blocks, bytes, peak, ..] = self.expected;
        [blocks, bytes, peak, self.blocks.len() as u64, self.live]
    }
}

fn exact(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..20 {
        let mut model = Model::with_room(100);
        let (mut old, events) = (vec![vec![0_u8; 50]; 3], random.below(500));
        let ((), measured) = measure(|| {
            old.pop();
            (0..events).for_each(|_| model.anything(&mut random));
        });
        assert_eq!(numbers(measured), model.end(), "seed {seed}, {events} events");
    }
}

macro_rules! hundred {
    ($($name:ident)*) => { $(
        #[test]
        fn $name() {
            exact(stringify!($name)[1..].parse::<u64>().unwrap() + 1);
        }
    )* };
}

mod parallel {
    use super::exact;
    hundred! {
        n00 n01 n02 n03 n04 n05 n06 n07 n08 n09 n10 n11 n12 n13 n14 n15 n16 n17 n18 n19
        n20 n21 n22 n23 n24 n25 n26 n27 n28 n29 n30 n31 n32 n33 n34 n35 n36 n37 n38 n39
        n40 n41 n42 n43 n44 n45 n46 n47 n48 n49 n50 n51 n52 n53 n54 n55 n56 n57 n58 n59
        n60 n61 n62 n63 n64 n65 n66 n67 n68 n69 n70 n71 n72 n73 n74 n75 n76 n77 n78 n79
        n80 n81 n82 n83 n84 n85 n86 n87 n88 n89 n90 n91 n92 n93 n94 n95 n96 n97 n98 n99
    }
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(measure(|| 5), (5, Measured::default()));
}

#[test]
fn an_outer_measurement_has_what_an_inner_one_has() {
    let (inner, outer) = measure(|| {
        let first = black_box(vec![1_u8; 100]);
        let (second, inner) = measure(|| black_box(vec![2_u8; 1000]));
        drop(first);
        drop(second);
        drop(black_box(vec![3_u8; 10]));
        inner
    });
    assert_eq!(numbers(inner), [1, 1000, 1000, 1, 1000]);
    assert_eq!(numbers(outer), [3, 1110, 1100, 0, 0]);
}

#[test]
fn a_free_counts_whoever_frees() {
    let ((), counted) = measure(|| {
        let block = black_box(vec![0_u8; 5000]);
        let (started, threads) = measure(|| std::thread::spawn(move || drop(block)));
        started.join().unwrap();
        // The cost of starting a thread is none of this test's business.
        assert_ne!(threads.blocks, 0);
    });
    assert!(counted.peak_bytes >= 5000 && counted.end_bytes < 5000, "{counted:?}");
}

#[test]
fn threads_take_part_on_request() {
    let (_, alone) = measure(|| black_box(vec![0_u8; 10]));
    assert_eq!((alone.blocks, alone.bytes), (1, 10));
    let (handle, counted) = measure_with(|measuring| {
        let here = measuring.clone();
        let thread = std::thread::Builder::new();
        let blocks = std::thread::scope(|scope| {
            let work = || (0..50_u8).map(|n| vec![n; 100]).collect::<Vec<_>>();
            let run = move || here.run(|| black_box(work()));
            thread.spawn_scoped(scope, run).unwrap().join().unwrap()
        });
        drop(blocks);
    });
    let () = handle;
    assert!(
        counted.blocks >= 51 && counted.bytes >= 5000 && counted.end_bytes < 5000,
        "{counted:?}"
    );
}

#[test]
fn a_panic_ends_a_measurement() {
    let caught = catch_unwind(|| measure(|| panic!("on purpose")).1);
    assert!(caught.is_err());
    drop(black_box(vec![0_u8; 10]));
    assert_eq!(measure(|| ()).1, Measured::default());
}

/// As long as a block lives, its measurement's group is not used for another.
#[test]
fn blocks_outlive_their_measurement() {
    let mut kept = Vec::with_capacity(100);
    for n in 0..100_u64 {
        let (block, counted) = measure(|| black_box(vec![0_u8; 64]));
        assert_eq!(numbers(counted), [1, 64, 64, 1, 64], "{n}");
        if n % 3 == 0 {
            kept.push(block);
        }
    }
    let ((), counted) = measure(|| drop(kept));
    assert_eq!(counted, Measured::default());
}

#[test]
fn limits_that_are_kept_give_the_value() {
    let text = assert_allocs!(String::from("value"), blocks == 1, bytes <= 5, end_bytes < 6,);
    assert_eq!(assert_no_allocs!(text.len()), 5);
}

#[inline(never)]
fn wasteful() -> Vec<String> {
    (0..7).map(|n| format!("number {n} is not needed")).collect()
}

#[test]
fn limits_may_be_ranges_of_every_kind() {
    let block = assert_allocs!(
        black_box(vec![0_u8; 1500]),
        blocks in 1..=3,
        bytes in ..4096,
        peak_bytes in 1500..,
        end_blocks in 1..2,
        end_bytes in ..,
    );
    let text = message(move || drop(assert_allocs!(block.clone(), bytes in 1..=1_499)));
    assert!(text.starts_with("allocations: bytes in 1..=1_499 does not hold\n"), "{text}");
    assert!(text.contains("measured: 1 block, 1,500 bytes; 1,500 bytes at the peak; "), "{text}");
}

/// A parser that gives up early, by `?` in the code that is measured.
fn parsed(text: &str) -> Result<Vec<Vec<u8>>, std::num::ParseIntError> {
    Ok(assert_allocs!(
        {
            let mut numbers = Vec::with_capacity(4);
            for word in text.split(' ') {
                numbers.push(black_box(vec![word.parse()?; 10]));
            }
            numbers
        },
        blocks == 3
    ))
}

#[test]
fn code_may_leave_early_and_is_no_longer_measured() {
    leaves_the_measurement(leave_early);
}

fn leave_early() {
    assert_eq!(parsed("1 2").unwrap().len(), 2);
    let ((), outer) = measure(|| {
        // One limit is broken and not looked at: the code did not come to its end.
        assert!(parsed("1 two").is_err());
        drop(black_box(vec![0_u8; 100]));
    });
    assert_eq!(numbers(outer), [3, 24 * 4 + 10 + 100, 24 * 4 + 10, 0, 0]);

    let found = (0..5).find(|_| {
        loop {
            assert_allocs!(
                {
                    let kept = black_box(vec![0_u8; 10]);
                    if kept.len() == 10 {
                        break true;
                    }
                },
                blocks == 0
            );
        }
    });
    fn returned() -> u32 {
        assert_allocs!(
            {
                let kept = black_box(vec![0_u8; 10]);
                if kept.len() == 10 {
                    return 7;
                }
            },
            blocks == 0
        );
        0
    }
    assert_eq!((found, returned()), (Some(0), 7));
}

#[test]
fn a_panic_in_the_code_is_the_code_s_and_ends_the_measurement() {
    leaves_the_measurement(|| {
        let caught = catch_unwind(|| {
            assert_allocs!(
                {
                    let kept = black_box(vec![0_u8; 10]);
                    if kept.len() == 10 {
                        // Without a message, which would be kept as the test's output.
                        resume_unwind(Box::new("on purpose"));
                    }
                },
                blocks == 0
            )
        });
        assert_eq!(caught.expect_err("it panics").downcast_ref::<&str>(), Some(&"on purpose"));
    });
}

/// An outer measurement has what the code has allocated, and nothing of the assertion's own.
#[test]
fn an_assertion_allocates_nothing_itself() {
    let ((), outer) = measure(|| {
        drop(assert_allocs!(black_box(vec![0_u8; 10]), blocks == 1, bytes in 10..=10));
    });
    assert_eq!(numbers(outer), [1, 10, 10, 0, 0]);
}

thread_local! {
    static PANICKED_AT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

#[test]
fn a_failure_points_at_the_assertion() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let here = info.location().filter(|at| at.file() == file!());
        PANICKED_AT.set(here.map_or(0, |at| at.line()));
        before(info);
    }));
    let line = line!() + 1;
    message(|| assert_allocs!(drop(black_box(vec![0_u8; 10])), blocks == 0));
    assert_eq!(PANICKED_AT.get(), line);
    let line = line!() + 1;
    message(|| drop(assert_no_allocs!(black_box(vec![0_u8; 10]))));
    assert_eq!(PANICKED_AT.get(), line);
}

/// The message of a panic.
fn message(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    *catch_unwind(work).expect_err("a limit was broken").downcast::<String>().expect("a message")
}

#[test]
fn a_broken_limit_names_who_is_to_blame() {
    for _ in 0..3 {
        // The group is used again each time, and the sites' numbers are this time's alone.
        let text = message(|| drop(assert_allocs!(wasteful(), bytes < 1_000_000, blocks <= 1 + 1)));
        assert!(text.starts_with("allocations: blocks <= 1 + 1 does not hold\n"), "{text}");
        assert!(text.contains("measured: 8 blocks, "), "{text}");
        assert!(text.contains("\n  7 blocks, "), "{text}");
        assert!(text.contains("wasteful"), "{text}");
        assert!(text.contains("measure.rs:"), "{text}");
        assert!(text.contains("\n  1 block, 168 bytes:"), "{text}");
    }
}

#[test]
fn what_is_still_live_is_blamed_where_that_is_the_limit() {
    let text = message(|| {
        let kept = assert_allocs!(
            {
                drop(black_box(vec![0_u8; 9999]));
                wasteful()
            },
            end_blocks == 0
        );
        drop(kept);
    });
    assert!(text.contains("of which 7 blocks, "), "{text}");
    assert!(!text.contains("9999 bytes:"), "what was freed is not to blame: {text}");
}

#[inline(never)]
fn parsed_by_another_package(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// A reader can change the call, not the package.
#[test]
fn the_program_s_own_functions_come_before_those_of_packages() {
    let text = message(|| drop(assert_no_allocs!(parsed_by_another_package("[1, [2, 3], 4]"))));
    let sites = text.split(":\n      ").skip(1);
    let own = sites.clone().filter(|site| site.starts_with("measure::parsed_by_another_package"));
    assert!(own.clone().count() >= 2, "{text}");
    assert_eq!(own.count(), sites.count(), "{text}");
    assert!(text.contains("\n      through serde_json::de::from_str (serde_json-1."), "{text}");
    assert!(!text.contains("_core::"), "{text}");
}
