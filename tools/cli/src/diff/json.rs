//! The comparison for programs. Its form is told in the command's help.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::dhat_file::Document;
use crate::report::{FrameEntry, Sort, Sums, frame_entries, sums};

use super::bounds;
use super::change::{Changes, percent};
use super::command::View;
use super::compare::{Comparison, Row};

#[derive(Serialize)]
struct Report<'c> {
    schema_version: u32,
    by: String,
    sort: String,
    before: Run<'c>,
    after: Run<'c>,
    totals: BTreeMap<String, Total>,
    above_limit: bool,
    grew: Vec<RowEntry<'c>>,
    new: Vec<RowEntry<'c>>,
    shrank: Vec<RowEntry<'c>>,
    gone: Vec<RowEntry<'c>>,
}

#[derive(Serialize)]
struct Run<'c> {
    command: &'c str,
    pid: u64,
    mode: &'c str,
    stacks: usize,
    sampling: Option<&'c serde_json::Value>,
}

#[derive(Serialize)]
struct Total {
    before: u64,
    after: u64,
    change: i128,
    percent: Option<f64>,
}

#[derive(Serialize)]
struct RowEntry<'c> {
    change: i128,
    bounds: Option<[i128; 2]>,
    before: SideEntry,
    after: SideEntry,
    frames: Vec<FrameEntry<'c>>,
}

#[derive(Serialize)]
struct SideEntry {
    #[serde(flatten)]
    numbers: Sums,
    stacks: u64,
}

pub(super) fn write<'d>(
    comparison: &Comparison<'d>,
    view: &View,
    above_limit: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let changes = Changes::by(view.sort, comparison);
    let knows_frees = comparison.is_known(Sort::End);
    let entries = |rows: Vec<&Row<'d>>| -> Vec<_> {
        let rows = rows.into_iter().take(view.top.unwrap_or(usize::MAX));
        rows.map(|row| entry(comparison, row, view.sort, knows_frees)).collect()
    };
    let [before, after] = comparison.documents.map(run);
    let report = Report {
        schema_version: 1,
        by: view.by.to_string(),
        sort: view.sort.to_string(),
        before,
        after,
        totals: totals(comparison),
        above_limit,
        grew: entries(changes.grew),
        new: entries(changes.new),
        shrank: entries(changes.shrank),
        gone: entries(changes.gone),
    };
    let mut pretty = serde_json::Serializer::pretty(&mut *out);
    report.serialize(&mut pretty).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

fn run(document: &Document) -> Run<'_> {
    Run {
        command: &document.command,
        pid: document.pid,
        mode: &document.mode,
        stacks: document.sites.len(),
        sampling: document.extras.sampling.as_ref(),
    }
}

fn totals(comparison: &Comparison<'_>) -> BTreeMap<String, Total> {
    let known = Sort::ALL.into_iter().filter(|&sort| comparison.is_known(sort));
    let total = |sort: Sort| {
        let (before, after) = (comparison.before(sort), comparison.after(sort));
        let change = i128::from(after) - i128::from(before);
        (sort.to_string(), Total { before, after, change, percent: percent(before, after) })
    };
    known.map(total).collect()
}

fn entry<'c>(
    comparison: &Comparison<'c>,
    row: &Row<'c>,
    sort: Sort,
    knows_frees: bool,
) -> RowEntry<'c> {
    let [before, after] = [row.before, row.after]
        .map(|side| SideEntry { numbers: sums(&side.numbers, knows_frees), stacks: side.stacks });
    let frames = frame_entries(&row.frames, row.lead);
    let bounds = bounds::of_change(comparison, row, sort);
    RowEntry { change: row.change(sort), bounds, before, after, frames }
}
