//! A recording's file, read into memory: as much of it as is used.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::vec;
use std::vec::Vec;

use crate::arena::Arena;
use crate::recording::file::Error;
use crate::recording::layout::{ENTRY_SIZES, HEADER_SIZE, Header, MAGIC, REGIONS, Region, VERSION};
use crate::recording::view::{self, View};
use crate::sync::Ordering;
use crate::table::slot::MAX_ID;
use crate::threads::SLOTS;

/// No recording has more entries of a region than this, whatever it says of itself.
const MOST: [usize; REGIONS] = [
    SLOTS,
    1 << 16,
    (1 << 20) + 2,
    (1 << 20) + 2,
    (1 << 20) + 2,
    (1 << 20) + 2,
    MAX_ID as usize,
    1 << 16,
    SLOTS,
];

/// 64 bytes, aligned like the largest type of a recording.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Bytes of a file that are looked at as words of a recording. Those are atomics, which may be
/// changed through a shared reference; so all access goes through one pointer.
#[derive(Debug)]
struct Bytes {
    lines: *mut Line,
    count: usize,
    len: usize,
}

impl Bytes {
    /// Reads `len` bytes at `offset`, or as many as there are; the rest is zero.
    fn read(file: &File, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut lines: Vec<Line> = vec![Line([0; 64]); len.div_ceil(64)];
        let flat = lines.as_flattened_bytes();
        let mut done = 0;
        while done < len {
            match file.read_at(&mut flat[done..len], offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let (lines, count) =
            (std::boxed::Box::into_raw(lines.into_boxed_slice()), len.div_ceil(64));
        Ok(Bytes { lines: lines.cast(), count, len: done })
    }

    /// The whole entries among the bytes.
    ///
    /// # Safety
    ///
    /// `T` must consist of atomics, valid whatever their bits, and be aligned to at most 64 bytes.
    unsafe fn entries<T>(&self) -> &[T] {
        // SAFETY: aligned to 64 bytes, and as many as were read; the caller vouches for the type.
        unsafe { core::slice::from_raw_parts(self.lines.cast::<T>(), self.len / size_of::<T>()) }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        let lines = core::ptr::slice_from_raw_parts_mut(self.lines, self.count);
        // SAFETY: made of a box by `read`.
        drop(unsafe { std::boxed::Box::from_raw(lines) });
    }
}

trait Flattened {
    fn as_flattened_bytes(&mut self) -> &mut [u8];
}

impl Flattened for Vec<Line> {
    fn as_flattened_bytes(&mut self) -> &mut [u8] {
        let len = self.len() * 64;
        // SAFETY: lines are bytes, one after the other.
        unsafe { core::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), len) }
    }
}

/// The header of a recording that is known here.
#[derive(Debug)]
pub(super) struct HeaderImage(Bytes);

impl HeaderImage {
    pub(super) fn get(&self) -> &Header {
        // SAFETY: a header is atomics; as many bytes as it has were read.
        unsafe { &*self.0.lines.cast::<Header>() }
    }
}

/// Reads the header and looks whether the file is a recording that is known here.
pub(super) fn header(file: &File) -> Result<HeaderImage, Error> {
    let bytes = Bytes::read(file, 0, HEADER_SIZE)?;
    let magic = MAGIC.to_ne_bytes();
    // SAFETY: a byte is valid whatever its bits.
    let head = unsafe { bytes.entries::<u8>() };
    if !head.starts_with(&magic) {
        let swapped = MAGIC.swap_bytes().to_ne_bytes();
        let swapped = head.starts_with(&swapped);
        return Err(if swapped { Error::OtherByteOrder } else { Error::NotARecording });
    }
    if head.len() < HEADER_SIZE {
        return Err(Error::Damaged("it ends within its header"));
    }
    let image = HeaderImage(bytes);
    let found = image.get().version.load(Ordering::Relaxed);
    if found == 0 || found > VERSION {
        return Err(Error::Version { found, known: VERSION });
    }
    if image.get().header_size.load(Ordering::Relaxed) as usize != HEADER_SIZE {
        return Err(Error::Damaged("its header has an impossible size"));
    }
    Ok(image)
}

/// Header and regions.
#[derive(Debug)]
pub(super) struct Image {
    header: HeaderImage,
    regions: Vec<Bytes>,
}

impl Image {
    pub(super) fn read(file: &File) -> Result<Image, Error> {
        let header = header(file)?;
        let read = |region| read_region(file, header.get(), region);
        let regions = ALL.into_iter().map(read).collect::<io::Result<Vec<Bytes>>>()?;
        Ok(Image { header, regions })
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            header: self.header.get(),
            slots: self.entries(Region::Threads),
            modules: self.entries(Region::Modules),
            owners: self.entries(Region::Owners),
            tallies: self.entries(Region::Tallies),
            shared: self.entries(Region::Shared),
            records: self.entries(Region::Records),
            frames: self.entries(Region::Frames),
            groups: self.entries(Region::Groups),
            arenas: self.entries::<Arena>(Region::Arenas),
        }
    }

    fn entries<T>(&self, region: Region) -> &[T] {
        debug_assert_eq!(size_of::<T>(), ENTRY_SIZES[region as usize]);
        // SAFETY: `view` asks each region for the type it holds, of atomics.
        self.regions.get(region as usize).map_or(&[], |bytes| unsafe { bytes.entries() })
    }
}

const ALL: [Region; REGIONS] = [
    Region::Threads,
    Region::Modules,
    Region::Owners,
    Region::Tallies,
    Region::Shared,
    Region::Records,
    Region::Frames,
    Region::Groups,
    Region::Arenas,
];

fn read_region(file: &File, header: &Header, region: Region) -> io::Result<Bytes> {
    let [offset, entries] = &header.regions[region as usize];
    let entries = usize::try_from(entries.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
    let used = view::used(header, region).min(entries).min(MOST[region as usize]);
    Bytes::read(file, offset.load(Ordering::Relaxed), used * ENTRY_SIZES[region as usize])
}
