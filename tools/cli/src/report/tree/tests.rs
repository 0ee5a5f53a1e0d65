use std::fmt::Write;

use super::*;
use crate::dhat_file::{self, Frame};

const FRAMES: [&str; 7] = [
    "[root]",
    "0x1: malloc (in /usr/lib/x86_64-linux-gnu/libc.so.6)",
    "0x2: app::parse (src/parse.rs:10:5)",
    "0x3: app::main (src/main.rs:3:5)",
    "0x4: app::other (src/other.rs:1:1)",
    "0x5: __libc_start_main",
    // The line of `app::parse` at another address.
    "0x6: app::parse (src/parse.rs:10:9)",
];

fn document(stacks: &[(u64, &[u32])]) -> Document {
    let points = stacks.iter().map(|(bytes, stack)| {
        serde_json::json!({ "tb": bytes, "tbk": 1, "tl": 1000, "mb": bytes, "mbk": 1, "gb": 0,
            "gbk": 0, "eb": 0, "ebk": 0, "fs": stack })
    });
    let report = serde_json::json!({
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true,
        "bkacc": false, "tu": "µs", "Mtu": "s", "tuth": 1, "cmd": "app", "pid": 1, "te": 9, "tg": 1,
        "pps": points.collect::<Vec<_>>(), "ftbl": FRAMES,
    });
    dhat_file::read(report.to_string().as_bytes()).unwrap()
}

/// A line for each node that is shown: two blanks for each level, function and bytes.
fn drawn(document: &Document, inverted: bool, least: f64) -> String {
    let rows = Rows::of(document, &[], false);
    let shape = Shape { inverted, least: Percent(least) };
    let tree = Tree::new(document, &rows, Sort::Total, shape, false);
    let mut text = String::new();
    draw(&tree, ROOT, 0, &mut text);
    text
}

fn draw(tree: &Tree<'_, '_>, node: u32, level: usize, text: &mut String) {
    let indent = 2 * level;
    let below = tree.below(node);
    if below.has_own {
        let own = tree.node(node).own.total_bytes;
        writeln!(text, "{:indent$}own {own}", "").unwrap();
    }
    for child in below.nodes {
        let node = tree.node(child);
        let name = Frame::parse(FRAMES[node.frame as usize]).function.unwrap();
        writeln!(text, "{:indent$}{name} {} of {}", "", node.numbers.total_bytes, node.stacks)
            .unwrap();
        draw(tree, child, level + 1, text);
    }
    if let Some(folded) = below.folded {
        let bytes = folded.numbers.total_bytes;
        writeln!(text, "{:indent$}{} more {bytes}", "", folded.count).unwrap();
    }
}

#[test]
fn stacks_share_what_is_outside() {
    let all = document(&[(1000, &[1, 4, 3, 5]), (5000, &[1, 2, 3, 5]), (500, &[6, 3, 5])]);
    let expected = "app::main 6500 of 3\n  app::parse 5500 of 2\n  app::other 1000 of 1\n";
    assert_eq!(drawn(&all, false, 0.0), expected);
}

#[test]
fn inverted_the_allocating_function_is_outermost() {
    let all = document(&[(1000, &[1, 2, 4, 3]), (5000, &[1, 2, 3]), (10, &[1, 2])]);
    let expected = "app::parse 6010 of 3\n  app::main 5000 of 1\n  app::other 1000 of 1\n    \
         app::main 1000 of 1\n";
    assert_eq!(drawn(&all, true, 0.5), format!("{expected}"));
    // The stack without a caller is shown if it has enough.
    let expected = "app::parse 6010 of 3\n  own 10\n  app::main 5000 of 1\n";
    assert!(drawn(&all, true, 0.0).starts_with(expected), "{}", drawn(&all, true, 0.0));
}

#[test]
fn small_shares_are_folded_and_still_add_up() {
    let all = document(&[(9800, &[1, 2, 3]), (110, &[1, 4, 3]), (60, &[3]), (30, &[2])]);
    let expected = "app::main 9970 of 3\n  app::parse 9800 of 1\n  app::other 110 of 1\n\
         1 more 30\n";
    assert_eq!(drawn(&all, false, 1.0), expected);
    let expected = "app::main 9970 of 3\n  app::parse 9800 of 1\n  1 more 110\n1 more 30\n";
    assert_eq!(drawn(&all, false, 2.0), expected);
    let whole = drawn(&all, false, 0.0);
    assert!(whole.contains("\n  own 60\n") && !whole.contains("more"), "{whole}");
    assert_eq!(drawn(&all, false, 100.0), "2 more 10000\n");
}

#[test]
fn stacks_without_the_number_are_not_there() {
    assert_eq!(drawn(&document(&[(0, &[2])]), false, 0.0), "");
    assert_eq!(drawn(&document(&[]), false, 0.0), "");
}

#[test]
fn no_depth_is_too_much() {
    let deep: Vec<u32> = (0..100_000).map(|index| if index % 2 == 0 { 2 } else { 4 }).collect();
    let all = document(&[(10, &deep)]);
    let drawn = drawn(&all, false, 0.0);
    assert_eq!(drawn.lines().count(), MOST_LEVELS as usize + 1);
    assert!(drawn.ends_with("1 more 10\n"));
}
