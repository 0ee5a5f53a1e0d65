//! Our own keys.

use std::string::String;
use std::vec::Vec;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::super::coverage::Coverage;
use super::super::cut_stacks::CutStacks;
use super::super::mappings::{MappingSite, Mappings};
use super::ending::Ending;
use super::object::{Array, Text, entry, object};
use crate::recording::model::{
    HeapStates, Histograms, Losses, Module, Moments, Sampling, SelfCheck, Thread, Timeline,
};

/// Our own keys. `None` and empty: the key is not there.
#[derive(Debug, Default)]
pub struct Extras<'a> {
    /// `x_version`
    pub version: Option<&'a str>,
    /// `x_settings`
    pub settings: Option<Settings<'a>>,
    /// `x_ending`
    pub ending: Option<Ending>,
    /// `x_losses`
    pub losses: Option<Losses>,
    /// `x_self_check`
    pub self_check: Option<SelfCheck>,
    /// `x_heap_state`
    pub heap_states: Option<HeapStates>,
    /// `x_threads`
    pub threads: Option<&'a [Thread]>,
    /// `x_groups`
    pub groups: Vec<Group<'a>>,
    /// `x_modules`
    pub modules: Option<&'a [Module]>,
    /// `x_timeline`
    pub timeline: Option<&'a Timeline>,
    /// `x_moments`
    pub moments: Option<&'a Moments>,
    /// `x_histograms`
    pub histograms: Option<&'a Histograms>,
    /// `x_coverage`
    pub coverage: Option<&'a Coverage>,
    /// `x_mappings`
    pub mappings: Option<&'a Mappings>,
    /// `x_cut_stacks`
    pub cut_stacks: &'a [CutStacks],
    /// `x_advice`
    pub advice: &'a [String],
    /// `x_sampling`
    pub sampling: Option<serde_json::Value>,
    /// `x_upper_bounds`
    pub upper_bounds: &'a [&'a str],
    /// `x_processes`
    pub processes: Vec<Process<'a>>,
}

impl Extras<'_> {
    pub(super) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        entry(map, "x_version", self.version)?;
        entry(map, "x_settings", self.settings.as_ref())?;
        entry(map, "x_ending", self.ending)?;
        entry(map, "x_losses", self.losses)?;
        entry(map, "x_self_check", self.self_check.as_ref().map(SelfCheckEntry))?;
        entry(map, "x_heap_state", self.heap_states)?;
        entry(map, "x_threads", self.threads)?;
        entry(map, "x_groups", Some(&self.groups).filter(|groups| !groups.is_empty()))?;
        let modules = self.modules.map(|all| Array(|| all.iter().map(ModuleEntry)));
        entry(map, "x_modules", modules)?;
        entry(map, "x_timeline", self.timeline)?;
        entry(map, "x_moments", self.moments)?;
        entry(map, "x_histograms", self.histograms)?;
        entry(map, "x_coverage", self.coverage)?;
        entry(map, "x_mappings", self.mappings)?;
        let cut = Some(self.cut_stacks).filter(|places| !places.is_empty());
        entry(map, "x_cut_stacks", cut)?;
        entry(map, "x_advice", Some(self.advice).filter(|advice| !advice.is_empty()))?;
        entry(map, "x_sampling", self.sampling.as_ref())?;
        let upper_bounds = Some(self.upper_bounds).filter(|bounds| !bounds.is_empty());
        entry(map, "x_upper_bounds", upper_bounds)?;
        entry(map, "x_processes", Some(&self.processes).filter(|all| !all.is_empty()))
    }
}

/// The value of `x_sampling`; with `mean_gaps` if the rate has changed.
pub fn sampling(sampling: &Sampling) -> serde_json::Value {
    let exact = &sampling.exact;
    let gaps: Vec<_> = sampling.gaps.into_iter().filter(|gap| *gap != 0).collect();
    let mut value = serde_json::json!({
        "mean_gap": sampling.mean_gap,
        "total_bytes": exact.total_bytes,
        "total_blocks": exact.total_blocks,
        "peak_bytes": exact.peak_bytes,
        "end_bytes": exact.end_bytes,
        "end_blocks": exact.end_blocks,
    });
    if gaps.len() > 1 {
        value["mean_gaps"] = gaps.into();
    }
    value
}

/// The settings that a process ran under.
#[derive(Debug)]
pub struct Settings<'a> {
    /// `exact` or `bounded`
    pub peak: &'a str,
    /// Frames kept of a stack.
    pub frames: Option<u32>,
    /// `buckets` and `unwind`, known of recordings alone.
    pub recorder: Option<(Option<u32>, &'a str)>,
}

/// A group of allocations.
#[derive(Debug)]
pub struct Group<'a> {
    /// Its name.
    pub name: &'a str,
    /// Blocks ever allocated.
    pub total_blocks: u64,
    /// Bytes ever allocated.
    pub total_bytes: u64,
    /// Blocks live at the end.
    pub live_blocks: u64,
    /// Bytes live at the end.
    pub live_bytes: u64,
    /// The most bytes live at once.
    pub peak_bytes: u64,
}

/// One of the processes that a sum is of.
#[derive(Debug)]
pub struct Process<'a> {
    /// Process id.
    pub pid: u64,
    /// The command line.
    pub command: &'a str,
    /// The end, in the report's unit of time since its own start.
    pub end: u64,
    /// Bytes ever allocated.
    pub total_bytes: u64,
    /// Blocks ever allocated.
    pub total_blocks: u64,
    /// Bytes live at its own heap's peak.
    pub peak_bytes: u64,
    /// Bytes live at its end.
    pub end_bytes: u64,
    /// The allocator that its executable brings along; `None`: none, or it is not known.
    pub own_allocator: Option<&'a str>,
}

impl Serialize for Settings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("peak", self.peak)?;
        map.serialize_entry("frames", &self.frames)?;
        if let Some((buckets, unwind)) = self.recorder {
            map.serialize_entry("buckets", &buckets)?;
            map.serialize_entry("unwind", unwind)?;
        }
        map.end()
    }
}

/// Every loss there can be, by its key.
impl Serialize for Losses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(loss, figure)| (loss.key, figure)))
    }
}

object!(CutStacks: |place| {
    "module": place.module,
    "has_tables": place.has_tables,
    "blocks": place.blocks,
});

object!(Coverage: |coverage| {
    "peak_anonymous_bytes": coverage.peak_anonymous_bytes,
    "end_anonymous_bytes": coverage.end_anonymous_bytes,
    "recorded_bytes": coverage.recorded_bytes,
    "allocator_bytes": coverage.allocator_bytes,
    "profiler_bytes": coverage.profiler_bytes,
    "mapped_bytes": coverage.mapped_bytes,
    "unseen_bytes": coverage.unseen_bytes,
    "reasons": coverage.reasons,
    "not_recorded": coverage.not_recorded,
});

object!(Mappings: |mappings| {
    "calls": mappings.sums.calls,
    "total_bytes": mappings.sums.total_bytes,
    "peak_bytes": mappings.sums.peak_bytes,
    "peak_us": mappings.peak_micros,
    "end_bytes": mappings.sums.end_bytes,
    "sites": mappings.sites,
});

object!(MappingSite: |site| {
    "kind": site.kind,
    "calls": site.counters.calls,
    "total_bytes": site.counters.total_bytes,
    "peak_bytes": site.counters.peak_bytes,
    "end_bytes": site.counters.end_bytes,
    "stack": site.stack,
});

object!(Group<'_>: |group| {
    "name": group.name,
    "total_blocks": group.total_blocks,
    "total_bytes": group.total_bytes,
    "live_blocks": group.live_blocks,
    "live_bytes": group.live_bytes,
    "peak_bytes": group.peak_bytes,
});

object!(Process<'_>: |process| {
    "pid": process.pid,
    "cmd": process.command,
    "end": process.end,
    "total_bytes": process.total_bytes,
    "total_blocks": process.total_blocks,
    "peak_bytes": process.peak_bytes,
    "end_bytes": process.end_bytes,
    "own_allocator": process.own_allocator,
});

struct SelfCheckEntry<'a>(&'a SelfCheck);

object!(SelfCheckEntry<'_>: |check| {
    "checked": check.0.checked,
    "differences": check.0.differences,
});

object!(Thread: |thread| {
    "id": thread.id,
    "name": thread.name,
    "running": thread.running,
    "threads": thread.threads,
    "total_bytes": thread.total_bytes,
    "total_blocks": thread.total_blocks,
    "freed_bytes": thread.freed_bytes,
    "freed_blocks": thread.freed_blocks,
});

struct ModuleEntry<'a>(&'a Module);

object!(ModuleEntry<'_>: |module| {
    "path": module.0.path.to_string_lossy(),
    "build_id": Text(Hexadecimal(&module.0.build_id)),
    "start": module.0.start,
    "end": module.0.end,
    "bias": module.0.bias,
});

struct Hexadecimal<'b>(&'b [u8]);

impl std::fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
