//! Losses in words, made from the [list](crate::base::losses).

use std::string::{String, ToString};

use crate::base::units::Count;
use crate::recording::losses::{Loss, Losses, Told};

/// A cause that lost something.
pub(super) struct Cause {
    /// Figure, unit and reason.
    pub(super) text: String,
    /// Advice; empty if there is none.
    advice: &'static str,
}

impl Cause {
    pub(super) fn with_advice(self) -> String {
        let Self { text, advice } = self;
        if advice.is_empty() { text } else { std::format!("{text} ({advice})") }
    }
}

/// The causes that lost something. `frames`: the most that were kept of a stack.
pub(super) fn causes(losses: &Losses, frames: u32) -> impl Iterator<Item = Cause> + use<> {
    let losses = *losses;
    let lost = losses.iter().filter(|(_, figure)| *figure > 0);
    lost.filter_map(move |(loss, figure)| {
        let (words, advice) = words(loss, &losses)?;
        let words = filled(words, &losses, frames);
        let text = std::format!("{} {words}", counted(loss, figure));
        Some(Cause { text, advice })
    })
}

/// The figure with its unit: `1 event`, `2 events`.
fn counted(loss: &Loss, figure: u64) -> String {
    let unit = match figure {
        1 => loss.unit.replace("s and ", " or ").trim_end_matches('s').to_string(),
        _ => loss.unit.to_string(),
    };
    std::format!("{} {unit}", Count(figure))
}

/// The words for a loss, and advice; `None` if another loss's words tell of it.
fn words(loss: &Loss, losses: &Losses) -> Option<(&'static str, &'static str)> {
    let Told::Says { words, advice } = loss.told else { return None };
    let reason = losses.iter().find_map(|(other, figure)| match other.told {
        Told::InsteadOf(key, words) if key == loss.key && figure > 0 => Some(words),
        _ => None,
    });
    Some(reason.map_or((words, advice), |words| (words, "")))
}

/// The words, with figures for the names in braces.
fn filled(words: &str, losses: &Losses, frames: u32) -> String {
    let mut text = String::new();
    // Words and names alternate.
    for (index, part) in words.split(['{', '}']).enumerate() {
        match part {
            _ if index % 2 == 0 => text.push_str(part),
            "frames" => text.push_str(&frames.to_string()),
            name => {
                let figures = losses.iter().filter(|(loss, _)| loss.key == name);
                text.extend(figures.map(|(loss, figure)| counted(loss, figure)));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// A figure that no other loss has.
    fn figures() -> Losses {
        let mut losses = Losses::default();
        for (figure, loss) in (1_001..).zip(Losses::ALL) {
            *losses.of_mut(loss) = figure;
        }
        losses
    }

    fn told(losses: &Losses) -> String {
        causes(losses, 64).map(Cause::with_advice).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn people_are_told_of_every_loss() {
        let losses = figures();
        let text = told(&losses);
        for (loss, figure) in losses.iter() {
            let told = match loss.told {
                Told::InsteadOf(_, words) => words.to_string(),
                _ => std::format!("{} {}", Count(figure), loss.unit),
            };
            assert!(text.contains(&told), "{}: {text}", loss.key);
        }
        assert!(!text.contains(['{', '}']), "{text}");
    }

    #[test]
    fn one_is_told_in_the_singular() {
        let losses = Losses { reentrant: 1, reentrant_bytes: 1, ..Losses::default() };
        let text = told(&losses);
        assert!(text.starts_with("1 allocation or free (1 byte) made"), "{text}");
        let losses = Losses { damaged_trailers: 1, damaged_bytes: 24, ..Losses::default() };
        assert!(told(&losses).starts_with("1 free (24 bytes) of blocks"), "{}", told(&losses));
    }

    #[test]
    fn a_reason_takes_the_place_of_what_it_is_the_reason_for() {
        let mut losses = Losses { table_full: 5, ..Losses::default() };
        let full = "5 events in a full call-site table (set MOD_ALLOC_BUCKETS higher)";
        assert_eq!(told(&losses), full);
        losses.no_room = 1;
        let no_room =
            "5 events of call sites that were new after the recording's file system was full";
        assert_eq!(told(&losses), no_room);
        losses.table_full = 0;
        assert_eq!(told(&losses), "");
    }

    #[test]
    fn names_in_words_are_known() {
        for loss in Losses::ALL {
            let Told::Says { words, .. } = loss.told else { continue };
            for name in words.split(['{', '}']).skip(1).step_by(2) {
                let is_known = Losses::ALL.iter().any(|loss| loss.key == name);
                assert!(is_known || name == "frames", "{}: {name}", loss.key);
            }
        }
    }
}
