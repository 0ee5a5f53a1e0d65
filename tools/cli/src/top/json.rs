//! A table as one line of JSON.
//!
//! `schema_version` is raised when a key goes or changes its meaning; keys may be added.

use std::io::{self, Write};

use mod_alloc::recording::model::{Counters, Losses, Thread};
use mod_alloc::report::{Coverage, FrameRef};
use serde::Serialize;

use super::board::Board;
use super::readings::{Numbers, Row};
use super::text;
use crate::watched::State;

#[derive(Serialize)]
struct Table<'b> {
    schema_version: u32,
    pid: u32,
    command: &'b str,
    /// `running`, `ended`, or `unknown` where the process is not seen from here.
    state: &'static str,
    /// Since recording began.
    elapsed_micros: u64,
    peak_micros: u64,
    #[serde(flatten)]
    total: Sums,
    /// How many sites have allocated.
    site_count: usize,
    sites: Vec<Site<'b>>,
    threads: Vec<OfThread<'b>>,
    losses: Losses,
    /// Null: nobody looked at the process's memory.
    coverage: Option<Coverage>,
}

#[derive(Serialize)]
struct Sums {
    live_bytes: u64,
    live_blocks: u64,
    peak_bytes: u64,
    peak_blocks: u64,
    total_bytes: u64,
    total_blocks: u64,
    bytes_per_second: f64,
    blocks_per_second: f64,
}

#[derive(Serialize)]
struct Site<'b> {
    #[serde(flatten)]
    numbers: Sums,
    /// The most that this site alone had live.
    max_bytes: u64,
    max_blocks: u64,
    /// Innermost first.
    frames: Vec<Frame<'b>>,
}

#[derive(Serialize)]
struct Frame<'b> {
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'b str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<String>,
    /// As linked.
    address: u64,
    /// True if it was inlined into the next.
    inlined: bool,
    /// The remark that stands for missing frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

#[derive(Serialize)]
struct OfThread<'b> {
    id: u32,
    name: &'b str,
    running: bool,
    total_bytes: u64,
    total_blocks: u64,
    freed_bytes: u64,
    freed_blocks: u64,
}

/// Writes what `board` shows, at most `top` sites, and ends the line.
pub(super) fn write(board: &Board, top: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut line = serde_json::to_vec(&table(board, top))?;
    line.push(b'\n');
    out.write_all(&line)
}

fn table(board: &Board, top: usize) -> Table<'_> {
    let recording = &board.recording;
    Table {
        schema_version: 1,
        pid: recording.pid,
        command: &recording.command,
        state: match board.state {
            State::Running => "running",
            State::Unseen => "unknown",
            State::Ended(_) => "ended",
        },
        elapsed_micros: recording.end_micros,
        peak_micros: recording.peak_micros,
        total: sums(&board.total),
        site_count: board.sites(),
        sites: board.shown.iter().take(top).map(|row| site(board, row)).collect(),
        threads: recording.threads.iter().map(thread).collect(),
        losses: recording.losses,
        coverage: text::coverage(board),
    }
}

fn sums(numbers: &Numbers) -> Sums {
    let Counters {
        total_bytes, total_blocks, peak_bytes, peak_blocks, end_bytes, end_blocks, ..
    } = numbers.counters;
    Sums {
        live_bytes: end_bytes,
        live_blocks: end_blocks,
        peak_bytes,
        peak_blocks,
        total_bytes,
        total_blocks,
        bytes_per_second: numbers.bytes_per_second,
        blocks_per_second: numbers.blocks_per_second,
    }
}

fn site<'b>(board: &'b Board, row: &Row) -> Site<'b> {
    Site {
        numbers: sums(&row.numbers),
        max_bytes: row.numbers.counters.max_bytes,
        max_blocks: row.numbers.counters.max_blocks,
        frames: board.names.frames(row.frame).map(frame).collect(),
    }
}

fn frame(frame: FrameRef<'_>) -> Frame<'_> {
    Frame {
        function: frame.function(),
        file: frame.short_file(),
        line: frame.line(),
        module: frame.module().map(|module| module.path.to_string_lossy().into_owned()),
        address: frame.address(),
        inlined: frame.inlined(),
        note: frame.note(),
    }
}

fn thread(thread: &Thread) -> OfThread<'_> {
    let Thread { id, running, total_bytes, total_blocks, freed_bytes, freed_blocks, .. } = *thread;
    let name = &thread.name;
    OfThread { id, name, running, total_bytes, total_blocks, freed_bytes, freed_blocks }
}

#[cfg(test)]
mod tests {
    use super::super::readings::Sort;
    use super::super::testing::{reading, recording};
    use super::*;
    use mod_alloc::report::Options;
    use serde_json::{Value, json};

    #[test]
    fn all_that_is_known_is_in_one_line() {
        let mut recording = recording();
        recording.losses.broken_stacks = 3;
        let mut board = Board::new(reading(recording, 0.0), Sort::Live, "", Options::default());
        board.name_first(2);
        let mut out = Vec::new();
        write(&board, 2, &mut out).unwrap();
        assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let table: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(table["schema_version"], 1);
        assert_eq!(table["command"], "app --serve \"two words\"");
        assert_eq!(table["state"], "running");
        assert_eq!(table["live_bytes"], 28_000_000);
        assert_eq!(table["site_count"], 7);
        assert_eq!(table["sites"].as_array().unwrap().len(), 2);
        let site = &table["sites"][0];
        assert_eq!(
            (&site["live_bytes"], &site["total_blocks"]),
            (&json!(7_000_000), &json!(1_000))
        );
        assert_eq!(
            site["frames"],
            json!([
                {"module": "/nowhere/app", "address": 0x1000, "inlined": false},
                {"module": "/nowhere/app", "address": 0xf_0000, "inlined": false}
            ])
        );
        assert_eq!(table["threads"][1]["name"], "worker");
        assert_eq!(table["losses"]["broken_stacks"], 3);
    }

    #[test]
    fn every_loss_is_there() {
        let mut recording = recording();
        for (figure, loss) in (1..).zip(Losses::ALL) {
            *recording.losses.of_mut(loss) = figure;
        }
        let losses = recording.losses;
        let board = Board::new(reading(recording, 0.0), Sort::Live, "", Options::default());
        let table = serde_json::to_value(table(&board, 2)).unwrap();
        assert_eq!(table["losses"].as_object().unwrap().len(), Losses::ALL.len());
        for (loss, figure) in losses.iter() {
            assert_eq!(table["losses"][loss.key], figure, "{}", loss.key);
        }
    }
}
