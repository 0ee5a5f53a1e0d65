//! A table as text, and the sentences that it shares with the live view.

use std::io::{self, Write};

use mod_alloc::recording::model::Recording;
use mod_alloc::report::{Circumstances, Coverage, summary};

use super::board::Board;
use super::names::{self, printable};
use super::readings::{Numbers, Sort, whole};
use crate::base::folded::folded;
use crate::units::{Bytes, Count, Micros, ShortCount};
use crate::watched::State;

/// A column of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) sort: Sort,
    text: fn(&Numbers) -> String,
}

/// Characters a column of numbers has.
pub(super) const WIDTH: usize = 9;

/// In the order of [`Sort::ALL`].
pub(super) const COLUMNS: [Column; 7] = [
    Column { heading: "LIVE", sort: Sort::Live, text: |n| Bytes(n.counters.end_bytes).to_string() },
    Column {
        heading: "BLOCKS",
        sort: Sort::LiveBlocks,
        text: |n| ShortCount(n.counters.end_blocks).to_string(),
    },
    Column {
        heading: "BYTES/s",
        sort: Sort::Rate,
        text: |n| Bytes(whole(n.bytes_per_second)).to_string(),
    },
    Column {
        heading: "BLOCKS/s",
        sort: Sort::RateBlocks,
        text: |n| ShortCount(whole(n.blocks_per_second)).to_string(),
    },
    Column {
        heading: "TOTAL",
        sort: Sort::Total,
        text: |n| Bytes(n.counters.total_bytes).to_string(),
    },
    Column {
        heading: "BLOCKS",
        sort: Sort::TotalBlocks,
        text: |n| ShortCount(n.counters.total_blocks).to_string(),
    },
    Column {
        heading: "AT PEAK",
        sort: Sort::Peak,
        text: |n| Bytes(n.counters.peak_bytes).to_string(),
    },
];

impl Column {
    /// The column's text for these numbers; a dash where they are zero, so that the others
    /// stand out.
    pub(super) fn text(&self, numbers: &Numbers) -> String {
        if numbers.by(self.sort) == 0 { "-".into() } else { (self.text)(numbers) }
    }
}

/// Writes what `board` shows, at most `top` sites. `width`: that of a window, into which lines are
/// broken and columns are left out; a file and a pipe get all.
pub(super) fn write(
    board: &Board,
    top: usize,
    width: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let text = text(board, top, width);
    match width {
        Some(width) => out.write_all(folded(&text, width).as_bytes()),
        None => out.write_all(text.as_bytes()),
    }
}

fn text(board: &Board, top: usize, width: Option<usize>) -> String {
    let mut lines = vec![subject(board), condition(board)];
    lines.extend(summary(board));
    lines.extend(losses(&board.recording).map(|losses| format!("Lost: {losses}")));
    lines.extend(unseen(board));
    lines.push(String::new());
    let columns = width.map_or(COLUMNS.to_vec(), |width| columns(width, GAP, board.sort()));
    let line = |cell: &dyn Fn(&Column) -> String, site: &str| {
        let numbers: String = columns.iter().map(|c| format!("{:>WIDTH$}  ", cell(c))).collect();
        numbers + site
    };
    let heading = |column: &Column| {
        let mark = if column.sort == board.sort() { "*" } else { "" };
        format!("{mark}{}", column.heading)
    };
    lines.push(line(&heading, "SITE"));
    for row in board.shown.iter().take(top) {
        let label = names::label(&board.names, row.frame);
        let label = label.map(|label| label.to_string()).unwrap_or_default();
        lines.push(line(&|column| column.text(&row.numbers), &label));
    }
    lines.join("\n") + "\n"
}

/// Blanks between columns of text.
const GAP: usize = 2;

/// Least width that is left for sites when columns of numbers are added.
const SITE_WIDTH: usize = 36;

/// As many columns, `gap` blanks after each, as leave room for the sites; the one that is sorted by
/// always.
pub(super) fn columns(width: usize, gap: usize, sort: Sort) -> Vec<Column> {
    let room = (width.saturating_sub(SITE_WIDTH) / (WIDTH + gap)).max(1);
    let mut columns = COLUMNS.to_vec();
    while columns.len() > room {
        let last_other = columns.iter().rposition(|column| column.sort != sort);
        columns.remove(last_other.unwrap_or(0));
    }
    columns
}

/// The process.
pub(super) fn subject(board: &Board) -> String {
    printable(&format!("{} {}", board.recording.pid, board.recording.command))
}

/// The process's state, and the time that was recorded.
pub(super) fn condition(board: &Board) -> String {
    let time = Micros(board.recording.end_micros as f64);
    match &board.state {
        State::Running => format!("running for {time}"),
        State::Unseen => format!("recorded for {time}; the process is not seen from here"),
        State::Ended(why) => format!("{why}; recorded for {time}"),
    }
}

/// The totals, in two lines.
pub(super) fn summary(board: &Board) -> [String; 2] {
    let total = &board.total.counters;
    let part = |bytes, blocks| format!("{} in {} blocks", Bytes(bytes), Count(blocks));
    let bytes_per_second = Bytes(whole(board.total.bytes_per_second));
    let blocks_per_second = Count(whole(board.total.blocks_per_second));
    let threads = &board.recording.threads;
    let running = threads.iter().filter(|thread| thread.running).count();
    [
        format!(
            "Live: {}   Peak: {} at {}",
            part(total.end_bytes, total.end_blocks),
            part(total.peak_bytes, total.peak_blocks),
            Micros(board.recording.peak_micros as f64),
        ),
        format!(
            "Total: {}   Rate: {bytes_per_second}/s, {blocks_per_second} blocks/s   Sites: {}   \
             Threads: {running} of {}",
            part(total.total_bytes, total.total_blocks),
            Count(board.sites() as u64),
            threads.len(),
        ),
    ]
}

/// The losses, by cause; `None` if nothing was lost.
pub(super) fn losses(recording: &Recording) -> Option<String> {
    let mut at = Circumstances::default();
    at.frames = recording.settings.frames;
    let lost = summary::short_losses(&recording.losses, at);
    (!lost.is_empty()).then(|| lost.join("; "))
}

/// The process's memory beside what is recorded; `None` if nobody looked at it.
pub(super) fn coverage(board: &Board) -> Option<Coverage> {
    Coverage::without_reasons(&board.recording, &board.total.counters)
}

/// Memory that is in no block, and programs that are not recorded; nothing if all was seen.
pub(super) fn unseen(board: &Board) -> Vec<String> {
    let Some(coverage) = coverage(board) else { return Vec::new() };
    let memory = coverage.sentence().map(|unseen| format!("Not seen: {unseen}"));
    let programs =
        coverage.not_recorded.iter().map(|program| format!("Not in this report: {program}"));
    memory.into_iter().chain(programs).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reading, with_sites};
    use super::*;
    use mod_alloc::recording::model::{Losses, Why};
    use mod_alloc::report::Options;

    fn text(board: &Board) -> String {
        let mut out = Vec::new();
        write(board, 10, None, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_program_that_is_not_recorded_is_named() {
        let mut recording = with_sites(&[(1, 1)]);
        recording.unrecorded.why = Some(Why::Static);
        (recording.unrecorded.count, recording.unrecorded.name) = (1, "busybox".into());
        let board = Board::new(reading(recording, 0.0), Sort::Live, "", Options::default());
        assert!(
            text(&board).contains("\nNot in this report: busybox: not recorded: it is statically")
        );
    }

    #[test]
    fn a_table_is_written_as_people_read_it() {
        let recording = with_sites(&[(123_456, 1_234), (5_000_000, 2), (0, 0)]);
        let mut board = Board::new(reading(recording, 0.0), Sort::Live, "", Options::default());
        board.name_first(10);
        let expected = "\
4242 app --serve \"two words\"
running for 12.3 s
Live: 4.89 MiB in 1,236 blocks   Peak: 4.89 MiB in 1,236 blocks at 4.50 s
Total: 4.89 MiB in 1,236 blocks   Rate: 407 KiB/s, 101 blocks/s   Sites: 3   Threads: 1 of 2

    *LIVE     BLOCKS    BYTES/s   BLOCKS/s      TOTAL     BLOCKS    AT PEAK  SITE
 4.77 MiB          2    397 KiB          1   4.77 MiB          2   4.77 MiB  app+0x2000 ← app+0xf0000
  121 KiB      1.23k   9.80 KiB        101    121 KiB      1.23k    121 KiB  app+0x1000 ← app+0xf0000
        -          -          -          -          -          -          -  app+0x3000 ← app+0xf0000
";
        assert_eq!(text(&board), expected);
    }

    #[test]
    fn every_loss_is_said() {
        let mut last = reading(with_sites(&[(1, 1)]), 0.0);
        let losses = &mut last.recording.losses;
        for (figure, loss) in (1_001..).zip(Losses::ALL) {
            *losses.of_mut(loss) = figure;
        }
        let figures = last.recording.losses;
        let text = text(&Board::new(last, Sort::Peak, "", Options::default()));
        for (loss, figure) in figures.iter() {
            // Reasons why the table is full are said in words.
            let told = Count(figure).to_string();
            assert!(
                text.contains(&told) || ["no_room", "sealed"].contains(&loss.key),
                "{}: {text}",
                loss.key
            );
        }
        assert!(text.contains("1,001 events of call sites that were new after"), "{text}");
    }

    #[test]
    fn ends_and_losses_are_said() {
        let mut last = reading(with_sites(&[(1, 1)]), 0.0);
        last.state = State::Ended("the process has ended".into());
        last.recording.losses.broken_stacks = 1_234;
        last.recording.losses.table_full = 5;
        let board = Board::new(last, Sort::Peak, "", Options::default());
        let text = text(&board);
        assert!(text.contains("\nthe process has ended; recorded for 12.3 s\n"), "{text}");
        let lost = "\nLost: 5 events in a full call-site table; 1,234 stacks cut short for want of \
             unwind information\n";
        assert!(text.contains(lost), "{text}");
        assert!(text.contains("  *AT PEAK  SITE\n"), "{text}");
    }
}
