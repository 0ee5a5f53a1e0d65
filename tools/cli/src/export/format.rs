//! The formats.

use std::io::{self, BufWriter, Write};

use crate::dhat_file::{self, Document};
use crate::report::{largest, with_frames};
use crate::{html, otlp, pprof};

use super::metric::Metric;
use super::{collapsed, firefox, speedscope, svg};

/// `--to`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A page for the browser: flame graph, tables, totals
    Html,
    /// pprof's profile.proto, gzipped: `go tool pprof`, Pyroscope, Parca
    Pprof,
    /// Profiles of OpenTelemetry, protobuf: a collector, Pyroscope
    Otlp,
    /// JSON for speedscope.app
    Speedscope,
    /// JSON for profiler.firefox.com
    Firefox,
    /// A line for each stack: flamegraph.pl, inferno
    Collapsed,
    /// A flame graph to look at, without scripts
    Svg,
    /// dhat JSON: Valgrind's dh_view.html, mod-alloc itself
    Dhat,
}

impl Format {
    /// Its bytes are nothing to look at.
    pub(super) fn is_binary(self) -> bool {
        matches!(self, Format::Pprof | Format::Otlp)
    }

    /// The end of a file's name. Formats in JSON say which: a report ends with `.json` itself.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Pprof => "pb.gz",
            Format::Otlp => "otlp.pb",
            Format::Speedscope => "speedscope.json",
            Format::Firefox => "firefox.json",
            Format::Collapsed => "folded",
            Format::Svg => "svg",
            Format::Dhat => "dhat.json",
        }
    }

    pub(super) fn write(
        self,
        document: &Document,
        metric: Metric,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 16, out);
        match self {
            Format::Html => {
                let options = html::Options { metric: Some(metric.word()), source: false };
                html::write(html::Shown::One(document), options, &mut out)
            }
            Format::Pprof => pprof::write(document, pprof::Options::of_file(metric), &mut out),
            Format::Otlp => {
                let options = otlp::Options { has_command: true, ..otlp::Options::default() };
                otlp::write(document, pprof::Options::of_file(metric), &options, &mut out)
            }
            Format::Speedscope => speedscope::write(document, metric, &mut out),
            Format::Firefox => firefox::write(document, metric, &mut out),
            Format::Collapsed => collapsed::write(document, metric, &mut out),
            Format::Svg => svg::write(document, metric, &mut out),
            Format::Dhat => dhat_file::write(document, &mut out),
        }?;
        out.flush()
    }
}

/// Writes `document` in every format, by every metric that it knows. For `tests/fuzz/`.
///
/// # Errors
///
/// If `out` has one.
pub fn in_every_format(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    use clap::ValueEnum;
    let whole = with_frames(document.clone());
    for format in Format::value_variants() {
        for metric in super::metric::known(document) {
            format.write(&whole, metric, out)?;
            format.write(&with_frames(largest(document.clone(), metric, 1)), metric, out)?;
        }
    }
    Ok(())
}
