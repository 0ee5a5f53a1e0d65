//! Profiles of hand-made recordings, and what is written of them.
#![cfg(feature = "dhat-compat")]

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;

use mod_alloc::heap_state::{Allocator, HeapState};
use mod_alloc::recording::model::{
    Counters, Frame, Group, HeapMoment, HeapStates, Module, ROOT_BROKEN, ROOT_COMPLETE,
    ROOT_TABLE_FULL, ROOT_TRUNCATED, ROOTS, Recording, Site, Thread,
};
use mod_alloc::report::{Options, Profile, StackRef, dhat};
use serde_json::{Value, json};

#[path = "report/real_stacks.rs"]
mod real_stacks;

/// A recording in the making.
struct Maker(Recording);

impl Maker {
    /// With one module, a file that does not exist, at 0x1000..0x9000 with bias 0x1000.
    fn new() -> Self {
        let mut recording = Recording::default();
        recording.pid = 4242;
        recording.command = "app \"two words\" \u{1}".into();
        recording.end_micros = 900;
        recording.peak_micros = 700;
        recording.settings.frames = 64;
        recording.settings.unwind = "auto";
        recording.modules = vec![module("/nowhere/app", 0x1000)];
        recording.frames = vec![Frame::default(); ROOTS];
        Self(recording)
    }

    /// Adds a stack of loaded return addresses, innermost first; returns its innermost node.
    fn stack(&mut self, root: u32, addresses: &[u64]) -> u32 {
        let mut parent = root;
        for &address in addresses.iter().rev() {
            self.0.frames.push(Frame { parent, generation: 0, address, group: 0 });
            parent = u32::try_from(self.0.frames.len() - 1).unwrap();
        }
        parent
    }

    fn site(&mut self, root: u32, addresses: &[u64], first: u64) {
        let frame = self.stack(root, addresses);
        self.0.sites.push(Site { frame, counters: numbers(first) });
    }

    fn json(&self) -> Value {
        json_of(&Profile::from_recording(&self.0, &Options::default()))
    }
}

fn module(path: &str, start: u64) -> Module {
    let mut module = Module::default();
    module.path = path.into();
    module.start = start;
    module.end = start + 0x8000;
    module.bias = start;
    module.build_id = vec![0xab, 0x01];
    module
}

fn numbers(first: u64) -> Counters {
    Counters {
        total_bytes: first,
        total_blocks: first + 1,
        lifetimes_micros: first + 2,
        max_bytes: first + 3,
        max_blocks: first + 4,
        peak_bytes: first + 5,
        peak_blocks: first + 6,
        end_bytes: first + 7,
        end_blocks: first + 8,
    }
}

fn json_of(profile: &Profile) -> Value {
    let mut text = Vec::new();
    dhat::write(profile, &mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The texts of a program point's frames.
fn frames(report: &Value, point: usize) -> Vec<&str> {
    let indices = report["pps"][point]["fs"].as_array().unwrap();
    let at = |index: &Value| report["ftbl"][index.as_u64().unwrap() as usize].as_str().unwrap();
    indices.iter().map(at).collect()
}

#[test]
fn every_key_of_a_small_report() {
    let mut maker = Maker::new();
    maker.site(ROOT_COMPLETE, &[0x1100, 0x1200], 1000);
    let mut thread = Thread::default();
    (thread.id, thread.name, thread.running) = (7, "worker".into(), true);
    thread.threads = 21;
    (thread.total_bytes, thread.total_blocks) = (11, 12);
    (thread.freed_bytes, thread.freed_blocks) = (13, 14);
    maker.0.threads = vec![thread];
    maker.0.settings.buckets = Some(128);
    let losses = &mut maker.0.losses;
    (losses.table_full, losses.reentrant, losses.reentrant_bytes) = (1, 2, 3);
    (losses.damaged_trailers, losses.damaged_bytes) = (4, 5);
    (losses.truncated_stacks, losses.broken_stacks, losses.threads_overflowed) = (6, 7, 8);
    losses.no_room = 1;
    maker.0.heap_states = heap_states();
    let expected = json!({
        "dhatFileVersion": 2,
        "mode": "rust-heap",
        "verb": "Allocated",
        "bklt": true,
        "bkacc": false,
        "tu": "µs",
        "Mtu": "s",
        "tuth": 10,
        "cmd": "app \"two words\" \u{1}",
        "pid": 4242,
        "te": 900,
        "tg": 700,
        "pps": [{
            "tb": 1000, "tbk": 1001, "tl": 1002, "mb": 1003, "mbk": 1004,
            "gb": 1005, "gbk": 1006, "eb": 1007, "ebk": 1008, "fs": [2, 1],
        }],
        "ftbl": ["[root]", "0x200: ??? (in /nowhere/app)", "0x100: ??? (in /nowhere/app)"],
        "x_version": env!("CARGO_PKG_VERSION"),
        "x_settings": { "peak": "bounded", "frames": 64, "buckets": 128, "unwind": "auto" },
        "x_losses": {
            "table_full": 1, "reentrant": 2, "reentrant_bytes": 3, "damaged_trailers": 4,
            "damaged_bytes": 5, "truncated_stacks": 6, "broken_stacks": 7, "threads_overflowed": 8, "no_room": 1, "groups_overflowed": 0,
            "overruns": 0, "sealed": 0, "mappings_lost": 0, "stopped_clock": 0,
        },
        "x_heap_state": {
            "peak_bytes": 1000,
            "peak": {
                "time": 31, "requested_bytes": 800, "profiler_bytes": 100, "allocator": "jemalloc", "allocated": 1200,
                "active": 1500, "resident": 2000, "mapped": 4000, "retained": 8000, "arenas": 9,
                "held": 2000, "process_resident": 5000, "process_peak_resident": null, "process_anonymous": null,
                "fragmentation": { "rounding": 0.25, "in_pages": 0.2, "idle_pages": 0.25, "overall": 0.55 },
            },
            "end": {
                "time": 32, "requested_bytes": 10, "profiler_bytes": 0, "allocator": null, "allocated": null,
                "active": null, "resident": null, "mapped": null, "retained": null, "arenas": null,
                "held": null, "process_resident": 6000, "process_peak_resident": 7000, "process_anonymous": null,
                "fragmentation": null,
            },
        },
        "x_threads": [{
            "id": 7, "name": "worker", "running": true, "threads": 21, "total_bytes": 11,
            "total_blocks": 12, "freed_bytes": 13, "freed_blocks": 14,
        }],
        "x_ending": {
            "how": "running", "text": "still running: the report is of a moment of the run",
        },
        "x_modules": [{
            "path": "/nowhere/app", "build_id": "ab01", "start": 0x1000, "end": 0x9000, "bias": 0x1000,
        }],
    });
    let written = maker.json();
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&written[key], value, "{key}");
    }
    let keys = |json: &Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&written), keys(&expected));
}

fn heap_states() -> HeapStates {
    let mut state = HeapState::of(Allocator::Jemalloc);
    (state.allocated, state.active, state.resident) = (Some(1200), Some(1500), Some(2000));
    (state.mapped, state.retained, state.arenas) = (Some(4000), Some(8000), Some(9));
    let (mut peak, mut end) = (HeapMoment::default(), HeapMoment::default());
    (peak.micros, peak.requested_bytes, peak.profiler_bytes) = (31, 800, 100);
    peak.state = Some(state);
    peak.process.resident = Some(5000);
    (end.micros, end.requested_bytes) = (32, 10);
    (end.process.resident, end.process.peak_resident) = (Some(6000), Some(7000));
    let mut states = HeapStates::default();
    (states.peak_bytes, states.peak, states.end) = (1000, Some(peak), Some(end));
    states
}

#[test]
fn settings_that_are_exact_or_unset_say_so() {
    let mut maker = Maker::new();
    maker.0.settings.peak_is_exact = true;
    assert_eq!(
        maker.json()["x_settings"],
        json!({ "peak": "exact", "frames": 64, "buckets": null, "unwind": "auto" })
    );
}

#[test]
fn times_keep_to_what_readers_expect() {
    let mut maker = Maker::new();
    (maker.0.end_micros, maker.0.peak_micros) = (0, 5);
    let report = maker.json();
    assert_eq!((&report["te"], &report["tg"]), (&json!(1), &json!(1)));
    assert_eq!((&report["pps"], &report["ftbl"]), (&json!([]), &json!(["[root]"])));
}

#[test]
fn stacks_that_became_equal_are_merged() {
    // A library, unloaded and loaded again elsewhere.
    let mut maker = Maker::new();
    maker.0.modules.push(module("/nowhere/app", 0x20000));
    maker.site(ROOT_COMPLETE, &[0x1100, 0x1200], 10);
    maker.site(ROOT_COMPLETE, &[0x1100], 5);
    maker.site(ROOT_COMPLETE, &[0x20100, 0x20200], 100);
    let profile = Profile::from_recording(&maker.0, &Options::default());
    let report = json_of(&profile);
    assert_eq!(report["pps"].as_array().unwrap().len(), 2);
    let merged = &report["pps"][0];
    assert_eq!(
        (&merged["tb"], &merged["mb"], &merged["ebk"]),
        (&json!(110), &json!(116), &json!(126))
    );
    assert_eq!(merged["x_merged"], json!(2));
    assert!(report["pps"][1].get("x_merged").is_none());
    assert_eq!(report["ftbl"].as_array().unwrap().len(), 3);
    let sites: Vec<u32> = profile.stacks().map(|stack| stack.sites()).collect();
    assert_eq!(sites, [2, 1]);
    assert_eq!(profile.totals().total_bytes, 115);
}

#[test]
fn stacks_that_are_not_whole_say_why() {
    let mut maker = Maker::new();
    maker.site(ROOT_TRUNCATED, &[0x1100], 1);
    maker.site(ROOT_BROKEN, &[0x1100], 2);
    maker.site(ROOT_COMPLETE, &[0x1100], 3);
    maker.site(ROOT_TABLE_FULL, &[], 4);
    maker.site(ROOT_COMPLETE, &[], 5);
    let report = maker.json();
    let code = "0x100: ??? (in /nowhere/app)";
    let truncated = "[stack truncated: set MOD_ALLOC_FRAMES]";
    let broken = "[stack ends here: no unwind information]";
    assert_eq!(frames(&report, 0), [code, truncated]);
    assert_eq!(frames(&report, 1), [code, broken]);
    assert_eq!(frames(&report, 2), [code]);
    assert_eq!(frames(&report, 3), ["[call-site table full: set MOD_ALLOC_BUCKETS]"]);
    assert_eq!(frames(&report, 4), [broken]);
    assert_eq!(report["pps"].as_array().unwrap().len(), 5);
}

#[test]
fn one_address_in_two_generations_is_two_frames() {
    let mut maker = Maker::new();
    maker.0.modules.push(module("/nowhere/plugin", 0x1000));
    maker.0.modules[1].generations = (1, 1);
    for generation in [0, 1] {
        maker.0.frames.push(Frame { parent: ROOT_COMPLETE, generation, address: 0x1100, group: 0 });
        let frame = u32::try_from(maker.0.frames.len() - 1).unwrap();
        maker.0.sites.push(Site { frame, counters: numbers(1) });
    }
    let report = maker.json();
    assert_eq!(frames(&report, 0), ["0x100: ??? (in /nowhere/app)"]);
    assert_eq!(frames(&report, 1), ["0x100: ??? (in /nowhere/plugin)"]);
}

#[test]
fn a_recording_that_makes_no_sense_makes_a_report() {
    let mut maker = Maker::new();
    // A parent outside the recording, one that is the frame itself, one further in.
    maker.0.frames.extend([
        Frame { parent: 999, generation: 0, address: 0x1100, group: 0 },
        Frame { parent: 5, generation: 0, address: u64::MAX, group: 0 },
        Frame { parent: 7, generation: 9, address: 1, group: 0 },
        Frame { parent: 6, generation: 9, address: 2, group: 0 },
    ]);
    for frame in [3, 4, 5, 6, 7, 8, u32::MAX] {
        let counters = Counters { total_bytes: u64::MAX, ..numbers(1) };
        maker.0.sites.push(Site { frame, counters });
    }
    maker.0.modules.push(module("", u64::MAX - 0x8000));
    maker.0.modules[0].start = u64::MAX;
    let report = maker.json();
    let mut seen = HashSet::new();
    for point in 0..report["pps"].as_array().unwrap().len() {
        assert!(seen.insert(frames(&report, point)), "a viewer refuses equal stacks");
    }
    maker.0.frames.clear();
    maker.json();
}

#[test]
fn one_line_for_each_stack_and_each_frame() {
    let mut maker = Maker::new();
    maker.site(ROOT_COMPLETE, &[0x1100, 0x1200], 1);
    maker.site(ROOT_COMPLETE, &[0x1300], 1);
    let mut text = Vec::new();
    dhat::write(&Profile::from_recording(&maker.0, &Options::default()), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("{\"tb\":")).count(), 2);
    assert_eq!(text.lines().filter(|line| line.starts_with("\"0x")).count(), 3);
    assert!(text.ends_with("]}"), "{text}");
}

/// Takes `room` bytes, then has none.
struct Full {
    room: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_fills() {
    let mut maker = Maker::new();
    maker.site(ROOT_COMPLETE, &[0x1100], 1);
    let profile = Profile::from_recording(&maker.0, &Options::default());
    let mut text = Vec::new();
    dhat::write(&profile, &mut text).unwrap();
    for room in [0, 1, text.len() / 2, text.len() - 1] {
        let error = dhat::write(&profile, &mut Full { room }).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
    dhat::write(&profile, &mut Full { room: text.len() }).unwrap();
}

/// Counts what it is given and remembers the largest piece.
#[derive(Default)]
struct Counting {
    bytes: usize,
    largest: usize,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        self.largest = self.largest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The most memory this process ever held, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_quarter_of_a_million_deep_stacks_are_written_piece_by_piece() {
    const STACKS: u32 = 250_000;
    const DEPTH: u64 = 40;
    let mut maker = Maker::new();
    maker.0.modules = vec![module("/nowhere/app", 0x10_0000)];
    maker.0.modules[0].end = u64::MAX;
    for stack in 0..u64::from(STACKS) {
        // 20,000 addresses; what differs is spread over the whole depth.
        let at = |level: u64| {
            let spread = stack * (level + 1) * 7919 + stack / 20_000 * level * 13 + level * 31;
            0x10_0000 + spread % 20_000 + 1
        };
        let mut addresses: Vec<u64> = (0..DEPTH - 1).map(at).collect();
        addresses.push(0x20_0000 + stack % 500);
        maker.site(ROOT_COMPLETE, &addresses, stack);
    }
    let before = peak_kib();
    let started = std::time::Instant::now();
    let profile = Profile::from_recording(&maker.0, &Options::default());
    let named = started.elapsed();
    let mut out = Counting::default();
    dhat::write(&profile, &mut out).unwrap();
    let total = started.elapsed();
    let stacks = profile.stacks().len();
    let distinct: HashSet<&[u32]> = profile.stacks().map(|stack| stack.frame_ids()).collect();
    assert_eq!((stacks, distinct.len()), (STACKS as usize, STACKS as usize));
    let sum = u64::from(STACKS) * u64::from(STACKS - 1) / 2;
    assert_eq!(profile.totals().total_bytes, sum);
    assert!(out.largest <= 64 * 1024, "a piece of {} bytes", out.largest);
    assert!(out.bytes > 50_000_000, "{} bytes", out.bytes);
    println!(
        "{stacks} stacks, {} frames: named in {named:.2?}, written in {:.2?}, {} MB; \
         peak memory {} MB, {} MB before",
        profile.frames().len(),
        total - named,
        out.bytes / 1_000_000,
        peak_kib() / 1024,
        before / 1024,
    );
}

/// A directory of this test's own, empty.
fn dir(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn a_group_is_the_outermost_frame_of_its_stacks() {
    let mut maker = Maker::new();
    let group = |name: &str| {
        let mut group = Group::default();
        group.name = name.into();
        group
    };
    maker.0.groups = vec![group("one"), group("two")];
    let mut stack_of = |group| {
        let frames = &mut maker.0.frames;
        frames.push(Frame { parent: ROOT_COMPLETE, generation: 0, address: 0, group });
        frames.push(Frame {
            parent: frames.len() as u32 - 1,
            generation: 0,
            address: 0x4321,
            group: 0,
        });
        let frame = frames.len() as u32 - 1;
        let counters = Counters { total_bytes: 1, total_blocks: 1, ..Counters::default() };
        maker.0.sites.push(Site { frame, counters });
    };
    [1, 2, 3].into_iter().for_each(&mut stack_of);
    let profile = Profile::from_recording(&maker.0, &Options::default());
    let outermost = |stack: StackRef<'_>| stack.frames().last().map(|frame| frame.to_string());
    let found: Vec<_> = profile.stacks().map(outermost).collect();
    let text = |text: &str| Some(String::from(text));
    assert_eq!(
        found,
        [text("[group: one]"), text("[group: two]"), text("0x3321: ??? (in /nowhere/app)")]
    );
}
