//! A recording as a file of its own size: without the room that it had left to grow.

use std::fs;
use std::path::Path;

use mod_alloc::recording::file::RecordingFile;

/// Bytes of a module's entry.
const MODULE: usize = 512;
/// The place of the modules' region in the header's table: an offset and a number of entries.
const MODULES: usize = 32;

/// The bytes of an ended recording after it was made small. Its modules are none that could be
/// found: what is read is the recording alone.
pub(crate) fn compact(path: &Path) -> Vec<u8> {
    let file = RecordingFile::open(path).expect("a recording");
    file.shrink().expect("its folder can be written to");
    let mut bytes = fs::read(path).expect("the recording is there");
    let offset = word(&bytes, MODULES) as usize;
    // The next region begins behind the last module.
    let end = word(&bytes, MODULES + 16) as usize;
    hide(&mut bytes[offset..end]);
    bytes
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Makes names of paths, and other build ids of build ids.
fn hide(modules: &mut [u8]) {
    for byte in modules.iter_mut().filter(|byte| **byte == b'/') {
        *byte = b'|';
    }
    for module in modules.chunks_exact_mut(MODULE) {
        for byte in &mut module[40..72] {
            *byte = !*byte;
        }
    }
}
