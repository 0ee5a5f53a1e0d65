//! Colours, and when to use them.
//!
//! Text is made with colours in it; the streams of `anstream` take them out where they are not
//! wanted: `--color`, else `NO_COLOR`, else `CLICOLOR_FORCE`, else whether it is a terminal.

use std::fmt::{self, Display};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes it the choice for everything printed from now on.
    pub(crate) fn apply(self) {
        let choice = match self {
            Color::Auto => return,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Titles of tables.
pub(crate) const HEADING: Style = Style::new().bold().underline();
/// The word that the eye should find first in a line.
pub(crate) const STRONG: Style = Style::new().bold();
/// The program's own code.
pub(crate) const OWN: Style = AnsiColor::Cyan.on_default().bold();
/// Numbers that a table is sorted by.
pub(crate) const NUMBER: Style = AnsiColor::Green.on_default();
/// Text that is there for completeness.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// Losses, and tests that grew beyond their budget.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Text in a style. Padding of the format is applied to the text alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Painted<T>(pub(crate) Style, pub(crate) T);

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Painted(style, text) = self;
        write!(f, "{style}")?;
        text.fmt(f)?;
        write!(f, "{style:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_counts_the_text_alone() {
        let painted = format!("{:>5}|", Painted(STRONG, "ab"));
        assert_eq!(painted, format!("{STRONG}   ab{STRONG:#}|"));
    }
}
