//! A profile as a document: what reading the JSON that is written of it would give.

use mod_alloc::recording::model::{Counters, Group as Recorded, HeapStates, Module, Moments};
use mod_alloc::report::wire::{Ending, ROOT, SHORT_LIFETIME_MICROS, sampling};
use mod_alloc::report::{Profile, StackRef};

use super::{Document, Extras, Group, Numbers, Site, executable};

impl Document {
    /// The document that `profile` is written as.
    #[must_use]
    pub fn of_profile(profile: &Profile) -> Self {
        let run = profile.run();
        let root = std::iter::once(String::from(ROOT));
        Self {
            mode: "rust-heap".into(),
            verb: "Allocated".into(),
            units: None,
            time_unit: "µs".into(),
            mega_time_unit: "s".into(),
            short_lifetime: Some(SHORT_LIFETIME_MICROS),
            command: run.command.clone(),
            pid: run.pid.into(),
            end: run.end_micros,
            peak: Some(run.peak_micros),
            sites: profile.stacks().map(|stack| site(&stack)).collect(),
            frames: root.chain(profile.frames().map(|frame| frame.to_string())).collect(),
            extras: extras(profile),
        }
    }
}

fn extras(profile: &Profile) -> Extras {
    let run = profile.run();
    let executable = executable(run.modules.iter().map(|module| module.path.as_path()));
    Extras {
        version: Some(env!("CARGO_PKG_VERSION").into()),
        executable: executable.map(|path| path.to_string_lossy().into_owned()),
        peak_is_exact: Some(run.settings.peak_is_exact),
        frame_limit: Some(run.settings.frames),
        recorder: Some((run.settings.buckets, run.settings.unwind.to_owned())),
        cut_stacks: profile.cut_stacks().to_vec(),
        ending: Some(Ending::of(run)),
        losses: Some(run.losses),
        self_check: run.self_check.map(|check| (check.checked, check.differences)),
        modules: run.modules.iter().map(module).collect(),
        threads: Some(run.threads.len() as u64),
        thread_list: run.threads.clone(),
        groups: run.groups.iter().map(group).collect(),
        heap_states: Some(run.heap_states).filter(HeapStates::is_known),
        timeline: run.timeline.clone(),
        moments: Some(run.moments.clone()).filter(Moments::is_known),
        histograms: run.histograms.clone(),
        coverage: profile.coverage().cloned(),
        mappings: profile.mappings().cloned(),
        advice: profile.advice().to_vec(),
        sampling: run.sampling.as_ref().map(sampling),
        ..Extras::default()
    }
}

/// As much of it as a file has.
fn module(module: &Module) -> Module {
    let mut written = module.clone();
    written.path = module.path.to_string_lossy().into_owned().into();
    written.generations = Default::default();
    written
}

fn group(group: &Recorded) -> Group {
    Group {
        name: group.name.clone(),
        total_blocks: group.total_blocks,
        total_bytes: group.total_bytes,
        live_blocks: group.end_blocks,
        live_bytes: group.end_bytes,
        peak_bytes: group.peak_bytes,
    }
}

fn site(stack: &StackRef<'_>) -> Site {
    // Index 0 is the root, so a frame's index is one more than its id.
    let indices = stack.frame_ids().iter().map(|&id| id.saturating_add(1));
    Site {
        numbers: numbers(stack.counters()),
        stack: indices.collect(),
        merged: stack.sites().into(),
        moments: stack.moments().to_vec(),
    }
}

fn numbers(counters: &Counters) -> Numbers {
    Numbers {
        total_bytes: counters.total_bytes,
        total_blocks: counters.total_blocks,
        lifetimes: counters.lifetimes_micros,
        max_bytes: counters.max_bytes,
        max_blocks: counters.max_blocks,
        peak_bytes: counters.peak_bytes,
        peak_blocks: counters.peak_blocks,
        end_bytes: counters.end_bytes,
        end_blocks: counters.end_blocks,
    }
}
