//! The live view on a terminal: reads, draws, and waits for keys.

use std::io;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use super::app::App;
use super::hangup;
use super::keys::Next;
use super::palette::Palette;
use super::screen;
use super::signals;
use crate::watched::Source;

/// Longest time between looking for signals.
const PATIENCE: Duration = Duration::from_millis(100);

/// Longest time that is spent on names before keys are looked at again.
const NAMING: Duration = Duration::from_millis(20);

/// Runs the view until it is quit. However it ends, the terminal is as before.
pub(super) fn run(app: &mut App, source: &mut dyn Source, palette: Palette) -> io::Result<()> {
    signals::note_all()?;
    hangup::end_with_terminal()?;
    let mut terminal = ratatui::try_init()?;
    let ended = watch(&mut terminal, app, source, palette);
    let given_back = give_back(&mut terminal);
    if hangup::has_terminal_gone() {
        hangup::end();
    }
    let ended = ended?;
    given_back?;
    match ended {
        None => Ok(()),
        // The signal's effect waited until the terminal was given back.
        Some(signal) => signals::obey(signal),
    }
}

/// Until the view is quit (`None`) or a signal ends it.
fn watch(
    terminal: &mut DefaultTerminal,
    app: &mut App,
    source: &mut dyn Source,
    palette: Palette,
) -> io::Result<Option<i32>> {
    let mut read_at = Instant::now();
    loop {
        let deadline = Instant::now() + NAMING;
        app.name(&mut || Instant::now() < deadline);
        terminal.draw(|frame| screen::draw(frame, app, palette))?;
        // Drawing tells what is in sight, of which some may have no name yet.
        let all_named = app.name(&mut || false);
        let wait = if all_named { wait(app, read_at) } else { Duration::ZERO };
        let mut next = match signals::pending() {
            Some(libc::SIGTSTP) => Next::Suspend,
            Some(signal) => return Ok(Some(signal)),
            None if hangup::is_left_behind() => {
                return Err(io::Error::other("other processes have it, and the shell is gone"));
            }
            None if event::poll(wait)? => keys(app)?,
            None => Next::Stay,
        };
        if next == Next::Stay && is_due(app, read_at) {
            next = Next::Read;
        }
        match next {
            Next::Stay => {}
            Next::Read => {
                app.take(source.read());
                read_at = Instant::now();
            }
            Next::Suspend => suspend(terminal)?,
            Next::Quit => return Ok(None),
        }
    }
}

fn is_due(app: &App, read_at: Instant) -> bool {
    app.is_live() && !app.paused && read_at.elapsed() >= app.interval
}

fn wait(app: &App, read_at: Instant) -> Duration {
    if app.paused || !app.is_live() {
        return PATIENCE;
    }
    // `poll` waits whole milliseconds, rounded down: without one more, the view would draw again
    // and again in the last.
    let left = app.interval.saturating_sub(read_at.elapsed());
    left.saturating_add(Duration::from_millis(1)).min(PATIENCE)
}

/// Takes all keys that are there.
fn keys(app: &mut App) -> io::Result<Next> {
    loop {
        if let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            let next = app.press(key);
            if next != Next::Stay {
                return Ok(next);
            }
        }
        if !event::poll(Duration::ZERO)? {
            return Ok(Next::Stay);
        }
    }
}

/// Puts the terminal as it was before. The cursor too: a signal leaves no time to drop `terminal`.
fn give_back(terminal: &mut DefaultTerminal) -> io::Result<()> {
    terminal.show_cursor()?;
    ratatui::try_restore()
}

/// Gives the terminal back, stops, and takes it again when the shell says so.
fn suspend(terminal: &mut DefaultTerminal) -> io::Result<()> {
    give_back(terminal)?;
    signals::obey(libc::SIGTSTP)?;
    // Knows nothing of what is on the screen, and so draws all of it.
    *terminal = ratatui::try_init()?;
    Ok(())
}
