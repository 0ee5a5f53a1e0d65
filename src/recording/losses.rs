//! Losses as plain data, made from the [list](crate::base::losses).

use crate::base::losses::losses;
#[cfg(not(mod_alloc_portable))]
use crate::base::sync::Ordering;
#[cfg(not(mod_alloc_portable))]
use crate::store::{layout::Header, thread_slot::ThreadSlot};

/// One line of the list: a cause of loss, or the bytes that go with one.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loss {
    /// Its key in reports; the name of its field.
    pub key: &'static str,
    /// The things counted, in the plural.
    pub unit: &'static str,
    #[cfg_attr(not(feature = "symbolicate"), expect(dead_code, reason = "told in reports alone"))]
    pub(crate) told: Told,
    get: fn(&Losses) -> u64,
    get_mut: fn(&mut Losses) -> &mut u64,
}

/// How people are told of a loss.
#[cfg_attr(not(feature = "symbolicate"), expect(dead_code, reason = "told in reports alone"))]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told {
    /// In words of its own, after its figure and unit.
    Says {
        /// A figure's name may be among them, in braces.
        words: &'static str,
        /// Advice, or the meaning for the report.
        advice: &'static str,
    },
    /// In the words of another loss.
    Elsewhere,
    /// By these words instead of those of another loss, which it is the reason for.
    InsteadOf(&'static str, &'static str),
}

const fn says(words: &'static str, advice: &'static str) -> Told {
    Told::Says { words, advice }
}

const fn told_elsewhere() -> Told {
    Told::Elsewhere
}

const fn instead_of(other: &'static str, words: &'static str) -> Told {
    Told::InsteadOf(other, words)
}

/// True since the first version that has the list's last section.
#[cfg(not(mod_alloc_portable))]
pub(crate) fn has_more_losses(header: &Header) -> bool {
    header.version.load(Ordering::Relaxed) >= 4
}

macro_rules! data {
    (
        slots { $($(#[$slot_doc:meta])* $slot:ident, $slot_unit:literal, $slot_told:expr;)* }
        process { $($(#[$word_doc:meta])* $word:ident, $word_unit:literal, $word_told:expr;)* }
        more { $($(#[$more_doc:meta])* $more:ident, $more_unit:literal, $more_told:expr;)* }
    ) => {
        /// All that was not recorded in full, by cause. All zero: nothing was lost.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Losses {
            $($(#[$slot_doc])* pub $slot: u64,)*
            $($(#[$word_doc])* pub $word: u64,)*
            $($(#[$more_doc])* pub $more: u64,)*
        }

        impl Losses {
            /// Every loss there can be, in the order of reports.
            pub const ALL: &'static [Loss] = &[
                $(line!($slot, $slot_unit, $slot_told),)*
                $(line!($word, $word_unit, $word_told),)*
                $(line!($more, $more_unit, $more_told),)*
            ];
        }

        /// The losses of a recording: those of its threads, and those that belong to none.
        #[cfg(not(mod_alloc_portable))]
        pub(crate) fn read<'s>(
            header: &'s Header,
            slots: impl Iterator<Item = &'s ThreadSlot>,
        ) -> Losses {
            let mut losses = Losses {
                $($word: header.process.$word.load(Ordering::Relaxed).into(),)*
                ..Losses::default()
            };
            for words in slots.map(|slot| &slot.losses).chain([&header.losses]) {
                $(losses.$slot = losses.$slot.wrapping_add(words.$slot.get());)*
            }
            if has_more_losses(header) {
                $(losses.$more = header.late.losses.$more.get();)*
            }
            losses
        }
    };
}

macro_rules! line {
    ($name:ident, $unit:literal, $told:expr) => {
        Loss {
            key: stringify!($name),
            unit: $unit,
            told: $told,
            get: |losses| losses.$name,
            get_mut: |losses| &mut losses.$name,
        }
    };
}

losses!(data);

impl Losses {
    /// Every loss and its figure, in the order of reports.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Loss, u64)> + use<> {
        let losses = *self;
        Self::ALL.iter().map(move |loss| (loss, (loss.get)(&losses)))
    }

    /// The figure of one loss.
    #[must_use]
    pub fn of(&self, loss: &Loss) -> u64 {
        (loss.get)(self)
    }

    /// The figure of one loss, to be changed.
    pub fn of_mut(&mut self, loss: &Loss) -> &mut u64 {
        (loss.get_mut)(self)
    }

    /// Adds another recording's losses, up to the largest number there is.
    pub fn add(&mut self, more: &Losses) {
        for (loss, figure) in more.iter() {
            let sum = self.of_mut(loss);
            *sum = sum.saturating_add(figure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stays() {
        let keys: std::vec::Vec<&str> = Losses::ALL.iter().map(|loss| loss.key).collect();
        let known = [
            "table_full",
            "reentrant",
            "reentrant_bytes",
            "damaged_trailers",
            "damaged_bytes",
            "truncated_stacks",
            "broken_stacks",
            "threads_overflowed",
            "no_room",
            "groups_overflowed",
        ];
        assert!(keys.starts_with(&known), "{keys:?}");
    }

    #[test]
    fn each_loss_has_a_figure_of_its_own() {
        let mut losses = Losses::default();
        for (number, loss) in (1..).zip(Losses::ALL) {
            *losses.of_mut(loss) = number;
        }
        assert!(losses.iter().map(|(_, figure)| figure).eq(1..=Losses::ALL.len() as u64));
        losses.add(&Losses { table_full: u64::MAX, ..losses });
        assert_eq!((losses.table_full, losses.reentrant), (u64::MAX, 4));
    }
}
