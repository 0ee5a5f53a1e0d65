//! The report for programs. Its form is told in the command's help.

use std::collections::BTreeMap;
use std::io::{self, Write};

use mod_alloc::recording::model::{HeapStates, Histograms, Losses};
use mod_alloc::report::wire::Ending;
use mod_alloc::report::{Coverage, Mappings};
use serde::Serialize;

use crate::dhat_file::{Document, Group, Location, Numbers, Process};

use super::callers::Caller;
use super::frames::TellingFrame;
use super::json_tree::TreeEntry;
use super::rows::{Row, Rows};
use super::select::Selected;
use super::sort::Sort;
use super::suppress::Suppressed;
use super::threads::{self, ThreadEntry};
use super::tree::Tree;
use super::view::{Tables, View};
use crate::origin::Origin;

#[derive(Serialize)]
struct Report<'d> {
    schema_version: u32,
    command: &'d str,
    pid: u64,
    executable: Option<&'d str>,
    mode: &'d str,
    verb: &'d str,
    time_unit: &'d str,
    end: u64,
    peak: Option<u64>,
    short_lifetime: Option<u64>,
    peak_is_exact: Option<bool>,
    stacks: usize,
    threads: Option<u64>,
    upper_bounds: &'static [&'static str],
    heap_state: Option<HeapStates>,
    histograms: Option<&'d Histograms>,
    ending: Option<Ending>,
    losses: Option<Losses>,
    coverage: Option<&'d Coverage>,
    sampling: Option<&'d serde_json::Value>,
    advice: &'d [String],
    mappings: Option<&'d Mappings>,
    groups: &'d [Group],
    processes: &'d [Process],
    totals: Sums,
    wrappers: Vec<String>,
    sites: BTreeMap<String, Vec<SiteEntry<'d>>>,
    thread_list: Vec<ThreadEntry<'d>>,
    selection: Option<SelectionEntry<'d>>,
    tree: Option<TreeEntry<'d>>,
    suppressed: Option<&'d Suppressed>,
}

#[derive(Serialize)]
struct SelectionEntry<'d> {
    #[serde(flatten)]
    selected: &'d Selected,
    of_totals: Sums,
}

/// Without the maxima, whose sums mean nothing.
#[derive(Serialize)]
pub(crate) struct Sums {
    total_bytes: u64,
    total_blocks: u64,
    lifetimes: Option<u64>,
    peak_bytes: Option<u64>,
    peak_blocks: Option<u64>,
    end_bytes: Option<u64>,
    end_blocks: Option<u64>,
}

#[derive(Serialize)]
struct SiteEntry<'d> {
    #[serde(flatten)]
    numbers: Sums,
    max_bytes: Option<u64>,
    max_blocks: Option<u64>,
    stacks: u64,
    lifetime: Option<f64>,
    age_of_half: Option<f64>,
    bounds: Option<BTreeMap<&'static str, [u64; 2]>>,
    frames: Vec<FrameEntry<'d>>,
    callers: Vec<CallerEntry<'d>>,
}

/// A function that calls the culprit.
#[derive(Serialize)]
struct CallerEntry<'d> {
    part: u64,
    #[serde(flatten)]
    frame: FrameEntry<'d>,
}

/// A frame in all its parts.
#[derive(Serialize)]
pub(crate) struct FrameEntry<'d> {
    function: Option<&'d str>,
    file: Option<&'d str>,
    line: Option<u32>,
    column: Option<u32>,
    module: Option<&'d str>,
    origin: &'static str,
    culprit: bool,
    wrapper: bool,
    text: &'d str,
}

pub(super) fn write(document: &Document, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = Rows::of(document, &view.wrappers, view.whole_stacks);
    let tree = match view.tables {
        Tables::Tree(shape) => {
            let sort = view.sort.unwrap_or(Sort::Total);
            Some(Tree::new(document, &rows, sort, shape, view.whole_stacks))
        }
        Tables::Sites | Tables::Threads => None,
    };
    let knows_frees = document.knows_frees();
    let entries = |sort: Sort| {
        let rows = rows.sorted(sort).into_iter().take(view.top());
        rows.map(|row| site(document, &row, knows_frees)).collect()
    };
    let sorts = if view.tables == Tables::Sites { view.sorts(document) } else { Vec::new() };
    let sites = sorts.into_iter().map(|sort| (sort.to_string(), entries(sort)));
    let mut pretty = serde_json::Serializer::pretty(&mut *out);
    let wrappers = rows.passed_over().into_iter().map(String::from).collect();
    let mut report = report(document, wrappers, sites.collect());
    report.tree = tree.map(|tree| TreeEntry::new(&tree, knows_frees));
    report.suppressed = view.suppressed;
    report.selection = view.selected.map(|selected| SelectionEntry {
        of_totals: sums(&selected.of_sums, knows_frees),
        selected,
    });
    report.serialize(&mut pretty).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

fn report<'d>(
    document: &'d Document,
    wrappers: Vec<String>,
    sites: BTreeMap<String, Vec<SiteEntry<'d>>>,
) -> Report<'d> {
    let extras = &document.extras;
    let is_merged = !extras.processes.is_empty();
    Report {
        schema_version: 1,
        command: &document.command,
        pid: document.pid,
        executable: extras.executable.as_deref(),
        mode: &document.mode,
        verb: &document.verb,
        time_unit: &document.time_unit,
        end: document.end,
        peak: document.peak,
        short_lifetime: document.short_lifetime,
        peak_is_exact: extras.peak_is_exact,
        stacks: document.sites.len(),
        threads: extras.threads_ever(),
        upper_bounds: if is_merged { &["peak_bytes", "peak_blocks"] } else { &[] },
        heap_state: extras.heap_states,
        histograms: extras.histograms.as_ref(),
        ending: extras.ending,
        losses: extras.losses,
        coverage: extras.coverage.as_ref(),
        sampling: extras.sampling.as_ref(),
        advice: &extras.advice,
        mappings: extras.mappings.as_ref(),
        groups: &extras.groups,
        processes: &extras.processes,
        totals: sums(&document.totals(), document.knows_frees()),
        wrappers,
        sites,
        thread_list: threads::entries(document),
        selection: None,
        tree: None,
        suppressed: None,
    }
}

/// The sums that a document knows.
pub(crate) fn sums(numbers: &Numbers, knows_frees: bool) -> Sums {
    let known = |number| knows_frees.then_some(number);
    Sums {
        total_bytes: numbers.total_bytes,
        total_blocks: numbers.total_blocks,
        lifetimes: known(numbers.lifetimes),
        peak_bytes: known(numbers.peak_bytes),
        peak_blocks: known(numbers.peak_blocks),
        end_bytes: known(numbers.end_bytes),
        end_blocks: known(numbers.end_blocks),
    }
}

/// The bounds of a row's estimates; `None`: the numbers are exact.
fn bounds(document: &Document, numbers: &Numbers) -> Option<BTreeMap<&'static str, [u64; 2]>> {
    let samples = document.samples()?;
    let mut bounds = BTreeMap::new();
    for ([bytes_key, blocks_key], bytes, blocks) in [
        (["total_bytes", "total_blocks"], numbers.total_bytes, numbers.total_blocks),
        (["peak_bytes", "peak_blocks"], numbers.peak_bytes, numbers.peak_blocks),
        (["end_bytes", "end_blocks"], numbers.end_bytes, numbers.end_blocks),
    ] {
        if let Some(of) = samples.bounds(bytes, blocks) {
            bounds.extend([(bytes_key, of.bytes), (blocks_key, of.blocks)]);
        }
    }
    Some(bounds)
}

fn site<'d>(document: &Document, row: &Row<'d>, knows_frees: bool) -> SiteEntry<'d> {
    SiteEntry {
        numbers: sums(&row.numbers, knows_frees),
        max_bytes: knows_frees.then_some(row.numbers.max_bytes),
        max_blocks: knows_frees.then_some(row.numbers.max_blocks),
        stacks: row.stacks,
        lifetime: row.lifetime,
        age_of_half: row.age_of_half,
        bounds: bounds(document, &row.numbers),
        frames: frames(&row.frames, row.lead),
        callers: row.callers.iter().map(caller).collect(),
    }
}

fn caller<'d>(caller: &Caller<'d>) -> CallerEntry<'d> {
    CallerEntry { part: caller.part, frame: frame(&caller.chain[0], false) }
}

/// The frames of a row, of which the one with the number `lead` is the culprit.
pub(crate) fn frames<'d>(frames: &[TellingFrame<'d>], lead: usize) -> Vec<FrameEntry<'d>> {
    let entries = frames.iter().enumerate();
    entries.map(|(index, telling)| frame(telling, index == lead)).collect()
}

pub(super) fn frame<'d>(telling: &TellingFrame<'d>, culprit: bool) -> FrameEntry<'d> {
    let TellingFrame { frame, origin, is_wrapper: wrapper } = *telling;
    let (file, line, column, module) = match frame.location {
        Location::Source { file, line, column } => (Some(file), known(line), known(column), None),
        Location::Module(path) => (None, None, None, Some(path)),
        Location::Unknown => (None, None, None, None),
    };
    let text = frame.text;
    let origin = match origin {
        Origin::Own => "own",
        Origin::Library => "library",
        Origin::Standard => "standard",
        Origin::Plumbing => "plumbing",
        Origin::Remark => "remark",
    };
    FrameEntry {
        function: frame.function,
        file,
        line,
        column,
        module,
        origin,
        culprit,
        wrapper,
        text,
    }
}

fn known(number: u32) -> Option<u32> {
    Some(number).filter(|&number| number > 0)
}
