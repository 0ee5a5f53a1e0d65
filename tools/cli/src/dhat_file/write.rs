//! A document as a dhat file again, for the viewer: what was merged is written by this.

use std::io::{self, Write};

use mod_alloc::recording::model::Losses;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::wire::KEYS;
use super::{Document, Site};

/// Which numbers are sums of what was reached at different times, in a merged report.
const UPPER_BOUNDS: [&str; 4] = ["mb", "mbk", "gb", "gbk"];

/// Writes `document` as dhat JSON. Stacks that say the same must have been merged: Valgrind's
/// viewer refuses two of them.
///
/// # Errors
///
/// Those of `out`.
pub fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut buffered = io::BufWriter::with_capacity(1 << 16, out);
    serde_json::to_writer(&mut buffered, &File(document)).map_err(io::Error::from)?;
    buffered.write_all(b"\n")?;
    buffered.flush()
}

struct File<'d>(&'d Document);

impl Serialize for File<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.head(&mut map)?;
        self.extras(&mut map)?;
        map.serialize_entry("pps", &Points(self.0))?;
        map.serialize_entry("ftbl", &self.0.frames)?;
        map.end()
    }
}

impl File<'_> {
    fn head<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let document = self.0;
        map.serialize_entry("dhatFileVersion", &2)?;
        map.serialize_entry("mode", &document.mode)?;
        map.serialize_entry("verb", &document.verb)?;
        map.serialize_entry("bklt", &document.knows_frees())?;
        map.serialize_entry("bkacc", &false)?;
        if let Some(units) = &document.units {
            map.serialize_entry("bu", &units.one)?;
            map.serialize_entry("bsu", &units.many)?;
            map.serialize_entry("bksu", &units.blocks)?;
        }
        map.serialize_entry("tu", &document.time_unit)?;
        map.serialize_entry("Mtu", &document.mega_time_unit)?;
        if let Some(short) = document.short_lifetime {
            map.serialize_entry("tuth", &short)?;
        }
        map.serialize_entry("cmd", &document.command)?;
        map.serialize_entry("pid", &document.pid)?;
        // The viewer divides by it.
        map.serialize_entry("te", &document.end.max(1))?;
        if document.knows_frees() {
            map.serialize_entry("tg", &document.peak.unwrap_or(0))?;
        }
        Ok(())
    }

    fn extras<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let extras = &self.0.extras;
        if let Some(version) = &extras.version {
            map.serialize_entry("x_version", version)?;
        }
        if let Some(exact) = extras.peak_is_exact {
            let peak = if exact { "exact" } else { "bounded" };
            map.serialize_entry("x_settings", &Settings { peak, frames: extras.frame_limit })?;
        }
        if let Some(losses) = &extras.losses {
            map.serialize_entry("x_losses", &LossesEntry::of(losses))?;
        }
        if let Some((checked, differences)) = extras.self_check {
            map.serialize_entry("x_self_check", &SelfCheckEntry { checked, differences })?;
        }
        if !extras.groups.is_empty() {
            map.serialize_entry("x_groups", &extras.groups)?;
        }
        if let Some(states) = &extras.heap_states {
            map.serialize_entry("x_heap_state", states)?;
        }
        if !extras.processes.is_empty() {
            map.serialize_entry("x_upper_bounds", &UPPER_BOUNDS)?;
            map.serialize_entry("x_processes", &extras.processes)?;
        }
        Ok(())
    }
}

#[derive(serde::Serialize)]
struct Settings<'d> {
    peak: &'d str,
    frames: Option<u32>,
}

#[derive(serde::Serialize)]
struct SelfCheckEntry {
    checked: u64,
    differences: u64,
}

/// What was not recorded in full, by cause.
#[derive(serde::Serialize)]
pub(crate) struct LossesEntry {
    table_full: u64,
    reentrant: u64,
    reentrant_bytes: u64,
    damaged_trailers: u64,
    damaged_bytes: u64,
    truncated_stacks: u64,
    broken_stacks: u64,
    threads_overflowed: u64,
    no_room: u64,
    groups_overflowed: u64,
}

impl LossesEntry {
    pub(crate) fn of(losses: &Losses) -> Self {
        Self {
            table_full: losses.table_full,
            reentrant: losses.reentrant,
            reentrant_bytes: losses.reentrant_bytes,
            damaged_trailers: losses.damaged_trailers,
            damaged_bytes: losses.damaged_bytes,
            truncated_stacks: losses.truncated_stacks,
            broken_stacks: losses.broken_stacks,
            threads_overflowed: losses.threads_overflowed,
            no_room: losses.no_room,
            groups_overflowed: losses.groups_overflowed,
        }
    }
}

struct Points<'d>(&'d Document);

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut points = serializer.serialize_seq(Some(self.0.sites.len()))?;
        for site in &self.0.sites {
            points.serialize_element(&Point { site, knows_frees: self.0.knows_frees() })?;
        }
        points.end()
    }
}

struct Point<'d> {
    site: &'d Site,
    knows_frees: bool,
}

impl Serialize for Point<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = if self.knows_frees { KEYS.len() } else { 2 };
        let mut map = serializer.serialize_map(None)?;
        for (key, number) in KEYS.iter().zip(self.site.numbers.all()).take(known) {
            map.serialize_entry(key, &number)?;
        }
        if self.site.merged > 1 {
            map.serialize_entry("x_merged", &self.site.merged)?;
        }
        map.serialize_entry("fs", &self.site.stack)?;
        map.end()
    }
}
