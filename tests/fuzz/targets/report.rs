//! A report with all keys that mod-alloc writes, to the page, to every format, and compared and
//! merged with itself, in bounded memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mod_alloc_cli::dhat_file;
use mod_alloc_fuzz::judge;
use mod_alloc_fuzz::most_live::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// For a report: buffers of the page, of compression and of pictures.
const MOST_BYTES: usize = 32 << 20;
/// For a byte of it: a frame may be written again for each stack.
const MOST_PER_BYTE: usize = 4_096;

fuzz_target!(|input: &[u8]| {
    let most = most_live::of(|| match dhat_file::read(input) {
        Ok(document) => {
            judge::document(&document);
            judge::with_itself(&document);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    });
    let limit = MOST_BYTES + MOST_PER_BYTE * input.len();
    assert!(most <= limit, "{most} bytes for a report of {}", input.len());
});
