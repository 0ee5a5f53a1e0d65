//! A recording in few bytes: what is not zero of it.
//!
//! A recording has megabytes of room, and a fuzzer that changes bytes at random would change zeroes
//! that nobody reads. So its input is a list of patches over a small recording in which nothing has
//! happened, whose regions have room for a few entries each:
//!
//! ```text
//! place    u8     0: header, 1 to 11: regions, in the order of their table; more: modulo 12
//! entry    u8     modulo the entries of the region; of Timeline, from 128 on, those of the log
//! offset   u16    in the entry, little-endian, modulo its size
//! length   u8     0: the file ends here
//! bytes           as many; what goes beyond the entry is in the next
//! ```
//!
//! The header's own table of regions can be patched like everything else.

use std::fs::File;
use std::io;
use std::ops::{Range, RangeFrom};
use std::os::unix::fs::FileExt;

const MAGIC: &[u8] = b"modalloc";
/// In which the heap over time is part of the recording.
const VERSION: u32 = 3;
const TABLE: usize = 16;
const REGIONS: usize = 11;
const HEADER: usize = 4096;
/// Behind the table; what is before it is the same in all recordings.
const PROCESS: usize = 192;
const ENTRY_SIZES: [usize; REGIONS] = [512, 512, 4, 64, 64, 24, 16, 512, 65_536, 64, 2048];
const ENTRIES: [usize; REGIONS] = [8, 8, 64, 64, 64, 64, 128, 8, 2, SAMPLE_ENTRIES + 128, 2];
/// The region of the heap over time: samples, and behind them the two halves of a log.
const TIMELINE: usize = 9;
const SAMPLE_ENTRIES: usize = 1024;
/// Samples that patches can change.
const SAMPLES: usize = 128;
/// The region of the modules.
const MODULES: usize = 1;
/// Of a module.
const BUILD_ID: Range<usize> = 40..72;
const PATH: RangeFrom<usize> = 72..;
const HEAD: usize = 5;

/// Offset of each region in the recording that is patched, and where the last one ends.
const fn places() -> ([usize; REGIONS], usize) {
    let (mut places, mut at, mut region) = ([0; REGIONS], HEADER, 0);
    while region < REGIONS {
        places[region] = at;
        at += (ENTRIES[region] * ENTRY_SIZES[region]).next_multiple_of(64);
        region += 1;
    }
    (places, at)
}

const PLACES: [usize; REGIONS] = places().0;
const SIZE: usize = places().1;

/// A recording in which nothing has happened.
fn empty() -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_ne_bytes());
    bytes[12..16].copy_from_slice(&(HEADER as u32).to_ne_bytes());
    for region in 0..REGIONS {
        let at = TABLE + 16 * region;
        bytes[at..at + 8].copy_from_slice(&(PLACES[region] as u64).to_ne_bytes());
        bytes[at + 8..at + 16].copy_from_slice(&(ENTRIES[region] as u64).to_ne_bytes());
    }
    bytes
}

/// The recording that `patches` make.
#[must_use]
pub fn apply(mut patches: &[u8]) -> Vec<u8> {
    let mut bytes = empty();
    while let Some((&[place, entry, low, high, length], rest)) = patches.split_first_chunk::<HEAD>()
    {
        let at = position(place, entry, u16::from_le_bytes([low, high])).min(bytes.len());
        if length == 0 {
            bytes.truncate(at);
        }
        let (patch, rest) = rest.split_at(usize::from(length).min(rest.len()));
        let room = &mut bytes[at..];
        let length = patch.len().min(room.len());
        room[..length].copy_from_slice(&patch[..length]);
        patches = rest;
    }
    bytes
}

fn position(place: u8, entry: u8, offset: u16) -> usize {
    let offset = usize::from(offset);
    match usize::from(place) % (REGIONS + 1) {
        0 => offset % HEADER,
        region => {
            let (region, size) = (region - 1, ENTRY_SIZES[region - 1]);
            PLACES[region] + entry_of(region, entry) * size + offset % size
        }
    }
}

/// The entry of a region that a patch names.
fn entry_of(region: usize, entry: u8) -> usize {
    match usize::from(entry) {
        entry if region == TIMELINE && entry >= SAMPLES => SAMPLE_ENTRIES + entry - SAMPLES,
        entry => entry % ENTRIES[region],
    }
}

/// The patches that make the beginning of each region of a recording's `file`. Its modules become
/// such as are no files.
///
/// # Errors
///
/// If it cannot be read, or is none.
pub fn of_recording(file: &File) -> io::Result<Vec<u8>> {
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, 0)?;
    if !header.starts_with(MAGIC) {
        return Err(io::Error::other("not a recording"));
    }
    let mut patches = Vec::new();
    add(&mut patches, [0, 0], PROCESS, &header[PROCESS..]);
    for (region, (&size, &most)) in ENTRY_SIZES.iter().zip(&ENTRIES).enumerate() {
        let [start, entries] = [0, 8].map(|at| word(&header, TABLE + 16 * region + at));
        let mut bytes = vec![0; size * usize::try_from(entries).map_or(most, |n| n.min(most))];
        file.read_exact_at(&mut bytes, start)?;
        for (entry, bytes) in bytes.chunks_mut(size).enumerate() {
            if region == MODULES {
                hide(bytes);
            }
            // Each entry once, by the first name that it has.
            if let Some(name) = (0..=u8::MAX).find(|&name| entry_of(region, name) == entry) {
                add(&mut patches, [region + 1, name.into()], 0, bytes);
            }
        }
    }
    Ok(patches)
}

/// Neither a module's path nor its build id leads to a file: reading those takes long, and what is in
/// them depends on the machine.
fn hide(module: &mut [u8]) {
    module[PATH].iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'|');
    module[BUILD_ID].iter_mut().filter(|byte| **byte != 0).for_each(|byte| *byte = 0xb1);
}

fn word(header: &[u8; HEADER], at: usize) -> u64 {
    u64::from_ne_bytes(std::array::from_fn(|byte| header[at + byte]))
}

/// Adds what is not zero of an entry. A few zeroes between are less than another patch's head.
fn add(patches: &mut Vec<u8>, place: [usize; 2], offset: usize, mut bytes: &[u8]) {
    let mut at = offset;
    while let Some(skip) = bytes.iter().position(|&byte| byte != 0) {
        bytes = &bytes[skip..];
        at += skip;
        let limit = bytes.len().min(usize::from(u8::MAX));
        let gap = bytes[..limit].windows(HEAD + 1).position(|gap| gap == [0; HEAD + 1]);
        let length = gap.unwrap_or(limit);
        patches.extend(place.map(|number| number as u8));
        patches.extend((at as u16).to_le_bytes());
        patches.push(length as u8);
        patches.extend(&bytes[..length]);
        bytes = &bytes[length..];
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory_file::MemoryFile;

    fn patches_of(recording: &[u8]) -> io::Result<Vec<u8>> {
        let file = MemoryFile::new().unwrap();
        of_recording(&File::open(file.hold(recording).unwrap()).unwrap())
    }

    #[test]
    fn a_recording_of_patches_is_the_recording() {
        let mut recording = empty();
        for (index, byte) in recording.iter_mut().enumerate().skip(PROCESS) {
            *byte = if index % 300 < 250 { (index % 251) as u8 } else { 0 };
        }
        // The part that is changed.
        recording[PLACES[MODULES]..PLACES[MODULES + 1]].fill(0);
        // Of the samples, no patch reaches these.
        let sample = |index| PLACES[TIMELINE] + index * ENTRY_SIZES[TIMELINE];
        recording[sample(SAMPLES)..sample(SAMPLE_ENTRIES)].fill(0);
        assert!(apply(&patches_of(&recording).unwrap()) == recording);
        assert!(apply(&[]) == empty());
    }

    #[test]
    fn no_module_of_a_recording_is_a_file() {
        let mut recording = empty();
        let last = PLACES[MODULES] + 7 * ENTRY_SIZES[MODULES];
        recording[last + 32..][..12].copy_from_slice(b"\x02\0\0\0\x08\0\0\0\x93\xac\0\0");
        recording[last + PATH.start..][..8].copy_from_slice(b"/bin/cat");
        let hidden = apply(&patches_of(&recording).unwrap());
        let hidden = &hidden[last + 32..];
        assert_eq!(hidden[..12], *b"\x02\0\0\0\x08\0\0\0\xb1\xb1\0\0");
        assert_eq!(hidden[PATH.start - 32..][..8], *b"|bin|cat");
    }

    #[test]
    fn a_patch_can_end_the_file_and_goes_no_further() {
        assert_eq!(apply(&[0, 0, 100, 0, 0]).len(), 100);
        let beyond = [&[11, 1, 0xff, 0x07, 3][..], b"abc"].concat();
        let bytes = apply(&beyond);
        assert_eq!((bytes.len(), bytes.last()), (SIZE, Some(&b'a')));
    }

    #[test]
    fn what_is_no_recording_has_no_patches() {
        assert!(patches_of(b"modalloc").is_err());
        assert!(patches_of(&[0; HEADER]).is_err());
    }
}
