//! Groups that one thread enters and leaves.

use std::alloc::Layout;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mod_alloc::groups::{AllocationGroupId, AllocationGroupToken, group_stats};

use crate::rig::{Block, say, sites};
use crate::{Program, numbers, say_all};

pub(crate) const PROGRAMS: &[Program] = &[
    ("numbers", numbers_of_one_group),
    ("nested", nested),
    ("unordered", unordered),
    ("deep", deep),
    ("panics", panics),
    ("tokens", tokens),
    ("same-site", same_site),
    ("overflow", overflow),
    ("full-table", full_table),
    ("off", off),
];

sites! { site_a site_b site_outside site_shared }

fn numbers_of_one_group() {
    let token = AllocationGroupToken::register("work");
    let outside = site_outside(700);
    let (a, b) = {
        let _guard = token.enter();
        (site_a(1000), site_b(500))
    };
    assert_eq!(numbers("work"), [2, 1500, 2, 1500, 1500]);
    a.free();
    assert_eq!(numbers("work"), [2, 1500, 1, 500, 1500]);
    // It was allocated outside, so it stays there.
    let outside = {
        let _guard = token.enter();
        outside.resized(9000)
    };
    assert_eq!(numbers("work"), [2, 1500, 1, 500, 1500]);
    // And this one stays in the group: a block more, its whole new size, the difference live.
    let b = b.resized(2000);
    assert_eq!(numbers("work"), [3, 3500, 1, 2000, 2000]);
    let b = b.resized(300);
    assert_eq!(numbers("work"), [4, 3800, 1, 300, 2000]);
    let zeroed = {
        let _guard = token.enter();
        let layout = Layout::from_size_align(4096, 512).expect("a valid layout");
        Block::zeroed(layout).expect("memory for a small block")
    };
    assert!(zeroed.is_aligned() && zeroed.read(4095) == 0);
    assert_eq!(numbers("work"), [5, 7896, 2, 4396, 4396]);
    outside.free();
    say_all();
    b.free();
    zeroed.free();
    assert_eq!(numbers("work"), [5, 7896, 0, 0, 4396]);
    let _guard = token.enter();
    site_a(60);
    assert_eq!(numbers("work"), [6, 7956, 1, 60, 4396]);
}

fn nested() {
    let [outer, inner] = ["outer", "inner"].map(AllocationGroupToken::register);
    {
        let _outer = outer.enter();
        site_a(1);
        {
            let _inner = inner.enter();
            site_a(10);
            {
                let _again = outer.enter();
                site_a(100);
            }
            site_a(1000);
        }
        site_a(10_000);
    }
    site_a(100_000);
    assert_eq!(numbers("outer")[..2], [3, 10_101]);
    assert_eq!(numbers("inner")[..2], [2, 1010]);
    say_all();
}

fn unordered() {
    let [a, b, c] = ["a", "b", "c"].map(AllocationGroupToken::register);
    let guards = (a.enter(), b.enter(), c.enter());
    site_a(1);
    drop(guards.1); // c is still the latest
    site_a(10);
    drop(guards.2); // and b was left before
    site_a(100);
    let late = b.enter();
    drop(guards.0);
    site_a(1000);
    late.exit();
    site_a(10_000);
    assert_eq!(AllocationGroupToken::current().id(), AllocationGroupId::ROOT);
    assert_eq!(numbers("a")[..2], [1, 100]);
    assert_eq!(numbers("b")[..2], [1, 1000]);
    assert_eq!(numbers("c")[..2], [2, 11]);
}

fn deep() {
    let tokens: Vec<_> =
        (0..50).map(|n| AllocationGroupToken::register(format!("group-{n}"))).collect();
    let before = stats_of_all();
    let mut guards = Vec::with_capacity(2000);
    for round in 0..2000 {
        guards.push(tokens[round % 50].enter());
        site_a(1 + round % 50);
    }
    while let Some(guard) = guards.pop() {
        site_b(1 + guards.len() % 50);
        drop(guard);
    }
    for (n, numbers) in stats_of_all().into_iter().enumerate() {
        // Nothing of what the nesting itself takes is the program's.
        assert_eq!(numbers, [80, 80 * (n as u64 + 1)], "group {n}, before: {before:?}");
    }
}

fn stats_of_all() -> Vec<[u64; 2]> {
    group_stats().iter().map(|group| [group.total_blocks, group.total_bytes]).collect()
}

fn panics() {
    let [outer, inner] = ["outer", "inner"].map(AllocationGroupToken::register);
    std::panic::set_hook(Box::new(|_| {}));
    let _outer = outer.enter();
    let before = numbers("outer");
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _inner = inner.enter();
        site_b(8);
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(result.is_err());
    assert_eq!(AllocationGroupToken::current(), outer);
    site_a(100);
    assert_eq!(numbers("outer")[..2], [before[0] + 1, before[1] + 100]);
    assert!(numbers("inner")[1] >= 8, "and what unwinding takes");
}

fn tokens() {
    assert_eq!(AllocationGroupToken::current().id(), AllocationGroupId::ROOT);
    assert_eq!(AllocationGroupId::ROOT.as_usize().get(), 1);
    assert_eq!(AllocationGroupToken::current().name(), "");
    let first = AllocationGroupToken::register("one");
    let second = AllocationGroupToken::register(String::from("one"));
    let unnamed = AllocationGroupToken::register("");
    assert_eq!([first, second, unnamed].map(|token| token.id().as_usize().get()), [2, 3, 4]);
    assert_eq!([first, second, unnamed].map(|token| token.name()), ["one", "one", "group 4"]);
    assert_eq!(HashSet::from([first, first, second]).len(), 2);
    assert_eq!(format!("{first:?}"), "AllocationGroupToken { id: 2, name: \"one\" }");
    let long = AllocationGroupToken::register("x".repeat(1000));
    assert_eq!(long.name(), "x".repeat(424));
    // They are apart, though they are called the same.
    let guard = second.enter();
    assert_eq!(AllocationGroupToken::current(), second);
    site_a(5);
    guard.exit();
    let bytes: Vec<_> = group_stats().iter().map(|group| group.total_bytes).collect();
    assert_eq!(bytes, [0, 5, 0, 0]);
    // Memory for the answer is not the program's.
    let guard = first.enter();
    drop((group_stats(), second.name()));
    guard.exit();
    assert_eq!(group_stats()[0].total_bytes, 0);
    say_all();
}

/// One stack that allocates for several groups, by turns.
fn same_site() {
    let [a, b] = ["a", "b"].map(AllocationGroupToken::register);
    for round in 0..1000 {
        let guard = match round % 4 {
            0 => Some(a.enter()),
            1 => Some(b.enter()),
            _ => None,
        };
        let block = site_shared(10 + round % 3);
        drop(guard);
        if round % 8 < 4 {
            block.free();
        }
    }
    for (name, rest) in [("a", 0), ("b", 1)] {
        let sizes = (0..1000).filter(|round| round % 4 == rest).map(|round| 10 + round % 3);
        let live = (0..1000).filter(|round| round % 8 == rest + 4).map(|round| 10 + round % 3);
        let found = numbers(name);
        assert_eq!(found[..2], [250, sizes.sum()]);
        assert_eq!(found[2..4], [live.clone().count() as u64, live.sum()]);
    }
    say_all();
}

/// More groups than there is room for.
fn overflow() {
    let mut found = 0;
    for _ in 0..65_535 {
        found += usize::from(AllocationGroupToken::register("x").id() != AllocationGroupId::ROOT);
    }
    assert_eq!(found, 65_535);
    for _ in 0..7 {
        let token = AllocationGroupToken::register("too many");
        assert_eq!((token.id(), token.name().as_str()), (AllocationGroupId::ROOT, ""));
        let _guard = token.enter();
        site_outside(3);
    }
    assert_eq!(group_stats().len(), 65_535);
}

/// One line for no group, and for more groups than a small table has frames for.
fn full_table() {
    let tokens: Vec<_> =
        (0..3000).map(|n| AllocationGroupToken::register(format!("group-{n}"))).collect();
    for token in std::iter::once(None).chain(tokens.iter().map(Some)) {
        let _guard = token.map(AllocationGroupToken::enter);
        site_shared(10);
    }
    for (n, [blocks, bytes]) in stats_of_all().into_iter().enumerate() {
        assert!(blocks <= 1 && bytes == 10 * blocks, "group {n}: {blocks} blocks, {bytes} bytes");
    }
}

fn off() {
    let token = AllocationGroupToken::register("nobody");
    assert_eq!(token.id(), AllocationGroupId::ROOT);
    let guard = token.enter();
    site_a(1);
    guard.exit();
    assert_eq!(group_stats(), []);
    say(format_args!("off"));
}
