//! A recording as a file of its own size: without the room that it had left to grow.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// As `recording::layout` draws it: the table of regions, each an offset and a number of entries.
const TABLE: usize = 16;
const REGIONS: usize = 11;
const HEADER: usize = 4096;
const ENTRY_SIZES: [usize; REGIONS] = [512, 512, 4, 64, 64, 24, 16, 512, 65_536, 64, 2048];
/// The region of the modules, and of the threads' arenas.
const MODULES: usize = 1;

/// The recording's bytes, each region directly behind the one before it. Its modules are none that
/// could be found: what is read is the recording alone.
pub(crate) fn compact(path: &Path) -> Vec<u8> {
    let file = File::open(path).expect("the recording is there");
    let mut bytes = read(&file, 0, HEADER);
    for (region, size) in ENTRY_SIZES.iter().enumerate() {
        let at = TABLE + 16 * region;
        let [offset, entries] = [at, at + 8].map(|at| word(&bytes, at));
        let used = used(&file, offset, entries * *size as u64);
        let mut content = read(&file, offset, used.next_multiple_of(*size));
        if region == MODULES {
            hide(&mut content);
        }
        let place = bytes.len().next_multiple_of(64);
        bytes.resize(place, 0);
        bytes[at..at + 8].copy_from_slice(&(place as u64).to_ne_bytes());
        bytes.extend(content);
    }
    bytes
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Up to the last byte that is not zero, of so many.
fn used(file: &File, offset: u64, length: u64) -> usize {
    let (mut end, mut at) = (offset, offset);
    while let Some((from, to)) = data(file, at).filter(|(from, _)| *from < offset + length) {
        let to = to.min(offset + length);
        let from = from.max(offset);
        let piece = read(file, from, (to - from) as usize);
        if let Some(last) = piece.iter().rposition(|byte| *byte != 0) {
            end = from + last as u64 + 1;
        }
        at = to;
    }
    (end - offset) as usize
}

/// Where there is data from `at` on, and where it ends.
fn data(file: &File, at: u64) -> Option<(u64, u64)> {
    let seek = |at: u64, whence| {
        let at = i64::try_from(at).expect("a file's offset");
        // SAFETY: the descriptor is the file's.
        u64::try_from(unsafe { libc::lseek(file.as_raw_fd(), at, whence) }).ok()
    };
    let from = seek(at, libc::SEEK_DATA)?;
    Some((from, seek(from, libc::SEEK_HOLE)?))
}

fn read(file: &File, offset: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut done = 0;
    while done < length {
        match file.read_at(&mut bytes[done..], offset + done as u64).expect("it can be read") {
            0 => break,
            more => done += more,
        }
    }
    bytes
}

/// Makes names of paths, and other build ids of build ids.
fn hide(modules: &mut [u8]) {
    for byte in modules.iter_mut().filter(|byte| **byte == b'/') {
        *byte = b'|';
    }
    for module in modules.chunks_exact_mut(ENTRY_SIZES[MODULES]) {
        for byte in &mut module[40..72] {
            *byte = !*byte;
        }
    }
}
