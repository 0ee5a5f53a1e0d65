//! Bytes in words that several threads may read.

use crate::base::sync::{AtomicU64, Ordering};

/// Up to eight bytes as a word; zeros behind them.
pub(crate) fn word_of(chunk: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(chunk).for_each(|(byte, value)| *byte = *value);
    u64::from_ne_bytes(bytes)
}

/// Stores `bytes` in words, as far as they go; returns how many.
pub(crate) fn store_bytes(words: &[AtomicU64], bytes: &[u8]) -> usize {
    let mut len = 0;
    for (word, chunk) in words.iter().zip(bytes.chunks(8)) {
        word.store(word_of(chunk), Ordering::Relaxed);
        len += chunk.len();
    }
    len
}
