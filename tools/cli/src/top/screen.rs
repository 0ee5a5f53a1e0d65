//! The look of the live view.
//!
//! ```text
//!  title: process and condition
//!  totals
//!  losses and memory that was not seen, if any
//!  heap over time, if there is room
//!  sites, a site's stack, or threads
//!  keys, or the filter
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use crate::base::glyphs;

use super::app::{App, View};
use super::chart;
use super::help;
use super::names::{self, Label};
use super::pages;
use super::palette::Palette;
use super::text::{self, Column, WIDTH};

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App, palette: Palette) {
    let losses = text::losses(&app.board.recording).map(|losses| format!("Lost: {losses}"));
    let unseen = text::unseen(&app.board);
    let width = frame.area().width.into();
    let warnings = lines(losses.into_iter().chain(unseen), width);
    let summary = lines(text::summary(&app.board), width);
    let [title, totals, lost, heap, middle, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(summary.len() as u16),
        Constraint::Length(warnings.len() as u16),
        Constraint::Length(chart_height(frame.area().height)),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_title(frame, title, app, palette);
    frame.render_widget(Paragraph::new(summary), totals);
    frame.render_widget(Paragraph::new(warnings).style(palette.warning()), lost);
    chart::draw(frame, heap, &app.board, palette);
    match app.view {
        View::Sites => draw_sites(frame, middle, app, palette),
        View::Stack => pages::draw_stack(frame, middle, app, palette),
        View::Threads => pages::draw_threads(frame, middle, app, palette),
    }
    draw_keys(frame, keys, app, palette);
    if app.shows_help {
        help::draw(frame, palette);
    }
    if glyphs::is_ascii() {
        to_ascii(frame.buffer_mut());
    }
}

/// Draws with ASCII alone what is on the screen.
fn to_ascii(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        let symbol: String = cell.symbol().chars().take(1).map(glyphs::ascii).collect();
        cell.set_symbol(&symbol);
    }
}

fn chart_height(screen: u16) -> u16 {
    match screen {
        ..16 => 0,
        16..24 => 5,
        24..40 => 8,
        _ => 12,
    }
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, app: &App, palette: Palette) {
    let mut right = text::condition(&app.board);
    if !app.is_live() {
        // Nothing will change any more: neither the interval nor a pause matters.
    } else if app.paused {
        right.push_str(", PAUSED");
    } else {
        right.push_str(&format!(", every {} s", app.interval.as_secs_f64()));
    }
    let right = format!(" {right} ");
    let width = u16::try_from(right.chars().count()).unwrap_or(u16::MAX).min(area.width);
    let [start, end] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(width)]).areas(area);
    let left = format!(" mod-alloc top  {}", text::subject(&app.board));
    let left = fitted(Line::from(left), start.width.into());
    frame.render_widget(Paragraph::new(left).style(palette.title()), start);
    let end_text = Paragraph::new(right).alignment(Alignment::Right);
    frame.render_widget(end_text.style(palette.title()), end);
}

fn draw_sites(frame: &mut Frame<'_>, area: Rect, app: &mut App, palette: Palette) {
    app.fit(usize::from(area.height.saturating_sub(1)));
    let columns = text::columns(area.width.into(), 1, app.board.sort());
    let site_width = usize::from(area.width).saturating_sub(columns.len() * (WIDTH + 1));
    let heading = |column: &Column| {
        let is_chosen = column.sort == app.board.sort();
        let style = if is_chosen { palette.chosen() } else { palette.heading() };
        Cell::from(Line::styled(column.heading, style).alignment(Alignment::Right))
    };
    let site = Cell::from(Line::styled(site_heading(app), palette.heading()));
    let header = Row::new(columns.iter().map(heading).chain([site]));
    let end = (app.offset + app.page).min(app.board.shown.len());
    let cursor = app.cursor();
    let rows = (app.offset.min(end)..end).map(|index| {
        let row = &app.board.shown[index];
        let number = |column: &Column| {
            let text = column.text(&row.numbers);
            Cell::from(Line::from(text).alignment(Alignment::Right))
        };
        let label = names::label(&app.board.names, row.frame);
        let site = Cell::from(fitted(site_line(label, palette), site_width));
        let style = if index == cursor { palette.cursor() } else { Default::default() };
        Row::new(columns.iter().map(number).chain([site])).style(style)
    });
    let widths = columns.iter().map(|_| Constraint::Length(WIDTH as u16));
    let widths = widths.chain([Constraint::Fill(1)]);
    frame.render_widget(Table::new(rows, widths).header(header).column_spacing(1), area);
}

fn site_heading(app: &App) -> String {
    let (shown, sites) = (app.board.shown.len(), app.board.sites());
    match (app.board.filter(), app.board.unnamed()) {
        ("", _) => "SITE".into(),
        (filter, 0) => format!("SITE with \"{filter}\": {shown} of {sites}"),
        (filter, unnamed) => {
            format!("SITE with \"{filter}\": {shown} of {}, {unnamed} to look at", sites - unnamed)
        }
    }
}

fn site_line(label: Option<Label>, palette: Palette) -> Line<'static> {
    let Some(Label { function, place, callers }) = label else {
        return Line::styled("…", palette.aside());
    };
    let mut spans = vec![Span::styled(function, palette.own())];
    spans.extend(place.map(|place| Span::styled(format!(" {place}"), palette.aside())));
    spans.extend(callers.into_iter().map(|caller| Span::raw(format!(" ← {caller}"))));
    Line::from(spans)
}

/// Texts as lines of at most `width` columns.
fn lines(texts: impl IntoIterator<Item = String>, width: usize) -> Vec<Line<'static>> {
    texts.into_iter().flat_map(|text| pages::lines(&text, width, Style::new())).collect()
}

/// The line in at most `width` columns, with a mark where its end is cut. The stack of a site has
/// all names whole.
fn fitted(mut line: Line<'static>, width: usize) -> Line<'static> {
    if line.width() <= width {
        return line;
    }
    let mut room = width.saturating_sub(1);
    for span in &mut line.spans {
        let kept: String = span.content.chars().take(room).collect();
        room -= kept.chars().count();
        span.content = kept.into();
    }
    line.push_span("…");
    line
}

fn draw_keys(frame: &mut Frame<'_>, area: Rect, app: &App, palette: Palette) {
    let keys = match app.view {
        View::Sites if area.width < 79 => "Enter stack  / filter  ? help  q quit",
        View::Sites => {
            "s sort  / filter  Enter stack  t threads  p pause  +/- interval  ? help  q quit"
        }
        View::Stack | View::Threads if area.width < 60 => "Esc back  ↑↓ scroll  ? help  q quit",
        View::Stack => "Esc back  ↑↓ scroll  p pause  ? help  q quit",
        View::Threads => "Esc back  ↑↓ scroll  p pause  +/- interval  ? help  q quit",
    };
    let line = match (&app.typing, &app.trouble) {
        (Some(_), _) => Line::from(vec![
            Span::styled("Filter: ", palette.heading()),
            Span::raw(app.board.filter().to_owned()),
            Span::styled(" ", palette.cursor()),
            Span::styled("  Enter keep  Esc undo", palette.aside()),
        ]),
        (None, Some(trouble)) => Line::styled(format!("Cannot read: {trouble}"), palette.warning()),
        (None, None) => Line::styled(keys, palette.aside()),
    };
    frame.render_widget(fitted(line, area.width.into()), area);
}
