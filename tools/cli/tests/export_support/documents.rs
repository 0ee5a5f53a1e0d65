//! Reports as dhat JSON: pseudo-random ones, and such as no sound program writes.

use std::fs;

use serde_json::{Value, json};

/// A sequence that looks random and is always the same.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Reports of each kind: ours, dhat-rs's, Valgrind's, a merged one, pseudo-random ones.
pub(crate) fn reports() -> Vec<(String, Vec<u8>)> {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/seeds/dhat");
    let files = fs::read_dir(seeds).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| (path.display().to_string(), fs::read(&path).unwrap());
    let mut reports: Vec<_> = files.map(read).collect();
    assert!(reports.len() >= 5, "{seeds}");
    let made = |seed| (format!("random {seed}"), random(seed, 60).to_string().into_bytes());
    reports.extend((0..4).map(made));
    reports
}

/// A report of `stacks` stacks at most; those that would be equal are there once.
pub(crate) fn random(seed: u64, stacks: u64) -> Value {
    let mut random = Random::new(seed);
    let mut points = std::collections::BTreeMap::new();
    for _ in 0..stacks {
        let depth = random.below(12);
        // Neighbours in the table are of one address: inlined functions.
        let stack: Vec<u64> = (0..depth).map(|_| 1 + random.below(40)).collect();
        points.insert(stack.clone(), point(&stack, &mut random));
    }
    let points: Vec<_> = points.into_values().collect();
    let mut report = report(&points, &frames());
    report["x_histograms"] =
        json!({ "sizes": histogram(&mut random), "lifetimes": histogram(&mut random) });
    report
}

/// A histogram of any length; null now and then.
fn histogram(random: &mut Random) -> Value {
    let length = random.below(66);
    let mut list = || (0..length).map(|_| random.below(1 << 32)).collect::<Vec<_>>();
    let (blocks, bytes) = (list(), list());
    if length.is_multiple_of(8) { Value::Null } else { json!({ "blocks": blocks, "bytes": bytes }) }
}

fn point(stack: &[u64], random: &mut Random) -> Value {
    let blocks = 1 + random.below(1000);
    let bytes = blocks * (1 + random.below(5000));
    let live = |random: &mut Random| [random.below(bytes + 1), random.below(blocks + 1)];
    let ([mb, mbk], [gb, gbk], [eb, ebk]) = (live(random), live(random), live(random));
    let lifetimes = blocks * random.below(30);
    json!({ "tb": bytes, "tbk": blocks, "tl": lifetimes, "mb": mb, "mbk": mbk,
            "gb": gb, "gbk": gbk, "eb": eb, "ebk": ebk, "fs": stack })
}

fn frames() -> Vec<String> {
    let frame = |id: u64| {
        let (address, line) = (0x1000 + id / 2 * 16, id % 7 + 1);
        match id % 5 {
            0 => format!("{address:#x}: ??? (in /usr/lib/libone.so.1)"),
            1 => format!("{address:#x}: two::run::<u8>::{{closure#{id}}} (src/two.rs:{line}:9)"),
            2 => format!("{address:#x}: three (in /usr/lib/libthree.so)"),
            3 if id == 13 => "[stack truncated: set MOD_ALLOC_FRAMES]".into(),
            _ => format!("{address:#x}: four::f{} (src/four.rs:{line})", id % 11),
        }
    };
    (1..=40).map(frame).collect()
}

/// A report of a program that frees, by these points and frames; frame 1 is the first of `frames`.
pub(crate) fn report(points: &[Value], frames: &[String]) -> Value {
    let mut table = vec![String::from("[root]")];
    table.extend_from_slice(frames);
    json!({ "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true,
            "bkacc": false, "tu": "µs", "Mtu": "s", "tuth": 10, "cmd": "app --work", "pid": 42,
            "te": 5000, "tg": 2500, "pps": points, "ftbl": table })
}

/// A point with all numbers `number`.
pub(crate) fn flat(number: u64, stack: &[u64]) -> Value {
    json!({ "tb": number, "tbk": number, "tl": number, "mb": number, "mbk": number, "gb": number,
            "gbk": number, "eb": number, "ebk": number, "fs": stack })
}

/// Names that would end or break each of the formats if they were not escaped.
pub(crate) const HOSTILE_NAMES: [&str; 14] = [
    "a;b;c 17",
    "</script><script>alert(1)</script>",
    "]]><!--",
    "quote\" and 'quote' & \\ and &amp;",
    "line\nbreak\r\nand\ttab",
    "bell\u{7} escape\u{1b}[31m null\u{0} delete\u{7f}",
    "\u{202e}right to left\u{2028}\u{2029}",
    "\u{feff}\u{fffe}\u{ffff}\u{10ffff}",
    "<T as \u{1f980}>::ü",
    "# comment",
    "   ",
    "{\"json\":[",
    "%s%n${x}`id`",
    "((((((",
];

/// A report of a stack for each hostile name, one 100,000 frames deep, one with a name of 10 MB,
/// one without frames, and numbers that overflow as soon as they are added up.
pub(crate) fn hostile() -> Value {
    let mut frames: Vec<String> = HOSTILE_NAMES
        .iter()
        .enumerate()
        .map(|(id, name)| format!("{:#x}: {name} ({name}.rs:{id}:1)", 0x100 + id))
        .collect();
    frames.extend(HOSTILE_NAMES.map(String::from));
    frames.push(format!("0x9: {} (long.rs:1:1)", "long::".repeat(10_000_000 / 6)));
    let count = frames.len() as u64;
    let mut points: Vec<Value> = (1..=count).map(|frame| flat(1000 + frame, &[frame, 1])).collect();
    let deep: Vec<u64> = (0..100_000).map(|level| 1 + level % 3).collect();
    // At the end no stack is so much larger that a picture shows it alone.
    for stack in [&*deep, &[2]] {
        let mut point = flat(u64::MAX, stack);
        (point["eb"], point["ebk"]) = (1000.into(), 1000.into());
        points.push(point);
    }
    points.push(flat(7, &[]));
    report(&points, &frames)
}
