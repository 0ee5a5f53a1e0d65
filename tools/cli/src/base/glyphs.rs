//! The characters of text for people, in the character set of the locale.
//!
//! Text is made with all characters that it is best drawn with: `…`, `→`, `├`, `█`. Where the
//! locale is not of UTF-8, each of them is written as one ASCII character, so that columns stay
//! where they are. Data (JSON, the formats of other tools) is UTF-8 everywhere.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::LazyLock;

/// Stands for a character that ASCII has nothing like.
const UNKNOWN: char = '?';

/// The locale of this process has ASCII alone.
pub(crate) fn is_ascii() -> bool {
    static IS_ASCII: LazyLock<bool> = LazyLock::new(|| !is_utf8(|name| std::env::var_os(name)));
    *IS_ASCII
}

/// `text` as it is written for people.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !is_ascii() || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(ascii).collect())
}

/// Writes text for people to `out`.
pub(crate) struct Shown<'a>(pub(crate) &'a mut dyn Write);

impl Write for Shown<'_> {
    /// Every piece that `write!` gives is whole characters.
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if is_ascii() {
            self.0.write_all(shown(&String::from_utf8_lossy(piece)).as_bytes())?;
        } else {
            self.0.write_all(piece)?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The one ASCII character that stands for `character`.
pub(crate) fn ascii(character: char) -> char {
    match character {
        _ if character.is_ascii() => character,
        '…' => '~',
        '·' | '–' | '—' | '─' | '━' | '═' | '╌' | '┄' => '-',
        '→' | '▶' | '▸' | '›' => '>',
        '←' | '◀' | '◂' | '‹' => '<',
        '↑' | '▲' | '▴' => '^',
        '↓' | '▼' | '▾' => 'v',
        'µ' | 'μ' => 'u',
        '×' => 'x',
        '≤' => '<',
        '≥' => '>',
        '−' => '-',
        '│' | '┃' | '║' | '╎' | '┆' => '|',
        '├' => '|',
        '└' | '╰' => '`',
        '┌' | '┐' | '┘' | '┬' | '┴' | '┼' | '┤' | '╭' | '╮' | '╯' | '╞' | '╪' | '╡' => {
            '+'
        }
        '█' | '▉' | '▊' | '▋' | '▌' | '▐' | '▀' | '▄' => '#',
        // Less than half of a bar's last character.
        '▍' | '▎' | '▏' => '.',
        '•' | '●' | '\u{2801}'..='\u{28ff}' => '*',
        '\u{2800}' => ' ',
        '\u{a0}' => ' ',
        _ => UNKNOWN,
    }
}

/// The character set is UTF-8 by the first of the variables that has a value, in POSIX's order.
fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.into_iter().filter_map(variable).find(|locale| !locale.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let of = |set: &[(&str, &str)]| {
            is_utf8(|name| Some(set.iter().find(|(key, _)| *key == name)?.1.into()))
        };
        for set in [
            &[("LANG", "C.UTF-8")][..],
            &[("LC_ALL", ""), ("LC_CTYPE", "de_DE.utf8"), ("LANG", "C")],
            &[("LC_ALL", "en_US.UTF-8"), ("LANG", "C")],
        ] {
            assert!(of(set), "{set:?}");
        }
        for set in [
            &[][..],
            &[("LC_ALL", "C"), ("LANG", "C.UTF-8")],
            &[("LC_CTYPE", "POSIX"), ("LANG", "C.UTF-8")],
            &[("LANG", "de_DE.ISO-8859-1")],
        ] {
            assert!(!of(set), "{set:?}");
        }
    }

    #[test]
    fn each_character_is_one_of_ascii() {
        let text = "f<…> · 3 µs → a ← b ├─ └─ █▌▏ ä";
        let ascii: String = text.chars().map(ascii).collect();
        assert_eq!(ascii, "f<~> - 3 us > a < b |- `- ##. ?");
        assert_eq!(ascii.len(), text.chars().count());
    }
}
