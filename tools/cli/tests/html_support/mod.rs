//! Reports that are made up: with all keys that there can be, and hostile ones.

use serde_json::{Value, json};

/// Moments of the report, and samples of its timeline between two of them.
const MOMENTS: u64 = 20;
const MICROS: u64 = 1_000_000;

/// Live bytes of the three stacks at moment `at` (1 to `MOMENTS`): one that grows to the middle and
/// stays, one with a spike at moment 10 alone, one that begins at moment 12.
fn live(at: u64) -> [u64; 3] {
    let spike = if at == 10 { 5_000_000 } else { 2_000 * (at % 3) };
    [100_000 * at.min(10), spike, if at >= 12 { 7_000 * (at - 11) } else { 0 }]
}

/// Bytes allocated until moment `at`. Each block has 1,000 bytes.
fn allocated(at: u64) -> [u64; 3] {
    let spike = if at >= 10 { 5_000_000 } else { 0 };
    [100_000 * at.min(10), 50_000 * at + spike, if at >= 12 { 7_000 * (at - 11) } else { 0 }]
}

/// A report with every key that the page shows.
pub(crate) fn whole() -> Value {
    let stacks = [vec![2, 3, 1], vec![5, 4, 6, 1], vec![2, 8, 7]];
    let points: Vec<_> = stacks.iter().enumerate().map(|(i, stack)| point(i, stack)).collect();
    let sum = |of: fn(u64) -> [u64; 3], at| of(at).iter().sum::<u64>();
    let list = |number: &dyn Fn(u64) -> u64| (1..=MOMENTS).map(number).collect::<Vec<_>>();
    let mut report = head("/opt/app --serve 8080", 4_711);
    report["x_timeline"] = json!({
        "end_us": list(&|at| at * MICROS),
        "min_bytes": list(&|at| sum(live, at).min(sum(live, at.saturating_sub(1)))),
        "max_bytes": list(&|at| sum(live, at)),
        "blocks": list(&|at| sum(live, at) / 1_000),
        "total_bytes": list(&|at| sum(allocated, at)),
        "total_blocks": list(&|at| sum(allocated, at) / 1_000),
        "resident_bytes": (1..=MOMENTS)
            .map(|at| (at != 3).then_some(2_000_000 + sum(live, at)))
            .collect::<Vec<_>>(),
    });
    report["x_moments"] = json!({ "at_us": list(&|at| at * MICROS), "thinned": 12 });
    report["x_histograms"] = json!({
        "sizes": { "blocks": [0, 0, 3, 0, 500, 6_000], "bytes": [0, 0, 6, 0, 4_000, 90_000] },
        "lifetimes": { "blocks": [10, 0, 0, 70], "bytes": [100, 0, 0, 700] },
    });
    report["x_sampling"] = json!(524_288);
    report["x_coverage"] = json!({
        "peak_anonymous_bytes": 90_000_000, "end_anonymous_bytes": null, "recorded_bytes": 6_000_000,
        "allocator_bytes": 8_000_000, "profiler_bytes": 0, "unseen_bytes": 82_000_000,
        "reasons": ["a library maps memory of its own"],
    });
    report["x_advice"] =
        json!(["no lines: <b>app</b> has no debug information; compile it with -g"]);
    let arena = json!({
        "kind": "anonymous", "calls": 3, "total_bytes": 90 << 20, "peak_bytes": 80 << 20,
        "end_bytes": 70 << 20, "stack": ["0x1: arena_new (arena.c:7)", "0x2: main (main.c:1)"],
    });
    report["x_mappings"] = json!({
        "calls": 3, "total_bytes": 90 << 20, "peak_bytes": 80 << 20, "peak_us": 5, "end_bytes": 70 << 20,
        "sites": [arena],
    });
    report["x_ending"] = json!({ "how": "signal", "signal": 9 });
    report["x_losses"] = json!({ "truncated_stacks": 12 });
    report["x_settings"] = json!({ "peak": "bounded", "frames": 64 });
    report["x_groups"] = json!([{
        "name": "tenants", "total_blocks": 63, "total_bytes": 63_000, "live_blocks": 63,
        "live_bytes": 63_000, "peak_bytes": 63_000,
    }]);
    report["x_threads"] = json!([
        { "id": 1, "name": "app", "total_bytes": 7_000_000, "total_blocks": 7_000 },
        { "id": 2, "name": "worker", "total_bytes": 63_000, "total_blocks": 63 },
    ]);
    report["pps"] = points.into();
    report
}

fn point(stack: usize, frames: &[u32]) -> Value {
    let (mut moments, mut last) = (Vec::new(), [0, 0]);
    for at in 1..=MOMENTS {
        let now = [allocated(at)[stack], live(at)[stack]];
        if now != last {
            moments.push(json!([at - 1, now[0], now[0] / 1_000, now[1], now[1] / 1_000]));
            last = now;
        }
    }
    let (total, peak, end) = (allocated(MOMENTS)[stack], live(10)[stack], live(MOMENTS)[stack]);
    let most = (1..=MOMENTS).map(|at| live(at)[stack]).max().unwrap_or(0);
    json!({
        "tb": total, "tbk": total / 1_000, "tl": total, "mb": most, "mbk": most / 1_000,
        "gb": peak, "gbk": peak / 1_000, "eb": end, "ebk": end / 1_000,
        "fs": frames, "x_moments": moments,
    })
}

fn head(command: &str, pid: u32) -> Value {
    json!({
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true,
        "bkacc": false, "tu": "µs", "Mtu": "s", "tuth": 10, "cmd": command, "pid": pid,
        "te": (MOMENTS + 1) * MICROS, "tg": 10 * MICROS, "x_version": "1.1.0",
        "pps": [], "ftbl": [
            "[root]",
            "0x1: app::main (src/main.rs:1:1)",
            "0x2: alloc::raw_vec::RawVec<T>::grow (library/alloc/src/raw_vec.rs:10:1)",
            "0x3: app::load (src/main.rs:20:1)",
            "0x4: parser::parse (parser-1.0.2/src/lib.rs:5:1)",
            "0x5: alloc::string::String::from (library/alloc/src/string.rs:7:1)",
            "0x6: app::serve (src/main.rs:30:1)",
            "0x7: app::worker (src/worker.rs:3:1)",
            "[group: tenants]",
        ],
    })
}

/// The report some changes later: a line moved, one stack gone, one new, one larger; half as long.
pub(crate) fn later() -> Value {
    let mut report = whole();
    report["ftbl"][3] = "0x3: app::load (src/main.rs:25:1)".into();
    report["pps"][0]["tb"] = 1_500_000.into();
    report["pps"][1]["fs"] = json!([5, 4, 6, 7]);
    for list in report["x_timeline"].as_object_mut().unwrap().values_mut() {
        list.as_array_mut().unwrap().truncate(MOMENTS as usize / 2);
    }
    report
}

/// A report that wants to break the page.
pub(crate) fn hostile() -> Value {
    let mut report = head("</script><script>window.hacked = 1</script> \"quoted\"", 1);
    let deep: Vec<u32> = (0..100_000).map(|_| 9).chain([1]).collect();
    let names = [
        "0x9: recursive::descend (src/deep.rs:1:1)".to_owned(),
        "</script><script>window.hacked = 1</script>".to_owned(),
        "0x11: <img src=x onerror=window.hacked=1> (\"x\".rs:1)".to_owned(),
        "0x12: control\u{0}\u{1b}[31m\u{202e}\u{7f}\n (a\u{0}.rs:1)".to_owned(),
        format!("0x13: {} (long.rs:1)", "x".repeat(10_000_000)),
        "0x14: <!-- {{DATA}} ${1} $& __proto__ (b.rs:1)".to_owned(),
        "__proto__".to_owned(),
    ];
    let frames = report["ftbl"].as_array_mut().unwrap();
    frames.extend(names.map(Value::String));
    let large = json!({
        "tb": u64::MAX, "tbk": 3, "tl": 1, "mb": u64::MAX, "mbk": 1,
        "gb": u64::MAX - 1, "gbk": 1, "eb": u64::MAX, "ebk": 1, "fs": [10, 11, 1],
    });
    let small = |stack: Value| {
        let mut point = large.clone();
        for key in ["tb", "mb", "gb", "eb"] {
            point[key] = 1_000.into();
        }
        point["fs"] = stack;
        point
    };
    report["pps"] = json!([
        large,
        small(json!(deep)),
        small(json!([12, 13, 1])),
        small(json!([14, 15, 1])),
        small(json!([])),
    ]);
    report["x_groups"] = json!([{ "name": "</script><b>", "total_blocks": 0, "total_bytes": 0,
        "live_blocks": 0, "live_bytes": 0, "peak_bytes": 0 }]);
    report
}
