//! Losses in words, made from the [list](crate::base::losses).

use std::string::{String, ToString};
use std::vec::Vec;

use crate::base::settings::{BUCKETS, FRAMES};
use crate::base::units::Count;
use crate::recording::losses::{Loss, Losses, Told};
use crate::recording::model::Settings;

use super::cut_stacks::CutStacks;

/// Facts of a recording that words and advice on its losses depend on: no advice names a setting
/// that is in force.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Circumstances<'a> {
    /// Frames kept of a stack.
    pub frames: u32,
    /// The size of the call-site table; `None`: it grows, or that is not known.
    pub buckets: Option<u32>,
    /// The way in which stacks were walked: `auto`, `tables` or `fp`; empty if not known.
    pub unwind: &'a str,
    /// Where stacks were cut short.
    pub cut_stacks: &'a [CutStacks],
}

impl<'a> Circumstances<'a> {
    pub(super) fn of(settings: &'a Settings, cut_stacks: &'a [CutStacks]) -> Self {
        let Settings { frames, buckets, unwind, .. } = *settings;
        Self { frames, buckets, unwind, cut_stacks }
    }
}

impl Circumstances<'_> {
    /// The advice on a loss, in the place of the list's.
    fn advice(&self, loss: &Loss, advice: &'static str) -> &'static str {
        match loss.key {
            _ if advice.is_empty() => "",
            "table_full" if self.has_largest_table() => "the largest table there is",
            "truncated_stacks" if self.frames >= FRAMES.1 => "the most frames that can be kept",
            "broken_stacks" => match self.unwind {
                "tables" => "set MOD_ALLOC_UNWIND=auto to follow frame pointers where tables lack",
                "fp" => "set MOD_ALLOC_UNWIND=auto to use unwind tables",
                _ if self.has_module_without_tables() => {
                    "build it with unwind tables (-fasynchronous-unwind-tables, or \
                     -C force-unwind-tables=yes) or with frame pointers"
                }
                _ if !self.cut_stacks.is_empty() => "",
                _ => advice,
            },
            _ => advice,
        }
    }

    /// True if the call-site table has the most sites that one can have: it was asked for, or has
    /// grown to it. A report without the way of walking says nothing of the table.
    fn has_largest_table(&self) -> bool {
        match self.buckets {
            None => !self.unwind.is_empty(),
            Some(buckets) => buckets >= BUCKETS.1,
        }
    }

    /// True if a module has no unwind tables, which whoever builds it can change.
    fn has_module_without_tables(&self) -> bool {
        self.cut_stacks.iter().any(|place| place.module.is_some() && !place.has_tables)
    }

    /// The places in which stacks were cut short, in words; empty if none is known.
    fn places(&self) -> String {
        let mut text = String::new();
        // Frame pointers alone lead anywhere.
        if self.unwind == "fp" {
            return text;
        }
        for (index, place) in self.cut_stacks.iter().take(TOLD_PLACES).enumerate() {
            text.push_str(if index == 0 { ": " } else { ", " });
            match (&place.module, place.has_tables) {
                (None, _) => text.push_str("in code made at run time (JIT), which has no tables"),
                (Some(module), false) => text += &std::format!("in {module}, which has no tables"),
                (Some(module), true) => {
                    text += &std::format!(
                        "outward of {module}, by code without tables or on a stack of the \
                         program's making"
                    );
                }
            }
        }
        text
    }
}

/// Places that are told; more would hide the first.
const TOLD_PLACES: usize = 3;

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

/// The causes that lost something.
pub(super) fn causes(losses: &Losses, at: Circumstances<'_>) -> impl Iterator<Item = Cause> {
    let losses = *losses;
    let lost = losses.iter().filter(|(_, figure)| *figure > 0);
    lost.filter_map(move |(loss, figure)| {
        let (words, advice) = words(loss, &losses)?;
        let mut text =
            std::format!("{} {}", counted(loss, figure), filled(&words, &losses, at.frames));
        if loss.key == "broken_stacks" {
            text.push_str(&at.places());
        }
        Some(Cause { text, advice: at.advice(loss, advice) })
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
fn words(loss: &Loss, losses: &Losses) -> Option<(String, &'static str)> {
    let Told::Says { words, advice } = loss.told else { return None };
    let reasons = losses.iter().filter_map(|(other, figure)| match other.told {
        Told::InsteadOf(key, words) if key == loss.key && figure > 0 => Some(words),
        _ => None,
    });
    let reasons: Vec<_> = reasons.collect();
    Some(if reasons.is_empty() { (words.to_string(), advice) } else { (reasons.join(", or "), "") })
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
        causes(losses, Circumstances { frames: 64, ..Circumstances::default() })
            .map(Cause::with_advice)
            .collect::<Vec<_>>()
            .join("; ")
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

    fn broken(at: Circumstances<'_>) -> String {
        let losses = Losses { broken_stacks: 7, ..Losses::default() };
        causes(&losses, at).map(Cause::with_advice).collect::<Vec<_>>().join("; ")
    }

    fn place(module: Option<&str>, has_tables: bool) -> CutStacks {
        CutStacks { module: module.map(Into::into), has_tables, blocks: 1 }
    }

    #[test]
    fn stacks_that_were_cut_short_say_where() {
        let cut_stacks = [
            place(None, false),
            place(Some("/lib/asm.so"), false),
            place(Some("/bin/fibers"), true),
            place(Some("/lib/fourth.so"), true),
        ];
        let at =
            |cut_stacks| Circumstances { unwind: "auto", cut_stacks, ..Circumstances::default() };
        let start = "7 stacks cut short for want of unwind information: ";
        let jit = "in code made at run time (JIT), which has no tables";
        let all = std::format!(
            "{start}{jit}, in /lib/asm.so, which has no tables, outward of /bin/fibers, by code \
             without tables or on a stack of the program's making (build it with unwind tables \
             (-fasynchronous-unwind-tables, or -C force-unwind-tables=yes) or with frame pointers)"
        );
        assert_eq!(broken(at(&cut_stacks)), all);
        // Nobody can do anything about these.
        assert_eq!(broken(at(&cut_stacks[..1])), std::format!("{start}{jit}"));
        assert!(broken(at(&cut_stacks[2..3])).ends_with("of the program's making"));
    }

    #[test]
    fn no_setting_is_advised_that_is_in_force() {
        let unwind = |unwind| broken(Circumstances { unwind, ..Circumstances::default() });
        assert!(unwind("tables").contains("MOD_ALLOC_UNWIND=auto to follow frame pointers"));
        assert!(unwind("fp").contains("MOD_ALLOC_UNWIND=auto to use unwind tables"));
        let cut_stacks = [place(None, false)];
        let at =
            Circumstances { unwind: "fp", cut_stacks: &cut_stacks, ..Circumstances::default() };
        assert_eq!(broken(at), unwind("fp"));
        let losses = Losses { truncated_stacks: 1, table_full: 1, ..Losses::default() };
        let told = |frames, buckets| {
            let at = Circumstances { frames, buckets, ..Circumstances::default() };
            causes(&losses, at).map(Cause::with_advice).collect::<Vec<_>>().join("; ")
        };
        let most = told(FRAMES.1, Some(BUCKETS.1));
        assert!(!most.contains("set MOD_ALLOC"), "{most}");
        let grown = Circumstances { unwind: "auto", ..Circumstances::default() };
        let grown = causes(&losses, grown).map(Cause::with_advice).collect::<Vec<_>>().join("; ");
        assert!(!grown.contains("set MOD_ALLOC_BUCKETS"), "{grown}");
        let fewer = told(64, Some(64));
        assert!(fewer.contains("set MOD_ALLOC_FRAMES") && fewer.contains("set MOD_ALLOC_BUCKETS"));
    }
}
