//! The screen's contents, drawn on one that is a grid of characters in memory.

use std::time::Duration;

use mod_alloc::report::Options;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::app::App;
use super::board::Board;
use super::palette::Palette;
use super::readings::Sort;
use super::screen;
use super::testing::{reading, recording};
use crate::watched::State;

struct Screen {
    app: App,
    terminal: Terminal<TestBackend>,
    palette: Palette,
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        let board = Board::new(reading(recording(), 0.0), Sort::Live, "", Options::default());
        let app = App::new(board, Duration::from_millis(1500));
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        Self { app, terminal, palette: Palette::new(true) }
    }

    /// Draws, names what is in sight, and draws again, as the live view does; returns the lines.
    fn lines(&mut self) -> Vec<String> {
        for _ in 0..2 {
            let draw =
                |frame: &mut ratatui::Frame<'_>| screen::draw(frame, &mut self.app, self.palette);
            self.terminal.draw(draw).unwrap();
            self.app.name(&mut || true);
        }
        let buffer = self.terminal.backend().buffer();
        let rows = buffer.content().chunks(usize::from(buffer.area.width));
        let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
        rows.map(|row| {
            let line: String = text(row);
            line.trim_end().to_owned()
        })
        .collect()
    }

    fn text(&mut self) -> String {
        self.lines().join("\n")
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.chars() {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                key => KeyCode::Char(key),
            };
            self.app.press(KeyEvent::new(code, KeyModifiers::NONE));
        }
        self
    }
}

#[test]
fn the_table_on_a_wide_screen() {
    let mut screen = Screen::new(120, 14);
    let expected = r#"
 mod-alloc top  4242 app --serve "two words"                                            running for 12.3 s, every 1.5 s
Live: 26.7 MiB in 28,000 blocks   Peak: 26.7 MiB in 28,000 blocks at 4.50 s
Total: 26.7 MiB in 28,000 blocks   Rate: 2.17 MiB/s, 2,277 blocks/s   Sites: 7   Threads: 1 of 2
     LIVE    BLOCKS   BYTES/s  BLOCKS/s     TOTAL    BLOCKS   AT PEAK SITE
 6.68 MiB     1.00k   556 KiB        82  6.68 MiB     1.00k  6.68 MiB app+0x1000 ← app+0xf0000
 5.72 MiB     2.00k   476 KiB       163  5.72 MiB     2.00k  5.72 MiB app+0x2000 ← app+0xf0000
 4.77 MiB     3.00k   397 KiB       244  4.77 MiB     3.00k  4.77 MiB app+0x3000 ← app+0xf0000
 3.81 MiB     4.00k   318 KiB       326  3.81 MiB     4.00k  3.81 MiB app+0x4000 ← app+0xf0000
 2.86 MiB     5.00k   238 KiB       407  2.86 MiB     5.00k  2.86 MiB app+0x5000 ← app+0xf0000
 1.91 MiB     6.00k   159 KiB       488  1.91 MiB     6.00k  1.91 MiB app+0x6000 ← app+0xf0000
  977 KiB     7.00k  79.4 KiB       570   977 KiB     7.00k   977 KiB app+0x7000 ← app+0xf0000


s sort  / filter  Enter stack  t threads  p pause  +/- interval  ? help  q quit"#;
    assert_eq!(screen.text(), expected.trim_start_matches('\n'));
}

#[test]
fn a_narrow_screen_keeps_the_column_that_is_sorted_by() {
    let mut screen = Screen::new(70, 12);
    screen.press("7");
    let heading = screen.lines().into_iter().find(|line| line.ends_with("SITE")).unwrap();
    assert_eq!(
        heading.split_whitespace().collect::<Vec<_>>(),
        ["LIVE", "BLOCKS", "AT", "PEAK", "SITE"]
    );
    // No screen is too small.
    for (width, height) in [(1, 1), (5, 3), (20, 5), (300, 2)] {
        for keys in ["", "\n", "\u{1b}t", "?"] {
            Screen::new(width, height).press(keys).lines();
        }
    }
}

#[test]
fn the_heap_over_time_has_its_peak_and_its_time() {
    let mut screen = Screen::new(100, 30);
    for second in 1..60_u64 {
        let mut next = recording();
        next.end_micros += second * 1_000_000;
        next.sites[0].counters.end_bytes = second * 100_000;
        screen.app.take(Ok(reading(next, second as f64)));
    }
    let lines = screen.lines();
    let chart = lines[3..11].join("\n");
    assert!(
        chart.contains("26.7 MiB") && chart.contains("13.4 MiB") && chart.contains("0 B"),
        "{chart}"
    );
    assert!(lines[10].contains("12.3 s") && lines[10].ends_with("1 min 11 s"), "{chart}");
    let is_dots = |line: &&String| line.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c));
    assert!(lines[3..10].iter().filter(is_dots).count() >= 2, "{chart}");
}

#[test]
fn a_site_opened_shows_every_frame() {
    let mut screen = Screen::new(100, 24);
    screen.press("j\n");
    let text = screen.text();
    for part in [
        "              Live  5.72 MiB in 2,000 blocks",
        "             Total  5.72 MiB in 2,000 blocks",
        "               Row  2 of 7",
        "  0  app+0x2000  in /nowhere/app",
        "  1  app+0xf0000  in /nowhere/app",
        "Esc back",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // Where there is no room beside the name, the place has a line of its own.
    let mut narrow = Screen::new(20, 24);
    let text = narrow.press("\n").text();
    assert!(text.contains("\n  0  app+0x1000\n       in /nowhere/a\n       pp\n"), "{text}");
}

#[test]
fn threads_are_listed_the_running_first() {
    let mut screen = Screen::new(100, 20);
    screen.press("t");
    let lines = screen.lines();
    let at = |name: &str| lines.iter().position(|line| line.contains(name)).unwrap();
    assert!(at("THREAD") < at("4242 app    ") && at("4242 app    ") < at("4243 worker"));
    assert!(lines[at("4243 worker")].contains("ended"), "{lines:?}");
}

#[test]
fn the_filter_is_seen_while_it_is_typed_and_after() {
    let mut screen = Screen::new(120, 20);
    screen.press("/0x3");
    let lines = screen.lines();
    assert_eq!(lines.last().unwrap(), "Filter: 0x3   Enter keep  Esc undo");
    let text = screen.press("\n").text();
    assert!(text.contains("SITE with \"0x3\": 1 of 7") && text.contains("app+0x3000"), "{text}");
    assert!(!text.contains("app+0x2000"), "{text}");
}

#[test]
fn the_title_says_what_state_it_is_in() {
    let mut screen = Screen::new(120, 10);
    assert!(screen.press("p").lines()[0].ends_with("running for 12.3 s, PAUSED"));
    let mut last = reading(recording(), 1.0);
    last.state = State::Ended("the process has ended".into());
    screen.app.take(Ok(last));
    assert!(screen.lines()[0].ends_with("the process has ended; recorded for 12.3 s"));
    assert!(screen.text().contains("app+0x1000"), "the last table stays");
    screen.app.board.state = State::Unseen;
    assert!(screen.lines()[0].contains("the process is not seen from here"));
}

#[test]
fn losses_and_trouble_are_said() {
    let mut screen = Screen::new(100, 20);
    let mut lossy = reading(recording(), 1.0);
    lossy.recording.losses.truncated_stacks = 12;
    screen.app.take(Ok(lossy));
    assert_eq!(screen.lines()[3], "Lost: 12 stacks deeper than 0 frames");
    screen.app.take(Err("a damaged recording: no magic".into()));
    assert_eq!(screen.lines()[19], "Cannot read: a damaged recording: no magic");
}

#[test]
fn help_lies_over_everything_and_goes() {
    let mut screen = Screen::new(100, 30);
    assert!(screen.press("?").text().contains("Help"));
    assert!(screen.text().contains("neither"));
    assert!(!screen.press("x").text().contains("neither"));
}

#[test]
fn without_colours_the_cursor_is_still_seen() {
    let mut screen = Screen::new(100, 30);
    screen.palette = Palette::new(false);
    screen.lines();
    let cells = screen.terminal.backend().buffer().content().to_vec();
    assert!(cells.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
    screen.palette = Palette::new(true);
    screen.lines();
    let cells = screen.terminal.backend().buffer().content();
    assert!(cells.iter().any(|cell| cell.fg == Color::Green));
}

/// Nothing ends at the edge without a mark.
#[test]
fn narrow_screens_show_all_numbers_and_mark_what_is_cut() {
    for width in [40, 60, 80] {
        let mut screen = Screen::new(width, 40);
        let text = screen.text();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["Live: ", "Peak: ", "Total: ", "Rate: ", "Sites: ", "Threads: ", "q quit"] {
            assert!(words.contains(part), "{part} at {width}:\n{text}");
        }
        let edge = usize::from(width);
        let ends = |line: &&String| line.chars().count() == edge && !line.ends_with(['…', ' ']);
        let sites: Vec<_> =
            screen.lines().into_iter().filter(|line| line.contains("app+")).collect();
        assert!(!sites.is_empty() && !sites.iter().any(|line| ends(&line)), "{width}:\n{text}");
        let stack = screen.press("\n").text();
        let words = stack.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("blocks per second"), "{width}:\n{stack}");
        let threads = screen.press("t").text();
        assert_eq!(threads.matches("BLOCKS").count(), 2, "{width}:\n{threads}");
    }
}
