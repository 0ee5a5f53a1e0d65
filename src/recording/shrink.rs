//! An ended process's recording as a file of the size that it uses.
//!
//! While its process runs, a recording has room for all that may come: a file with holes, of
//! hundreds of megabytes. The small file has the used part of each region and nothing between them.
//! It takes the place of the large one under its name: a process that still has the large one
//! mapped, like a forked child that is not recorded, keeps it, where to cut it would be the end of
//! that process by SIGBUS.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::base::sync::Ordering;
use crate::recording::error::Error;
use crate::recording::image::Image;
use crate::store::ids::SHARED;
use crate::store::layout::{HEADER_SIZE, Region};

/// Regions begin at multiples of it.
const ALIGNMENT: u64 = 64;
/// Bytes that become a hole where all of them are zero.
const PAGE: usize = 4096;

/// Writes the recording in `file`, which is at `path`, anew if that makes it smaller.
pub(super) fn shrink(file: &File, path: &Path) -> Result<(), Error> {
    let image = Image::read(file)?;
    let (before, path) = (file.metadata()?, fs::canonicalize(path)?);
    let small = Small::of(&image);
    if image.cut != 0 || small.len >= before.len() || before.nlink() != 1 {
        return Ok(());
    }
    let unfinished = beside(&path);
    let mode = before.mode() & 0o777;
    let result =
        File::options().write(true).create_new(true).mode(mode).open(&unfinished).and_then(
            |written| {
                small.write(&written)?;
                let facts = written.metadata()?;
                if (facts.uid(), facts.gid()) != (before.uid(), before.gid()) {
                    std::os::unix::fs::fchown(&written, Some(before.uid()), Some(before.gid()))?;
                }
                // It tells when the process ended.
                written.set_modified(before.modified()?)?;
                fs::rename(&unfinished, &path)
            },
        );
    if result.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&unfinished);
    }
    Ok(result?)
}

/// A name in the same folder.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(std::format!("{}.unfinished", std::process::id()));
    path.with_file_name(name)
}

/// The small file's pieces, with their offsets.
struct Small<'i> {
    header: [u8; HEADER_SIZE],
    /// The offset in the header of each region's place.
    places: std::vec::Vec<usize>,
    pieces: std::vec::Vec<(u64, &'i [u8])>,
    len: u64,
}

impl<'i> Small<'i> {
    fn of(image: &'i Image) -> Self {
        let (head, regions) = image.bytes();
        let mut header = [0; HEADER_SIZE];
        header.iter_mut().zip(head).for_each(|(byte, value)| *byte = *value);
        let original = image.view().header;
        let version = original.version.load(Ordering::Relaxed);
        let start = core::ptr::from_ref(original).addr();
        let places = original.places().map(|place| place.as_ptr().addr() - start).collect();
        let (pieces, len) = (std::vec::Vec::new(), HEADER_SIZE as u64);
        let mut small = Small { header, places, pieces, len };
        for (region, bytes) in regions {
            if region == Region::Mappings && version < 4 {
                continue;
            }
            small.add(region, bytes);
        }
        small
    }

    fn add(&mut self, region: Region, bytes: &'i [u8]) {
        let offset = self.len.next_multiple_of(ALIGNMENT);
        self.place(region, 0, offset);
        let most = SHARED.index() * region.entry_size();
        let (own, last) = match bytes.split_at_checked(most) {
            // Slots between those of threads and the shared one were never used: of their arenas
            // only the shared one's is kept, as the last of fewer.
            Some((own, shared)) if region == Region::Arenas && !shared.is_empty() => {
                let used = own.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                let used = used.next_multiple_of(region.entry_size());
                let entries = (used + shared.len()) / region.entry_size();
                self.place(region, 8, entries as u64);
                (own.get(..used).unwrap_or(own), shared)
            }
            _ => (bytes, &[][..]),
        };
        for piece in [own, last] {
            let at = self.len.max(offset);
            self.pieces.push((at, piece));
            self.len = at + piece.len() as u64;
        }
    }

    /// Writes a number of the region's entry in the header's table.
    fn place(&mut self, region: Region, word: usize, number: u64) {
        let at = self.places.get(region as usize).map(|place| place + word);
        if let Some(place) = at.and_then(|at| self.header.get_mut(at..at + 8)) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
    }

    fn write(&self, mut file: &File) -> io::Result<()> {
        file.set_len(self.len)?;
        file.write_all(&self.header)?;
        for (offset, piece) in &self.pieces {
            for (page, at) in piece.chunks(PAGE).zip((*offset..).step_by(PAGE)) {
                if page.iter().any(|byte| *byte != 0) {
                    file.write_all_at(page, at)?;
                }
            }
        }
        Ok(())
    }
}
