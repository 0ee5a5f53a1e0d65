//! The page of keys and words.

use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use super::palette::Palette;
use crate::base::folded::folded;

const TEXT: &str = "\
 s S  ← →  1…7    sort by the next, the previous, that column
 /                show sites with a text in their stack; Esc: all
 ↑ ↓  PgUp PgDn   move; Home: stay on the first row
 Enter            the site's whole stack; Esc: back
 t                threads
 p  Space         pause      r   read now
 +  -             longer, shorter interval
 q  Ctrl-C        quit

 LIVE BLOCKS      allocated and not freed
 BYTES/s          allocated per second since the last reading;
                  at first: on average since the start
 TOTAL            ever allocated
 AT PEAK          live when the whole heap was largest
 a ← b            a was called, maybe through others, by b

 The recording is read as a file: the program is neither
 stopped nor slowed.";

/// Draws it over whatever is there.
pub(super) fn draw(frame: &mut Frame<'_>, palette: Palette) {
    let text = folded(TEXT, usize::from(frame.area().width).saturating_sub(3));
    let width = text.lines().map(|line| line.chars().count()).max().unwrap_or(0) + 3;
    let height = text.lines().count() + 2;
    let [area] = Layout::horizontal([Constraint::Length(width as u16)])
        .flex(Flex::Center)
        .areas(frame.area());
    let [area] =
        Layout::vertical([Constraint::Length(height as u16)]).flex(Flex::Center).areas(area);
    frame.render_widget(Clear, area);
    let title = Line::styled(" Help ", palette.heading());
    let lines: Vec<Line<'_>> = text.lines().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
}
