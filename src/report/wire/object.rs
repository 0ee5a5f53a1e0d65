//! Ways to write values without making them first.

use std::fmt::Display;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// Has a type written as an object of these keys and values.
macro_rules! object {
    ($type:ty: |$value:ident| { $($key:literal: $part:expr,)* }) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                let mut map = serializer.serialize_map(None)?;
                $(map.serialize_entry($key, &$part)?;)*
                map.end()
            }
        }
    };
}
pub(super) use object;

/// Writes an entry whose value is known.
pub(super) fn entry<M: SerializeMap>(
    map: &mut M,
    key: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

/// An array whose elements are made one by one while it is written.
pub(super) struct Array<F>(pub(super) F);

impl<F, I> Serialize for Array<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(None)?;
        for element in (self.0)() {
            array.serialize_element(&element)?;
        }
        array.end()
    }
}

/// A value's text as a string, which is never made.
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
