//! Colours, or none.

use ratatui::style::{Color, Modifier, Style};

/// The look of each part of the screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    has_color: bool,
}

impl Palette {
    /// Without colours, weight and reversal alone tell parts apart.
    pub(super) fn new(has_color: bool) -> Self {
        Self { has_color }
    }

    fn colored(self, style: Style, color: Color) -> Style {
        if self.has_color { style.fg(color) } else { style }
    }

    pub(super) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    pub(super) fn heading(self) -> Style {
        self.colored(Style::new().add_modifier(Modifier::BOLD), Color::Cyan)
    }

    /// The heading of the column that is sorted by.
    pub(super) fn chosen(self) -> Style {
        self.heading().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn cursor(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn own(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn aside(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn heap(self) -> Style {
        self.colored(Style::new(), Color::Green)
    }

    pub(super) fn peak(self) -> Style {
        self.colored(Style::new(), Color::Yellow)
    }

    pub(super) fn warning(self) -> Style {
        self.colored(Style::new().add_modifier(Modifier::BOLD), Color::Red)
    }
}
