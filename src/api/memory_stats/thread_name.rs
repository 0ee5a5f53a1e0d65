//! The name of a thread, without the heap.

use core::fmt;

/// A thread's name: the 15 bytes at most that the kernel keeps. It reads as a `str`.
///
/// ```
/// use mod_alloc::memory_stats;
///
/// memory_stats::update_arena_stats(1);
/// let threads = memory_stats::thread_stats();
/// assert!(!threads[0].name.as_str().is_empty());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadName([u8; 16]);

impl ThreadName {
    /// The name in the kernel's bytes, which end with a zero. In a name that is not UTF-8, bytes
    /// that are not ASCII become `?`.
    pub(super) fn new(mut bytes: [u8; 16]) -> Self {
        let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes[len..].fill(0);
        if core::str::from_utf8(&bytes[..len]).is_err() {
            bytes.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        }
        ThreadName(bytes)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        core::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl core::ops::Deref for ThreadName {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_are_text_whatever_their_bytes() {
        let name = |text: &[u8]| {
            let mut bytes = [0; 16];
            bytes[..text.len()].copy_from_slice(text);
            ThreadName::new(bytes)
        };
        assert_eq!(&*name(b"main"), "main");
        assert_eq!(&*name("größe".as_bytes()), "größe");
        assert_eq!(&*name(b"a\xffb"), "a?b");
        // The kernel cuts a name wherever 15 bytes end.
        assert_eq!(&*name(b"aaaaaaaaaaaaaa\xc3"), "aaaaaaaaaaaaaa?");
        assert_eq!(std::format!("{:<6}|", name(b"ab")), "ab    |");
        assert_eq!(name(b"a\0b").to_string(), "a");
        assert_eq!(name(b"a\0b"), name(b"a"));
    }
}
