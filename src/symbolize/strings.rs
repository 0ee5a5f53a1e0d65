//! Strings kept once each: names and paths repeat in thousands of frames.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::vec::Vec;

/// A hash map whose hasher has fixed keys. The random keys of the default map live in a
/// thread-local, which this code does not rely on: it may run after a thread's locals
/// were destroyed.
pub(crate) type FixedMap<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// Names one string of a [`Strings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StringId(NonZeroU32);

/// Interned strings: equal strings have equal ids.
#[derive(Debug, Default)]
pub struct Strings {
    texts: Vec<Arc<str>>,
    ids: FixedMap<Arc<str>, StringId>,
}

impl Strings {
    /// The id of `text`; `None` only when 2^32 strings are there already.
    pub fn intern(&mut self, text: &str) -> Option<StringId> {
        if let Some(&id) = self.ids.get(text) {
            return Some(id);
        }
        let id = StringId(NonZeroU32::new(u32::try_from(self.texts.len() + 1).ok()?)?);
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.ids.insert(text, id);
        Some(id)
    }

    /// The string that `id` names; empty if `id` comes from other `Strings`.
    pub fn get(&self, id: StringId) -> &str {
        self.texts.get(id.0.get() as usize - 1).map_or("", |text| text)
    }

    /// As [`get`](Self::get), for who keeps it longer.
    pub(super) fn shared(&self, id: StringId) -> Arc<str> {
        self.texts.get(id.0.get() as usize - 1).map_or_else(|| Arc::from(""), Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_are_kept_once() {
        let mut strings = Strings::default();
        let first = strings.intern("main").unwrap();
        let other = strings.intern("").unwrap();
        assert_eq!(strings.intern("main"), Some(first));
        assert_ne!(first, other);
        assert_eq!((strings.get(first), strings.get(other)), ("main", ""));
        assert_eq!(strings.texts.len(), 2);
    }
}
