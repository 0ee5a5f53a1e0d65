//! A dhat file of anybody's, all the way to the reports.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mod_alloc_cli::dhat_file;
use mod_alloc_fuzz::judge;

fuzz_target!(|input: &[u8]| {
    match dhat_file::read(input) {
        Ok(document) => judge::document(&document),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
