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
//! The bytes are made by `mod_alloc::report::pprof`, as those of the crate's own profiles.

mod frames;
mod options;
mod types;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use mod_alloc::report::pprof::{Encoder, Locations};

use crate::dhat_file::Document;
use crate::units::Count;

pub(crate) use frames::{Frames, Object};
pub(crate) use options::Options;
pub(crate) use types::{SampleType, of as sample_types};

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
    let mut encoder = Encoder::default();
    let types = sample_types(document, options);
    head(document, options, &types, &mut encoder);
    samples(document, &types, &mut encoder, out)?;
    encoder.finish(out)
}

fn head(document: &Document, options: Options, types: &[SampleType], encoder: &mut Encoder) {
    for kind in types {
        encoder.sample_type(&kind.name, &kind.unit);
    }
    encoder.times(options.time_nanos, options.duration(document));
    if document.is_of_allocations() {
        // Without samples every byte was counted.
        encoder.period(document.samples().map_or(1, |samples| samples.mean_gap()));
    }
    for comment in comments(document, options) {
        encoder.comment(&comment);
    }
    if let Some(kind) = types.iter().find(|kind| kind.is_default) {
        encoder.default_sample_type(&kind.name);
    }
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
    encoder: &mut Encoder,
    out: &mut dyn Write,
) -> io::Result<()> {
    let frames = Frames::of(document);
    frames.name_program(encoder);
    let mut locations = Locations::default();
    let mut ids = Vec::new();
    for site in &document.sites {
        let values = types.iter().map(|kind| kind.value(document, &site.numbers));
        let values: Vec<u64> = values.collect();
        if values.iter().all(|&value| value == 0) {
            continue;
        }
        ids.clear();
        locations.of_stack(&site.stack, &frames, encoder, &mut ids);
        let group = site.stack.last().and_then(|&frame| frames.group(frame));
        let label = group.map(|group| ("group", group));
        encoder.sample(&ids, &values, label.as_slice());
        encoder.flush_to(out)?;
    }
    Ok(())
}
