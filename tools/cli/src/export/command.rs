//! The command.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::base::exit_status::{FAILED, USAGE};
use crate::base::output;
use crate::base::say::say;
use crate::dhat_file::Document;
use crate::recordings::{self, DebugFiles};
use crate::report::{Selecting, largest, with_frames};
use crate::units::Count;

use super::format::Format;
use super::metric::{self, Metric};

/// Browsers take long for more stacks, or give up.
const MANY_STACKS: usize = 50_000;

/// Arguments of `mod-alloc export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc export dhat-heap.json --to html -o heap.html
  mod-alloc export dhat-heap.json --to svg -o heap.svg
  mod-alloc export dhat-heap.json --to pprof -o heap.pb.gz && go tool pprof -http : heap.pb.gz
  mod-alloc export dhat-heap.json --to collapsed --metric total | flamegraph.pl > total.svg
  mod-alloc export dhat-heap.json --to speedscope -o heap.json && npx speedscope heap.json

Without --metric it is peak, the memory live when the heap was largest, in every format; total if
the report knows nothing of frees.

svg and collapsed have that metric alone. html, pprof, otlp, speedscope, firefox and dhat have all that
the report knows: --metric is the one that is opened, and that --top sorts by.

pprof's sample types are alloc_objects, alloc_space, inuse_objects, inuse_space (live at the end),
peak_objects and peak_space; --metric short adds short_objects. Pyroscope takes 16,000 stacks at
most: --top 15000. otlp has a profile for each of these types: the bytes of a ProfilesData of
opentelemetry.proto.profiles.v1development, an alpha version. A collector takes such a file:
  curl --data-binary @heap.otlp.pb -H 'Content-Type: application/x-protobuf' \
    http://127.0.0.1:4318/v1development/profiles

In svg and collapsed, frames of one function are one. An svg says how many frames it does not draw,
because they are narrower than a pixel or too many.

Numbers that a report lacks are left out: reports without block lifetimes (mod-alloc 1.0, Valgrind's
modes ad-hoc and copy) have totals alone.")]
pub(crate) struct Arguments {
    /// A dhat JSON (of mod-alloc, dhat-rs or Valgrind) or a recording; `-` is standard input
    file: PathBuf,
    /// The format
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Format,
    /// Write to OUT: a file, or a folder (DIR/) for FILE's name with the format's extension; `-` is
    /// standard output, as without this option
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// The metric to show, or to show first
    #[arg(long, value_enum, value_name = "METRIC")]
    metric: Option<Metric>,
    /// Keep the N largest stacks; all others are added up to (other) and (other, short-lived)
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    #[command(flatten)]
    selecting: Selecting,
    #[command(flatten)]
    debug_files: DebugFiles,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let name = arguments.file.display();
    let target = arguments.output.as_deref().unwrap_or(Path::new("-"));
    let to_terminal = target == Path::new("-") && std::io::stdout().is_terminal();
    if arguments.to.is_binary() && to_terminal {
        say!("the format is binary, and standard output is a terminal: name a file with -o FILE");
        return ExitCode::from(USAGE);
    }
    let document = match recordings::read(&arguments.file, &arguments.debug_files) {
        Ok(document) => document,
        Err(error) => {
            say!("{name}: {error}");
            return ExitCode::from(FAILED);
        }
    };
    let (mut document, selected) = match arguments.selecting.apply(document) {
        Ok(selected) => selected,
        Err(error) => {
            say!("{name}: {error}");
            return ExitCode::from(FAILED);
        }
    };
    if let Some(selected) = selected {
        say!("{name}: {}", selected.words());
        selected.label(&mut document);
    }
    let metric = arguments.metric.unwrap_or_else(|| default_metric(&document));
    if !metric.is_known(&document) {
        say!("{name}: {}", metric.lacking("--metric", &document));
        return ExitCode::from(FAILED);
    }
    remarks(arguments, metric, &document);
    let mut document = match arguments.top {
        Some(top) => largest(document, metric, top),
        None => document,
    };
    if !matches!(arguments.to, Format::Dhat | Format::Html) {
        document = with_frames(document);
    }
    let file = output::file_at(target, || named_after(&arguments.file, arguments.to));
    let file = file.and_then(|file| output::spare(&file, &[&arguments.file]).map(|()| file));
    match file.and_then(|file| write(arguments.to, &document, metric, &file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("{} cannot be written: {error}", target.display());
            ExitCode::from(FAILED)
        }
    }
}

/// The file's name in a folder.
fn named_after(report: &Path, to: Format) -> PathBuf {
    let name = report.file_stem().filter(|_| report != Path::new("-"));
    let mut name = name.unwrap_or("mod-alloc".as_ref()).to_owned();
    name.push(".");
    name.push(to.extension());
    name.into()
}

/// The metric that is shown, or shown first, if the user has no wish. All formats have one default,
/// so that two of them show the same numbers.
fn default_metric(document: &Document) -> Metric {
    if document.knows_frees() { Metric::Peak } else { Metric::Total }
}

fn write(to: Format, document: &Document, metric: Metric, target: &Path) -> std::io::Result<()> {
    let write = &mut |out: &mut dyn std::io::Write| to.write(document, metric, out);
    if target == Path::new("-") {
        output::unchanged_to_stdout(write)
    } else {
        output::to_path(target, write)
    }
}

/// Says what the reader of the file should know beforehand.
fn remarks(arguments: &Arguments, metric: Metric, document: &Document) {
    let name = arguments.file.display();
    if !document.is_of_allocations() {
        let counted = metric::title(Metric::Total, document).to_lowercase();
        say!("{name}: mode {}: the numbers are {counted}, not allocations", document.mode);
    } else if !document.knows_frees() {
        say!("{name}: mode {:?} without block lifetimes: totals alone", document.mode);
    }
    if document.sites.iter().all(|site| metric.part(document, &site.numbers) == 0) {
        let title = metric::title(metric, document).to_lowercase();
        say!("{name}: {title}: none; --metric shows another number");
    }
    if let Some(samples) = document.samples() {
        say!("{name}: {}", samples.sentence(&document.totals()));
    }
    let stacks = document.sites.len();
    let in_a_browser = matches!(arguments.to, Format::Speedscope | Format::Firefox);
    if in_a_browser && arguments.top.is_none() && stacks > MANY_STACKS {
        say!(
            "{name}: {} stacks are much for a browser; --top 20000 keeps the largest and adds up \
             the others",
            Count(stacks as u64)
        );
    }
}
