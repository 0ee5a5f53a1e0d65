//! Recordings made by hand, for the tests of this command.

use std::time::Duration;

use mod_alloc::recording::model::{
    Counters, Frame, Module, ROOT_COMPLETE, ROOTS, Recording, Site, Thread,
};

use crate::watched::{Reading, State};

/// The numbers of a site that has freed nothing.
pub(super) fn counters(bytes: u64, blocks: u64) -> Counters {
    Counters {
        total_bytes: bytes,
        total_blocks: blocks,
        lifetimes_micros: 0,
        max_bytes: bytes,
        max_blocks: blocks,
        peak_bytes: bytes,
        peak_blocks: blocks,
        end_bytes: bytes,
        end_blocks: blocks,
    }
}

/// A recording with these bytes and blocks for each site. Site *n* is two frames deep: the
/// inner one returns to `0x1000 * (n + 1)` as linked, the outer one is common to all.
pub(super) fn with_sites(sites: &[(u64, u64)]) -> Recording {
    let mut recording = Recording::default();
    recording.pid = 4242;
    recording.command = "app --serve \"two words\"".into();
    recording.end_micros = 12_300_000;
    recording.peak_micros = 4_500_000;
    recording.modules = vec![module()];
    recording.frames = vec![Frame::default(); ROOTS];
    let outer = push(&mut recording, ROOT_COMPLETE, 0xf_0000);
    for (number, &(bytes, blocks)) in sites.iter().enumerate() {
        let frame = push(&mut recording, outer, 0x1000 * (number as u64 + 1));
        recording.sites.push(Site { frame, counters: counters(bytes, blocks) });
    }
    recording.threads = vec![thread(4242, "app", true), thread(4243, "worker", false)];
    recording
}

/// Seven sites, the first with most bytes, the last with most blocks.
pub(super) fn recording() -> Recording {
    let sites: Vec<_> = (0..7).map(|n| ((7 - n) * 1_000_000, (n + 1) * 1_000)).collect();
    with_sites(&sites)
}

fn push(recording: &mut Recording, parent: u32, address: u64) -> u32 {
    let address = LOADED + address;
    recording.frames.push(Frame { parent, generation: 0, address, group: 0 });
    u32::try_from(recording.frames.len() - 1).expect("few frames")
}

/// The address of the module.
const LOADED: u64 = 0x5500_0000_0000;

fn module() -> Module {
    let mut module = Module::default();
    module.path = "/nowhere/app".into();
    module.start = LOADED;
    module.end = LOADED + 0x10_0000;
    module.bias = LOADED;
    module
}

fn thread(id: u32, name: &str, running: bool) -> Thread {
    let mut thread = Thread::default();
    thread.id = id;
    thread.name = name.into();
    thread.running = running;
    thread.total_bytes = u64::from(id) * 1000;
    thread.total_blocks = u64::from(id);
    thread.freed_bytes = 1000;
    thread.freed_blocks = 1;
    thread
}

/// A reading of a running process, `seconds` after watching began.
pub(super) fn reading(recording: Recording, seconds: f64) -> Reading {
    let at = Duration::from_secs_f64(seconds);
    Reading { recording, state: State::Running, at, is_another: false }
}
