//! Keys, and what they leave of the view.

use super::super::board::Board;
use super::super::testing::{reading, recording, with_sites};
use super::*;
use crate::watched::State;
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
