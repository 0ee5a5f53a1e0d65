//! pprof's `profile.proto`, gzipped, by the names that Go's heap profiles have.
//!
//! | sample type | unit | number |
//! |---|---|---|
//! | `alloc_objects`, `alloc_space` | count, bytes | ever allocated |
//! | `inuse_objects`, `inuse_space` | count, bytes | live at the end |
//! | `peak_objects`, `peak_space` | count, bytes | live at the heap's peak; no standard name exists |
//! | `short_objects` | count | short-lived blocks, only with `--metric short` |
//!
//! Reports without frees have the first two. What is no allocation keeps its own words:
//! `events/count`, `copied_space/bytes`.
//!
//! Messages are written as they come, and the tables that they refer to behind them.

mod message;
mod options;
mod tables;
mod types;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::dhat_file::Document;
use crate::units::Count;

use message::Message;
pub(crate) use options::Options;
use tables::{Strings, Tables};
use types::SampleType;

/// Field numbers of `Profile`.
mod field {
    pub(super) const SAMPLE_TYPE: u32 = 1;
    pub(super) const SAMPLE: u32 = 2;
    pub(super) const TIME_NANOS: u32 = 9;
    pub(super) const DURATION_NANOS: u32 = 10;
    pub(super) const PERIOD_TYPE: u32 = 11;
    pub(super) const PERIOD: u32 = 12;
    pub(super) const COMMENT: u32 = 13;
    pub(super) const DEFAULT_SAMPLE_TYPE: u32 = 14;
}

/// Writes the profile, gzipped.
pub(crate) fn write(document: &Document, options: Options, out: &mut dyn Write) -> io::Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::default());
    write_plain(document, options, &mut gzip)?;
    gzip.finish()?.flush()
}

/// A profile that was written plain, gzipped.
pub(crate) fn gzipped(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(plain)?;
    gzip.finish()
}

/// Writes the profile as it is before it is gzipped.
pub(crate) fn write_plain(
    document: &Document,
    options: Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut tables = Tables::of(document);
    let types = types::of(document, options);
    head(document, options, &types, &mut tables.strings).write_to(out)?;
    samples(document, &types, &mut tables, out)?;
    tables.write(out)
}

fn head(
    document: &Document,
    options: Options,
    types: &[SampleType],
    strings: &mut Strings,
) -> Message {
    let mut head = Message::default();
    for kind in types {
        head.message(field::SAMPLE_TYPE, &value_type(&kind.name, &kind.unit, strings));
    }
    let nanos = document.micros().map(|micros| document.end as f64 * micros * 1000.0);
    // A cast of a float stays within the bounds.
    let nanos = options.duration_nanos.unwrap_or(nanos.unwrap_or(0.0) as u64);
    head.number(field::TIME_NANOS, types::signed(options.time_nanos));
    head.number(field::DURATION_NANOS, types::signed(nanos));
    if document.is_of_allocations() {
        head.message(field::PERIOD_TYPE, &value_type("space", "bytes", strings));
        // Without samples every byte was counted.
        let gap = document.samples().map_or(1, |samples| samples.mean_gap());
        head.number(field::PERIOD, types::signed(gap));
    }
    for comment in comments(document, options) {
        head.number(field::COMMENT, strings.id(&comment));
    }
    if let Some(kind) = types.iter().find(|kind| kind.is_default) {
        head.number(field::DEFAULT_SAMPLE_TYPE, strings.id(&kind.name));
    }
    head
}

/// `ValueType`
fn value_type(name: &str, unit: &str, strings: &mut Strings) -> Message {
    let mut message = Message::default();
    message.number(1, strings.id(name));
    message.number(2, strings.id(unit));
    message
}

/// Lines that `pprof -comments` prints.
fn comments(document: &Document, options: Options) -> Vec<String> {
    let mut comments = vec![
        format!("made by mod-alloc {}", env!("CARGO_PKG_VERSION")),
        format!("command: {}", document.command),
        format!("process: {}", document.pid),
    ];
    if options.has_peak && document.extras.processes.len() > 1 {
        comments.push(format!(
            "peak_objects and peak_space are sums of the peaks of {} processes: upper bounds",
            document.extras.processes.len()
        ));
    }
    if let Some(samples) = document.samples() {
        comments.push(samples.sentence(&document.totals()));
    }
    let losses = document.extras.losses.unwrap_or_default();
    let lost = losses.iter().filter(|(_, figure)| *figure > 0);
    comments.extend(lost.map(|(loss, figure)| format!("lost: {} {}", Count(figure), loss.key)));
    comments
}

fn samples(
    document: &Document,
    types: &[SampleType],
    tables: &mut Tables<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut ids = Vec::new();
    for site in &document.sites {
        let values = types.iter().map(|kind| kind.value(document, &site.numbers));
        let values: Vec<u64> = values.collect();
        if values.iter().all(|&value| value == 0) {
            continue;
        }
        ids.clear();
        tables.locations_of(&site.stack, &mut ids);
        let mut sample = Message::default();
        sample.packed(1, &ids);
        sample.packed(2, &values);
        let mut profile = Message::default();
        profile.message(field::SAMPLE, &sample);
        profile.write_to(out)?;
    }
    Ok(())
}
