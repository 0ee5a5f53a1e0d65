//! The views that are read from top to bottom: a site's stack, and the threads.

use std::cmp::Reverse;

use mod_alloc::recording::model::Thread;
use mod_alloc::report::FrameRef;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::app::App;
use super::names::{self, printable};
use super::palette::Palette;
use super::readings::{Row, whole};
use crate::base::folded::folded;
use crate::units::{Bytes, Count, Micros};

/// Columns that the view is made for.
const LEAST_WIDTH: usize = 40;

/// Draws the selected site: its numbers and its whole stack.
pub(super) fn draw_stack(frame: &mut Frame<'_>, area: Rect, app: &mut App, palette: Palette) {
    let lines = match app.row() {
        Some(row) => stack_lines(app, row, usize::from(area.width), palette),
        None => vec![Line::from("No site is shown.")],
    };
    draw_page(frame, area, app, lines);
}

/// Draws every thread that has allocated.
pub(super) fn draw_threads(frame: &mut Frame<'_>, area: Rect, app: &mut App, palette: Palette) {
    let mut threads: Vec<&Thread> = app.board.recording.threads.iter().collect();
    threads.sort_by_key(|thread| (!thread.running, Reverse(thread.total_bytes)));
    let heading = format!(
        "{:>8} {:<15} {:<8} {:>10} {:>16} {:>10} {:>16}",
        "THREAD", "NAME", "STATE", "ALLOCATED", "BLOCKS", "FREED", "BLOCKS"
    );
    let width = area.width.into();
    let mut lines = lines(&heading, width, palette.heading());
    lines.extend(threads.into_iter().flat_map(|thread| thread_lines(thread, width, palette)));
    draw_page(frame, area, app, lines);
}

fn thread_lines(thread: &Thread, width: usize, palette: Palette) -> Vec<Line<'static>> {
    let text = format!(
        "{:>8} {:<15} {:<8} {:>10} {:>16} {:>10} {:>16}",
        thread.id,
        printable(&thread.name),
        if thread.running { "running" } else { "ended" },
        Bytes(thread.total_bytes),
        Count(thread.total_blocks),
        Bytes(thread.freed_bytes),
        Count(thread.freed_blocks),
    );
    lines(&text, width, if thread.running { Style::new() } else { palette.aside() })
}

/// A text in lines of at most `width` columns.
pub(super) fn lines(text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    // A window that is narrower has no room for more lines either.
    let width = if width < LEAST_WIDTH { usize::MAX } else { width };
    folded(text, width).lines().map(|line| Line::styled(line.to_owned(), style)).collect()
}

/// Draws what fits, from the line that was scrolled to; the last page stays full.
fn draw_page(frame: &mut Frame<'_>, area: Rect, app: &mut App, lines: Vec<Line<'_>>) {
    app.page = usize::from(area.height);
    app.scroll = app.scroll.min(lines.len().saturating_sub(app.page));
    let page: Vec<Line<'_>> = lines.into_iter().skip(app.scroll).take(app.page).collect();
    frame.render_widget(Paragraph::new(page), area);
}

fn stack_lines(app: &App, row: &Row, width: usize, palette: Palette) -> Vec<Line<'static>> {
    let mut lines = number_lines(app, row, width);
    lines.push(Line::from(""));
    let frames: Vec<FrameRef<'_>> = app.board.names.frames(row.frame).collect();
    if frames.is_empty() {
        lines.push(Line::styled("…", palette.aside()));
    }
    for (index, frame) in frames.iter().enumerate() {
        lines.extend(frame_lines(index, frame, width, palette));
    }
    lines
}

/// A function and where it is, in one line or two, and never cut: names are what this view is for.
fn frame_lines(
    index: usize,
    frame: &FrameRef<'_>,
    width: usize,
    palette: Palette,
) -> Vec<Line<'static>> {
    let name_style = if frame.is_library() { palette.aside() } else { palette.own() };
    let number = format!("{index:>3}  ");
    let indent = number.len();
    let mut pieces = broken(&names::function(frame), width.saturating_sub(indent)).into_iter();
    let first = pieces.next().unwrap_or_default();
    let mut lines = vec![Line::from(vec![Span::raw(number), Span::styled(first, name_style)])];
    let more = |piece: String, style| Line::styled(format!("{:indent$}{piece}", ""), style);
    lines.extend(pieces.map(|piece| more(piece, name_style)));
    let Some(mut place) = names::place(frame) else { return lines };
    if frame.inlined() {
        place.push_str(", inlined");
    }
    let used = lines.last().map_or(0, Line::width);
    if lines.len() == 1 && used + 2 + place.chars().count() <= width {
        lines[0].push_span(Span::styled(format!("  {place}"), palette.aside()));
    } else {
        let pieces = broken(&place, width.saturating_sub(indent + 2));
        lines.extend(pieces.into_iter().map(|piece| more(format!("  {piece}"), palette.aside())));
    }
    lines
}

/// Pieces of at most `width` characters.
fn broken(text: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect()
}

fn number_lines(app: &App, row: &Row, width: usize) -> Vec<Line<'static>> {
    let counters = &row.numbers.counters;
    let part = |size, blocks| format!("{} in {} blocks", Bytes(size), Count(blocks));
    let numbers = [
        ("Live", part(counters.end_bytes, counters.end_blocks)),
        ("At the heap's peak", part(counters.peak_bytes, counters.peak_blocks)),
        ("At its own most", part(counters.max_bytes, counters.max_blocks)),
        ("Total", part(counters.total_bytes, counters.total_blocks)),
        (
            "Rate",
            format!(
                "{} per second",
                part(whole(row.numbers.bytes_per_second), whole(row.numbers.blocks_per_second))
            ),
        ),
        ("Blocks live for", average_lifetime(counters)),
        ("Row", format!("{} of {}", app.cursor() + 1, app.board.shown.len())),
    ];
    let texts = numbers.into_iter().map(|(name, value)| format!("{name:>18}  {value}"));
    texts.flat_map(|text| lines(&text, width, Style::new())).collect()
}

fn average_lifetime(counters: &mod_alloc::recording::model::Counters) -> String {
    match counters.lifetimes_micros.checked_div(counters.total_blocks) {
        None => "-".into(),
        Some(average) => format!("{} on average", Micros(average as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_broken_and_not_cut() {
        assert_eq!(broken("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(broken("äöü", 2), ["äö", "ü"]);
        assert_eq!(broken("ab", 0), ["a", "b"]);
        assert!(broken("", 5).is_empty());
    }
}
