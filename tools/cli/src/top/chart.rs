//! The heap over time.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType};

use super::board::Board;
use super::palette::Palette;
use crate::units::{Bytes, Micros};

/// Draws live bytes over the time that was watched, and a line at the heap's peak.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, board: &Board, palette: Palette) {
    if area.height == 0 {
        return;
    }
    let [first, last] = board.history.span();
    let peak = board.total.counters.peak_bytes as f64;
    let top = peak.max(board.history.most()).max(1.0);
    // One reading is a point in time; it gets a second, so that there is a line to see.
    let bounds = [first.min(last - 1.0), last];
    let level = [(bounds[0], peak), (bounds[1], peak)];
    let line = |name, points, style| {
        let line = Dataset::default().name(name).data(points).style(style);
        line.graph_type(GraphType::Line).marker(Marker::Braille)
    };
    let lines = vec![
        line("peak", &level, palette.peak()),
        line("live", board.history.samples(), palette.heap()),
    ];
    let moment = |seconds: f64| Line::from(Micros(seconds.max(0.0) * 1e6).to_string());
    let size = |bytes: f64| Line::from(Bytes(bytes as u64).to_string());
    let across = Axis::default().bounds(bounds).labels(bounds.map(moment)).style(palette.aside());
    // The uppermost dots belong to the peak and not to the frame.
    let up = Axis::default().bounds([0.0, top * 1.02]).style(palette.aside());
    let up = up.labels([size(0.0), size(top / 2.0), size(top)]);
    frame.render_widget(Chart::new(lines).x_axis(across).y_axis(up), area);
}
