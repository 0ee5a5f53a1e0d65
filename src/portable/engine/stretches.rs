//! The most live bytes and blocks in stretches of time, any number of which may overlap.

use super::peak::Amount;
use super::table::TABLE;

/// The most that was live in a stretch, at whichever moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Most {
    pub(crate) bytes: i64,
    pub(crate) blocks: i64,
}

impl Most {
    pub(crate) fn raise(&mut self, live: Amount) {
        self.bytes = self.bytes.max(live.bytes.cast_signed());
        self.blocks = self.blocks.max(live.blocks.cast_signed());
    }
}

/// A stretch that has begun, and ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Stretch(usize);

/// Stands for a stretch that there was no memory for.
const NONE: usize = usize::MAX;

impl Stretch {
    /// Begins one.
    pub(crate) fn begin() -> Self {
        let begun = TABLE.with(|table| {
            let mut most = Most::default();
            most.raise(table.heap.live);
            let free = table.stretches.iter().position(Option::is_none);
            let index = free.unwrap_or(table.stretches.len());
            if let Some(place) = table.stretches.get_mut(index) {
                *place = Some(most);
            } else if table.stretches.try_reserve(1).is_ok() {
                table.stretches.push(Some(most));
            } else {
                return NONE;
            }
            index
        });
        Stretch(begun.unwrap_or(NONE))
    }

    /// The most that was live so far.
    pub(crate) fn most(&self) -> Most {
        let most = TABLE.with(|table| table.stretches.get(self.0).copied().flatten());
        most.flatten().unwrap_or_default()
    }
}

impl Drop for Stretch {
    fn drop(&mut self) {
        TABLE.with(|table| table.stretches.get_mut(self.0).map(Option::take));
    }
}
