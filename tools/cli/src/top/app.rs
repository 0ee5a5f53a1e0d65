//! The live view's state, and what each key does to it. Knows neither the terminal nor the clock.

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::board::Board;
use super::readings::{Row, Sort};
use super::source::{Reading, State};

/// What the middle of the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Sites,
    /// The whole stack of the selected site.
    Stack,
    Threads,
}

/// What is to be done after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    /// Read now, not only when it is time.
    Read,
    /// Give the terminal back until the shell continues us.
    Suspend,
    Quit,
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
    selected: Option<u32>,
}

/// What `+` and `-` go through, in milliseconds.
const INTERVALS: [u64; 10] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000];

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

    /// Whether there will be something new to read.
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

    /// Does what a key asks for.
    pub(super) fn press(&mut self, key: KeyEvent) -> Next {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c' | 'd') => return Next::Quit,
                KeyCode::Char('z') => return Next::Suspend,
                _ => {}
            }
        }
        if self.typing.is_some() {
            self.type_filter(key.code);
            return Next::Stay;
        }
        if self.shows_help {
            self.shows_help = false;
            return if key.code == KeyCode::Char('q') { Next::Quit } else { Next::Stay };
        }
        self.press_anywhere(key.code).unwrap_or_else(|| {
            match self.view {
                View::Sites => self.press_in_sites(key.code),
                View::Stack | View::Threads => self.press_in_text(key.code),
            }
            Next::Stay
        })
    }

    /// Keys that do the same in all views.
    fn press_anywhere(&mut self, key: KeyCode) -> Option<Next> {
        match key {
            KeyCode::Char('q') => return Some(Next::Quit),
            KeyCode::Char('r') if self.is_live() => return Some(Next::Read),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.shows_help = true,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('+' | '=') => self.change_interval(true),
            KeyCode::Char('-') => self.change_interval(false),
            KeyCode::Char('t') => {
                let other = if self.view == View::Threads { View::Sites } else { View::Threads };
                self.show(other);
            }
            _ => return None,
        }
        Some(Next::Stay)
    }

    fn press_in_sites(&mut self, key: KeyCode) {
        match key {
            KeyCode::Up | KeyCode::Char('k') => self.move_cursor(-1),
            KeyCode::Down | KeyCode::Char('j') => self.move_cursor(1),
            KeyCode::PageUp => self.move_cursor(-self.page.cast_signed()),
            KeyCode::PageDown => self.move_cursor(self.page.cast_signed()),
            KeyCode::End | KeyCode::Char('G') => self.move_cursor(isize::MAX),
            // Without a selection the cursor stays on the first row when others come there.
            KeyCode::Home | KeyCode::Char('g') => self.selected = None,
            KeyCode::Char('s' | '>') | KeyCode::Right => self.sort(self.board.sort().moved(1)),
            KeyCode::Char('S' | '<') | KeyCode::Left => self.sort(self.board.sort().moved(-1)),
            KeyCode::Char(digit @ '1'..='7') => {
                self.sort(Sort::ALL[usize::from(digit as u8 - b'1')]);
            }
            KeyCode::Char('/') => self.typing = Some(self.board.filter().to_owned()),
            KeyCode::Esc => self.board.set_filter(""),
            KeyCode::Enter if self.row().is_some() => {
                self.selected = self.row().map(|row| row.frame);
                self.show(View::Stack);
            }
            _ => {}
        }
    }

    /// In a view that is read from top to bottom.
    fn press_in_text(&mut self, key: KeyCode) {
        match key {
            KeyCode::Up | KeyCode::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.scroll = self.scroll.saturating_add(1),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(self.page),
            KeyCode::PageDown => self.scroll = self.scroll.saturating_add(self.page),
            KeyCode::Home | KeyCode::Char('g') => self.scroll = 0,
            KeyCode::End | KeyCode::Char('G') => self.scroll = usize::MAX,
            KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace | KeyCode::Left => {
                self.show(View::Sites);
            }
            _ => {}
        }
    }

    fn type_filter(&mut self, key: KeyCode) {
        let mut text = self.board.filter().to_owned();
        match key {
            KeyCode::Enter => {
                self.typing = None;
                return;
            }
            KeyCode::Esc => text = self.typing.take().unwrap_or_default(),
            KeyCode::Backspace => _ = text.pop(),
            KeyCode::Char(character) => text.push(character),
            _ => return,
        }
        self.board.set_filter(&text);
    }

    fn show(&mut self, view: View) {
        self.view = view;
        self.scroll = 0;
    }

    fn sort(&mut self, sort: Sort) {
        self.board.set_sort(sort);
        self.offset = 0;
        self.selected = None;
    }

    fn move_cursor(&mut self, rows: isize) {
        let last = self.board.shown.len().saturating_sub(1);
        let to = self.cursor().saturating_add_signed(rows).min(last);
        self.selected = self.board.shown.get(to).map(|row| row.frame);
    }

    fn change_interval(&mut self, longer: bool) {
        let now = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        let next = if longer {
            INTERVALS.iter().find(|&&interval| interval > now)
        } else {
            INTERVALS.iter().rfind(|&&interval| interval < now)
        };
        if let Some(&next) = next {
            self.interval = Duration::from_millis(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reading, recording, with_sites};
    use super::*;
    use mod_alloc::report::Options;

    fn app() -> App {
        let board = Board::new(reading(recording(), 0.0), Sort::Live, "", Options::default());
        let mut app = App::new(board, Duration::from_secs(1));
        app.fit(3);
        app
    }

    fn press(app: &mut App, code: KeyCode) -> Next {
        app.press(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn press_all(app: &mut App, keys: &str) {
        for key in keys.chars() {
            press(app, KeyCode::Char(key));
        }
    }

    #[test]
    fn the_cursor_stays_in_the_table_and_in_sight() {
        let mut app = app();
        for (keys, cursor, offset) in [
            ("", 0, 0),
            ("jj", 2, 0),
            ("j", 3, 1),
            ("kk", 1, 1),
            ("k", 0, 0),
            ("k", 0, 0),
            ("G", 6, 4),
            ("j", 6, 4),
            ("g", 0, 0),
        ] {
            press_all(&mut app, keys);
            app.fit(3);
            assert_eq!((app.cursor(), app.offset), (cursor, offset), "{keys}");
        }
        press(&mut app, KeyCode::PageDown);
        assert_eq!(app.cursor(), 3);
        press(&mut app, KeyCode::PageUp);
        assert_eq!(app.cursor(), 0);
        app.fit(0);
        app.fit(100);
        assert_eq!(app.offset, 0);
    }

    #[test]
    fn the_cursor_follows_its_site() {
        let mut app = app();
        press_all(&mut app, "j");
        let frame = app.row().unwrap().frame;
        let mut next = recording();
        next.sites[1].counters.end_bytes = 1;
        app.take(Ok(reading(next, 1.0)));
        assert_eq!((app.cursor(), app.row().unwrap().frame), (6, frame));
        press_all(&mut app, "g");
        let first = app.row().unwrap().frame;
        let mut next = recording();
        next.sites[5].counters.end_bytes = u64::MAX;
        app.take(Ok(reading(next, 2.0)));
        assert_eq!(app.cursor(), 0);
        assert_ne!(app.row().unwrap().frame, first, "the first row, whichever it is");
    }

    #[test]
    fn keys_choose_the_order() {
        let mut app = app();
        press_all(&mut app, "s");
        assert_eq!(app.board.sort(), Sort::LiveBlocks);
        press_all(&mut app, "S<");
        assert_eq!(app.board.sort(), Sort::Peak);
        press(&mut app, KeyCode::Right);
        assert_eq!(app.board.sort(), Sort::Live);
        for (digit, sort) in ('1'..='7').zip(Sort::ALL) {
            press_all(&mut app, &digit.to_string());
            assert_eq!(app.board.sort(), sort);
        }
    }

    #[test]
    fn a_filter_is_typed_kept_and_taken_back() {
        let mut app = app();
        press_all(&mut app, "/0x3q");
        assert_eq!(app.board.filter(), "0x3q", "q is a letter here");
        press(&mut app, KeyCode::Backspace);
        assert!(app.name(&mut || true));
        assert_eq!(app.board.shown.len(), 1);
        press(&mut app, KeyCode::Enter);
        press_all(&mut app, "/x");
        press(&mut app, KeyCode::Esc);
        assert_eq!(app.board.filter(), "0x3", "as before it was edited");
        press(&mut app, KeyCode::Esc);
        assert_eq!((app.board.filter(), app.board.shown.len()), ("", 7));
    }

    #[test]
    fn a_site_is_opened_and_left() {
        let mut app = app();
        press_all(&mut app, "jj");
        press(&mut app, KeyCode::Enter);
        assert_eq!(app.view, View::Stack);
        let frame = app.row().unwrap().frame;
        press_all(&mut app, "jj");
        assert_eq!((app.scroll, app.row().unwrap().frame), (2, frame));
        app.name(&mut || true);
        assert!(app.board.names.knows(frame));
        press(&mut app, KeyCode::Esc);
        assert_eq!((app.view, app.cursor()), (View::Sites, 2));
        press_all(&mut app, "/nothing like that");
        press(&mut app, KeyCode::Enter);
        press(&mut app, KeyCode::Enter);
        assert_eq!(app.view, View::Sites, "there is no site to open");
    }

    #[test]
    fn help_threads_pause_and_interval() {
        let mut app = app();
        press_all(&mut app, "?");
        assert!(app.shows_help);
        press_all(&mut app, "x");
        assert!(!app.shows_help);
        press_all(&mut app, "t");
        assert_eq!(app.view, View::Threads);
        press_all(&mut app, "t");
        assert_eq!(app.view, View::Sites);
        press_all(&mut app, "p");
        assert!(app.paused);
        press_all(&mut app, " ");
        assert!(!app.paused);
        press_all(&mut app, "+");
        assert_eq!(app.interval, Duration::from_secs(2));
        press_all(&mut app, "-------");
        assert_eq!(app.interval, Duration::from_millis(100));
        app.interval = Duration::from_secs(90);
        press_all(&mut app, "+");
        assert_eq!(app.interval, Duration::from_secs(90));
    }

    #[test]
    fn what_ends_and_what_reads() {
        let mut app = app();
        assert_eq!(press(&mut app, KeyCode::Char('r')), Next::Read);
        assert_eq!(press(&mut app, KeyCode::Char('q')), Next::Quit);
        let control = |key| KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
        press_all(&mut app, "/");
        assert_eq!(app.press(control('c')), Next::Quit);
        assert_eq!(app.press(control('z')), Next::Suspend);
        press(&mut app, KeyCode::Esc);
        app.board.state = State::Ended("the process has ended".into());
        assert_eq!(press(&mut app, KeyCode::Char('r')), Next::Stay);
    }

    #[test]
    fn a_failed_reading_keeps_the_table() {
        let mut app = app();
        app.take(Err("damaged".into()));
        assert_eq!((app.trouble.as_deref(), app.board.shown.len()), (Some("damaged"), 7));
        app.take(Ok(reading(with_sites(&[]), 1.0)));
        assert_eq!((app.trouble.as_deref(), app.row()), (None, None));
    }
}
