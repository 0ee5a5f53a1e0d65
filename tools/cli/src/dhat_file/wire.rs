//! The keys of a dhat file, and what is checked of them.

use std::collections::HashMap;
use std::path::Path;

use mod_alloc::recording::model::{Losses, Module};
use mod_alloc::report::CutStacks;
use mod_alloc::report::wire::Ending;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::coverage::{CoverageEntry, kept, plain};
use super::heap_states::HeapStatesEntry;
use super::mappings::MappingsEntry;
use super::timeline::{HistogramsEntry, MomentsEntry, ThreadEntry, TimelineEntry, site_moments};
use super::{Document, Error, Extras, Group, Numbers, Process, Site, Units, executable};

/// Read first: what else there is means nothing in another version or another format.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "dhatFileVersion")]
    version: Option<u64>,
}

#[derive(Deserialize)]
struct File {
    mode: String,
    verb: String,
    bklt: bool,
    bu: Option<String>,
    bsu: Option<String>,
    bksu: Option<String>,
    tu: String,
    #[serde(rename = "Mtu")]
    mega_tu: String,
    tuth: Option<u64>,
    #[serde(rename = "cmd")]
    command: String,
    pid: u64,
    te: u64,
    tg: Option<u64>,
    pps: Vec<Point>,
    ftbl: Vec<String>,
    x_version: Option<String>,
    x_settings: Option<SettingsEntry>,
    x_ending: Option<EndingEntry>,
    x_losses: Option<LossesEntry>,
    x_self_check: Option<SelfCheckEntry>,
    x_heap_state: Option<HeapStatesEntry>,
    x_threads: Option<Vec<ThreadEntry>>,
    x_modules: Option<Vec<ModuleEntry>>,
    x_groups: Option<Vec<Group>>,
    x_processes: Option<Vec<Process>>,
    x_timeline: Option<TimelineEntry>,
    x_moments: Option<MomentsEntry>,
    x_histograms: Option<HistogramsEntry>,
    x_coverage: Option<CoverageEntry>,
    x_mappings: Option<MappingsEntry>,
    #[serde(default)]
    x_cut_stacks: Vec<CutStacksEntry>,
    #[serde(default)]
    x_advice: Vec<String>,
    x_sampling: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Point {
    tb: u64,
    tbk: u64,
    tl: Option<u64>,
    mb: Option<u64>,
    mbk: Option<u64>,
    gb: Option<u64>,
    gbk: Option<u64>,
    eb: Option<u64>,
    ebk: Option<u64>,
    x_merged: Option<u64>,
    #[serde(default)]
    x_moments: Vec<[u64; 5]>,
    fs: Vec<u64>,
}

#[derive(Deserialize)]
struct SettingsEntry {
    peak: Option<String>,
    frames: Option<u32>,
    buckets: Option<u32>,
    unwind: Option<String>,
}

impl SettingsEntry {
    fn recorder(&self) -> Option<(Option<u32>, String)> {
        Some((self.buckets, self.unwind.clone()?))
    }
}

#[derive(Deserialize)]
struct CutStacksEntry {
    module: Option<String>,
    has_tables: bool,
    blocks: u64,
}

impl CutStacksEntry {
    fn to_place(&self) -> CutStacks {
        let mut place = CutStacks::default();
        place.module = self.module.as_deref().map(plain);
        (place.has_tables, place.blocks) = (self.has_tables, self.blocks);
        place
    }
}

#[derive(Deserialize)]
struct EndingEntry {
    how: String,
    code: Option<i32>,
    signal: Option<i32>,
}

impl EndingEntry {
    /// `None`: a later version's.
    fn to_ending(&self) -> Option<Ending> {
        Ending::from_values(&self.how, self.code, self.signal)
    }
}

/// Causes that are not known here are left out, those that are not named are zero.
struct LossesEntry(Losses);

impl<'de> Deserialize<'de> for LossesEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut named = HashMap::<String, serde_json::Value>::deserialize(deserializer)?;
        let mut losses = Losses::default();
        for loss in Losses::ALL {
            if let Some(figure) = named.remove(loss.key) {
                let figure = u64::deserialize(figure);
                *losses.of_mut(loss) = figure.map_err(|error| {
                    D::Error::custom(format_args!("`{}` of x_losses: {error}", loss.key))
                })?;
            }
        }
        Ok(Self(losses))
    }
}

#[derive(Deserialize)]
struct SelfCheckEntry {
    checked: u64,
    differences: u64,
}

#[derive(Deserialize)]
struct ModuleEntry {
    path: String,
    #[serde(default)]
    build_id: String,
    #[serde(default)]
    start: u64,
    #[serde(default)]
    end: u64,
    #[serde(default)]
    bias: u64,
}

impl ModuleEntry {
    fn to_module(&self) -> Module {
        let mut module = Module::default();
        module.path = self.path.clone().into();
        module.build_id = bytes(&self.build_id).unwrap_or_default();
        (module.start, module.end, module.bias) = (self.start, self.end, self.bias);
        module
    }
}

/// The bytes that `hexadecimal` stands for; `None` if it is none.
fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

pub(super) fn read(bytes: &[u8]) -> Result<Document, Error> {
    // Valgrind writes the command line's bytes as they are.
    let text = String::from_utf8_lossy(bytes);
    match serde_json::from_str::<Head>(&text)?.version {
        Some(2) => serde_json::from_str::<File>(&text)?.into_document(),
        Some(other) => Err(Error::Version(other)),
        None => Err(Error::NotDhat),
    }
}

impl File {
    fn into_document(self) -> Result<Document, Error> {
        let short_lifetime = if self.bklt {
            Some(self.tuth.ok_or(Error::MissingNumber { point: None, key: "tuth" })?)
        } else {
            None
        };
        let peak = if self.bklt {
            Some(self.tg.ok_or(Error::MissingNumber { point: None, key: "tg" })?)
        } else {
            None
        };
        let extras = self.extras();
        let moments = extras.moments.as_ref().map_or(0, |moments| moments.at_micros.len());
        let units = self.units();
        let frames = self.ftbl;
        let sites = self.pps.into_iter().enumerate();
        let sites =
            sites.map(|(index, point)| point.into_site(index, self.bklt, (frames.len(), moments)));
        Ok(Document {
            units,
            extras,
            short_lifetime,
            peak,
            sites: sites.collect::<Result<_, _>>()?,
            frames,
            mode: self.mode,
            verb: self.verb,
            time_unit: self.tu,
            mega_time_unit: self.mega_tu,
            command: self.command,
            pid: self.pid,
            end: self.te,
        })
    }

    /// Bytes in blocks are what is counted where nothing is said, or just that.
    fn units(&self) -> Option<Units> {
        let one = self.bu.as_deref().unwrap_or("byte");
        let many = self.bsu.as_deref().unwrap_or("bytes");
        let blocks = self.bksu.as_deref().unwrap_or("blocks");
        let usual = (one, many, blocks) == ("byte", "bytes", "blocks");
        let own = || Units { one: one.into(), many: many.into(), blocks: blocks.into() };
        (!usual).then(own)
    }

    fn extras(&self) -> Extras {
        let settings = self.x_settings.as_ref();
        let modules = self.x_modules.as_deref().unwrap_or_default();
        let threads = self.x_threads.as_deref();
        let executable = executable(modules.iter().map(|module| Path::new(&module.path)));
        Extras {
            version: self.x_version.clone(),
            executable: executable.map(|path| path.to_string_lossy().into_owned()),
            peak_is_exact: settings.and_then(|settings| Some(settings.peak.as_deref()? == "exact")),
            frame_limit: settings.and_then(|settings| settings.frames),
            recorder: settings.and_then(SettingsEntry::recorder),
            cut_stacks: self.x_cut_stacks.iter().map(CutStacksEntry::to_place).collect(),
            ending: self.x_ending.as_ref().and_then(EndingEntry::to_ending),
            losses: self.x_losses.as_ref().map(|losses| losses.0),
            self_check: self.x_self_check.as_ref().map(|check| (check.checked, check.differences)),
            modules: modules.iter().map(ModuleEntry::to_module).collect(),
            heap_states: self.x_heap_state.as_ref().map(HeapStatesEntry::to_states),
            threads: threads.map(|threads| threads.len() as u64),
            thread_list: threads.into_iter().flatten().map(ThreadEntry::to_thread).collect(),
            groups: self.x_groups.clone().unwrap_or_default(),
            processes: self.x_processes.clone().unwrap_or_default(),
            timeline: self.x_timeline.as_ref().map(|timeline| timeline.0.clone()),
            moments: self.x_moments.as_ref().map(|moments| moments.0.clone()),
            histograms: self.x_histograms.as_ref().map(HistogramsEntry::to_histograms),
            coverage: self.x_coverage.as_ref().map(CoverageEntry::to_coverage),
            mappings: self.x_mappings.as_ref().map(MappingsEntry::to_mappings),
            advice: kept(&self.x_advice),
            sampling: self.x_sampling.clone(),
        }
    }
}

impl Point {
    /// `known`: how many frames and moments there are.
    fn into_site(
        self,
        point: usize,
        has_frees: bool,
        known: (usize, usize),
    ) -> Result<Site, Error> {
        let (frames, moments) = known;
        let number = |number: Option<u64>, key| match number {
            Some(number) => Ok(number),
            None if has_frees => Err(Error::MissingNumber { point: Some(point), key }),
            None => Ok(0),
        };
        let numbers = Numbers {
            total_bytes: self.tb,
            total_blocks: self.tbk,
            lifetimes: number(self.tl, "tl")?,
            max_bytes: number(self.mb, "mb")?,
            max_blocks: number(self.mbk, "mbk")?,
            peak_bytes: number(self.gb, "gb")?,
            peak_blocks: number(self.gbk, "gbk")?,
            end_bytes: number(self.eb, "eb")?,
            end_blocks: number(self.ebk, "ebk")?,
        };
        let in_range = |index: u64| match u32::try_from(index) {
            Ok(small) if (small as usize) < frames => Ok(small),
            _ => Err(Error::NoSuchFrame { point, index, frames }),
        };
        let stack = self.fs.into_iter().map(in_range).collect::<Result<_, _>>()?;
        let of_site = site_moments(&self.x_moments, moments);
        let merged = self.x_merged.unwrap_or(1).max(1);
        let moments = of_site.ok_or(Error::Moments { point, moments })?;
        Ok(Site { numbers, stack, merged, moments })
    }
}
