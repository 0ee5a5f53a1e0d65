//! A stack with its numbers.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::object::Array;
use crate::recording::model::SiteMoment;

/// The names of the nine numbers of a stack.
pub const KEYS: [&str; 9] = ["tb", "tbk", "tl", "mb", "mbk", "gb", "gbk", "eb", "ebk"];

/// A stack with its numbers.
#[derive(Debug)]
pub struct Point<'a> {
    /// In the order of [`KEYS`].
    pub numbers: [u64; 9],
    /// Only the first two of the numbers mean anything.
    pub has_totals_alone: bool,
    /// The number of stacks that were added up to this one.
    pub merged: u64,
    /// `x_moments`; empty: the key is not there.
    pub moments: &'a [SiteMoment],
    /// The frames, innermost first.
    pub stack: &'a [u32],
    /// The index in the file of frame 0.
    pub first_frame: u32,
}

impl Serialize for Point<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = if self.has_totals_alone { 2 } else { KEYS.len() };
        let mut map = serializer.serialize_map(None)?;
        for (key, number) in KEYS.iter().zip(self.numbers).take(told) {
            map.serialize_entry(key, &number)?;
        }
        if self.merged > 1 {
            map.serialize_entry("x_merged", &self.merged)?;
        }
        if !self.moments.is_empty() {
            map.serialize_entry("x_moments", self.moments)?;
        }
        let index = |&id: &u32| u64::from(id) + u64::from(self.first_frame);
        map.serialize_entry("fs", &Array(|| self.stack.iter().map(index)))?;
        map.end()
    }
}
