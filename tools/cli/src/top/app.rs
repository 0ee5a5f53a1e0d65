//! The state of the live view. Knows neither the terminal nor the clock.

use std::time::Duration;

use super::board::Board;
use super::readings::{Row, Sort};
use crate::watched::{Reading, State};

/// The content of the middle of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Sites,
    /// The whole stack of the selected site.
    Stack,
    Threads,
}

/// The live view.
pub(super) struct App {
    pub(super) board: Board,
    pub(super) view: View,
    pub(super) shows_help: bool,
    pub(super) paused: bool,
    pub(super) interval: Duration,
    /// While a filter is typed, the one to go back to.
    pub(super) typing: Option<String>,
    /// Why the last reading failed.
    pub(super) trouble: Option<String>,
    /// First row in sight of the table of sites.
    pub(super) offset: usize,
    /// Rows that the screen has room for; known from the last drawing.
    pub(super) page: usize,
    /// First line in sight of another view.
    pub(super) scroll: usize,
    /// The site that the cursor is on; `None`: on the first row, whichever it is.
    pub(super) selected: Option<u32>,
}

impl App {
    pub(super) fn new(board: Board, interval: Duration) -> Self {
        Self {
            board,
            view: View::Sites,
            shows_help: false,
            paused: false,
            interval,
            typing: None,
            trouble: None,
            offset: 0,
            page: 0,
            scroll: 0,
            selected: None,
        }
    }

    /// There will be more to read.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self.board.state, State::Ended(_))
    }

    /// Takes what came of a reading.
    pub(super) fn take(&mut self, reading: Result<Reading, String>) {
        match reading {
            Ok(reading) => {
                if reading.is_another {
                    self.selected = None;
                    self.view = View::Sites;
                }
                self.board.take(reading);
                self.trouble = None;
            }
            Err(error) => self.trouble = Some(error),
        }
    }

    /// Names what is in sight, while `goes_on` says so; returns whether nothing is left to do.
    pub(super) fn name(&mut self, goes_on: &mut dyn FnMut() -> bool) -> bool {
        let selected = self.cursor();
        let rows = match self.view {
            View::Stack => selected..selected + 1,
            _ => self.offset..self.offset + self.page,
        };
        self.board.name(rows, goes_on)
    }

    /// The row that the cursor is on.
    pub(super) fn cursor(&self) -> usize {
        let Some(selected) = self.selected else { return 0 };
        let frame = self.board.names.shown_as(selected);
        self.board.shown.iter().position(|row| row.frame == frame).unwrap_or(0)
    }

    /// The selected row; `None` if there are no rows.
    pub(super) fn row(&self) -> Option<&Row> {
        self.board.shown.get(self.cursor())
    }

    /// Makes `page` rows visible, the cursor's among them.
    pub(super) fn fit(&mut self, page: usize) {
        self.page = page;
        let cursor = self.cursor();
        let last = self.board.shown.len().saturating_sub(page);
        let lowest = (cursor + 1).saturating_sub(page);
        self.offset = self.offset.clamp(lowest, cursor.max(lowest)).min(last.max(lowest));
    }

    pub(super) fn show(&mut self, view: View) {
        self.view = view;
        self.scroll = 0;
    }

    pub(super) fn sort(&mut self, sort: Sort) {
        self.board.set_sort(sort);
        self.offset = 0;
        self.selected = None;
    }

    pub(super) fn move_cursor(&mut self, rows: isize) {
        let last = self.board.shown.len().saturating_sub(1);
        let to = self.cursor().saturating_add_signed(rows).min(last);
        self.selected = self.board.shown.get(to).map(|row| row.frame);
    }
}
