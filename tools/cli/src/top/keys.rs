//! The effect of each key on the live view.

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, View};
use super::readings::Sort;

/// The next step after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    /// Read now, not only when it is time.
    Read,
    /// Give the terminal back until the shell continues us.
    Suspend,
    Quit,
}

/// The intervals that `+` and `-` go through, in milliseconds.
const INTERVALS: [u64; 10] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000];

impl App {
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
mod tests;
