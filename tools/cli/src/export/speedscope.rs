//! speedscope's own JSON: a sampled profile for each metric, with a sample for each stack.
//!
//! | key | content |
//! |---|---|
//! | `shared.frames` | every line of code once: function, file, line, column |
//! | `profiles[]` | a metric: stacks outermost first, and their numbers as weights |
//! | `activeProfileIndex` | the metric that is opened |

use std::collections::HashMap;
use std::io::{self, Write};

use crate::dhat_file::{Document, Frame, Location, Site};

use super::json_text::{list, string};
use super::metric::{self, Metric};
use super::names::{function, index};

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

pub(super) fn write(document: &Document, metric: Metric, out: &mut dyn Write) -> io::Result<()> {
    let frames = Frames::of(document);
    write!(
        out,
        "{{\"$schema\":\"{SCHEMA}\",\"exporter\":\"mod-alloc@{}\"",
        env!("CARGO_PKG_VERSION")
    )?;
    out.write_all(b",\"name\":")?;
    string(out, &document.command)?;
    let opened = metric::known(document).position(|known| known == metric).unwrap_or(0);
    write!(out, ",\"activeProfileIndex\":{opened},\"shared\":{{\"frames\":[")?;
    frames.write(out)?;
    out.write_all(b"]},\n\"profiles\":[")?;
    for (index, metric) in metric::known(document).enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        profile(document, metric, &frames, out)?;
    }
    out.write_all(b"]}\n")
}

/// Frames that look alike in speedscope are one: addresses are not shown.
struct Frames<'d> {
    all: Vec<Frame<'d>>,
    of_frame: Vec<u32>,
}

impl<'d> Frames<'d> {
    fn of(document: &'d Document) -> Self {
        let mut ids = HashMap::new();
        let mut all = Vec::new();
        let of_frame = document.frames.iter().map(|text| {
            let frame = Frame::parse(text);
            *ids.entry((function(&frame), frame.location)).or_insert_with(|| {
                all.push(frame);
                index(all.len() - 1)
            })
        });
        let of_frame = of_frame.collect();
        Self { all, of_frame }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (index, frame) in self.all.iter().enumerate() {
            out.write_all(if index == 0 { b"\n{\"name\":" } else { b",\n{\"name\":" })?;
            string(out, &function(frame))?;
            location(&frame.location, out)?;
            out.write_all(b"}")?;
        }
        Ok(())
    }
}

fn location(location: &Location<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (file, line, column) = match *location {
        Location::Source { file, line, column } => (file, line, column),
        Location::Module(path) => (path, 0, 0),
        Location::Unknown => return Ok(()),
    };
    out.write_all(b",\"file\":")?;
    string(out, file)?;
    for (key, number) in [("line", line), ("col", column)] {
        if number > 0 {
            write!(out, ",\"{key}\":{number}")?;
        }
    }
    Ok(())
}

fn profile(
    document: &Document,
    metric: Metric,
    frames: &Frames<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let part = |site: &Site| metric.part(document, &site.numbers);
    let sum = document.sites.iter().fold(0_u64, |sum, site| sum.saturating_add(part(site)));
    let is_bytes = metric.counts_bytes() && document.units.is_none();
    let unit = if is_bytes { "bytes" } else { "none" };
    out.write_all(b"{\"type\":\"sampled\",\"name\":")?;
    string(out, &metric::title(metric, document))?;
    write!(out, ",\"unit\":\"{unit}\",\"startValue\":0,\"endValue\":{sum},\"samples\":[")?;
    let mut comma = "";
    for site in document.sites.iter().filter(|site| part(site) > 0) {
        out.write_all(comma.as_bytes())?;
        let stack = site.stack.iter().rev().map(|&frame| frames.of_frame[frame as usize]);
        list(out, stack)?;
        comma = ",";
    }
    out.write_all(b"],\"weights\":")?;
    list(out, document.sites.iter().map(part).filter(|&part| part > 0))?;
    out.write_all(b"}")
}
