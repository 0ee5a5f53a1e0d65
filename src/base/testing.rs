//! Random numbers and memory for unit tests.

use std::boxed::Box;
use std::sync::Mutex;
use std::vec::Vec;

/// xorshift64*: the tests are the same every time.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % n
    }

    /// Sizes as programs have them: mostly small, seldom large, sometimes 0.
    pub(crate) fn size(&mut self) -> u64 {
        match self.below(40) {
            0 => self.below(1 << 16),
            1..8 => self.below(1 << 11),
            _ => self.below(64),
        }
    }
}

/// Words for the rest of the process, as in a recording.
pub(crate) fn leak<T: Default + Sync>(len: usize) -> &'static [T] {
    /// What was leaked stays in reach, so that Miri does not report it.
    static LEAKED: Mutex<Vec<Box<dyn Send>>> = Mutex::new(Vec::new());
    let words: &'static [T] = Box::leak((0..len).map(|_| T::default()).collect());
    LEAKED.lock().expect("nobody panics here").push(Box::new(words));
    words
}
