//! A dhat file as it is written: its keys and their order, in one place.
//!
//! The crate writes profiles, the command writes sums of several reports. Both are a [`Source`].

mod ending;
mod extras;
mod head;
mod heap_states;
mod lines;
mod object;
mod point;
mod timeline;

use std::fmt::Display;

use serde::ser::{Serialize, SerializeMap, Serializer};

use object::{Array, Text};

pub use ending::{Ending, signal_name};
pub use extras::{Extras, Group, Process, Settings, sampling};
pub use head::Head;
pub(super) use lines::Lines;
pub use point::{KEYS, Point};

/// Entry 0 of the frames: dhat's viewer puts it above all stacks.
pub const ROOT: &str = "[root]";
/// Lifetimes below this many µs count as short.
pub const SHORT_LIFETIME_MICROS: u64 = 10;

/// A report that can be written as a dhat file.
pub trait Source {
    /// The keys that are dhat's, up to the stacks.
    fn head(&self) -> Head<'_>;

    /// Our own keys.
    fn extras(&self) -> Extras<'_>;

    /// The stacks. No two have the same frames: the viewer refuses them.
    fn points(&self) -> impl Iterator<Item = Point<'_>>;

    /// The frames' texts, [`ROOT`] before all others.
    fn frames(&self) -> impl Iterator<Item = impl Display>;
}

/// Serializes a report, element by element.
#[derive(Debug)]
pub struct File<'s, S>(pub &'s S);

impl<S: Source> Serialize for File<'_, S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.head().write(&mut map)?;
        self.0.extras().write(&mut map)?;
        map.serialize_entry("pps", &Array(|| self.0.points()))?;
        map.serialize_entry("ftbl", &Array(|| self.0.frames().map(Text)))?;
        map.end()
    }
}
