//! A recording's file, read into memory: as much of it as is used.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::{alloc_zeroed, dealloc};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::vec::Vec;

use crate::base::sync::Ordering;
use crate::recording::error::Error;
use crate::store::arena::Arena;
use crate::store::layout::{HEADER_SIZE, Header, MAGIC, REGIONS, Region, VERSION};
use crate::store::mappings::MOST_ENTRIES;
use crate::store::slot::MAX_ID;
use crate::store::thread_slot::SLOTS;
use crate::store::timeline::{LOG_ENTRIES, SAMPLE_ENTRIES};
use crate::store::view;
use crate::store::view::View;

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
    SAMPLE_ENTRIES + 2 * LOG_ENTRIES,
    SLOTS,
    MOST_ENTRIES,
];

/// Bytes of a file that are looked at as words of a recording. Those are atomics, which may be
/// changed through a shared reference; so all access goes through one pointer.
#[derive(Debug)]
struct Bytes {
    memory: NonNull<u8>,
    layout: Layout,
    len: usize,
}

impl Bytes {
    /// Reads `len` bytes at `offset`, or as many as there are; the rest is zero.
    fn read(file: &File, offset: u64, len: usize) -> io::Result<Bytes> {
        let there = file.metadata()?.len().saturating_sub(offset);
        let len = len.min(usize::try_from(there).unwrap_or(usize::MAX));
        // The alignment of a recording's largest type.
        let layout = Layout::from_size_align(len.max(1), 64)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        // SAFETY: the size is not zero.
        let memory = NonNull::new(unsafe { alloc_zeroed(layout) })
            .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut bytes = Bytes { memory, layout, len: 0 };
        while bytes.len < len {
            // SAFETY: zeroed memory of `len` bytes, this value's own.
            let all = unsafe { core::slice::from_raw_parts_mut(memory.as_ptr(), len) };
            match file.read_at(&mut all[bytes.len..], offset.saturating_add(bytes.len as u64)) {
                Ok(0) => break,
                Ok(n) => bytes.len += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }

    /// The whole entries among the bytes.
    ///
    /// # Safety
    ///
    /// `T` must consist of atomics, valid whatever their bits, and be aligned to at most 64 bytes.
    unsafe fn entries<T>(&self) -> &[T] {
        let first = self.memory.as_ptr().cast::<T>();
        // SAFETY: aligned to 64 bytes, and as many as were read; the caller vouches for the type.
        unsafe { core::slice::from_raw_parts(first, self.len / size_of::<T>()) }
    }
}

impl Bytes {
    /// The bytes themselves. None of them may be changed as a word meanwhile.
    fn plain(&self) -> &[u8] {
        // SAFETY: a byte is valid whatever its bits.
        unsafe { self.entries::<u8>() }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout by `read`.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) };
    }
}

/// The header of a recording that is known here.
#[derive(Debug)]
pub(super) struct HeaderImage(Bytes);

impl HeaderImage {
    pub(super) fn get(&self) -> &Header {
        // SAFETY: a header is atomics; as many bytes as it has were read.
        unsafe { self.0.memory.cast::<Header>().as_ref() }
    }
}

/// Reads the header and looks whether the file is a recording that is known here.
pub(super) fn header(file: &File) -> Result<HeaderImage, Error> {
    let bytes = Bytes::read(file, 0, HEADER_SIZE)?;
    let magic = MAGIC.to_ne_bytes();
    let head = bytes.plain();
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
    /// Bytes that the header says are used, and how many of them lie behind the file's end.
    pub(super) used: u64,
    pub(super) cut: u64,
}

impl Image {
    pub(super) fn read(file: &File) -> Result<Image, Error> {
        Self::read_regions(file, &Region::ALL)
    }

    /// Reads all but one region.
    pub(super) fn read_without(file: &File, left_out: Region) -> Result<Image, Error> {
        let wanted: Vec<_> = Region::ALL.into_iter().filter(|region| *region != left_out).collect();
        Self::read_regions(file, &wanted)
    }

    /// Reads some regions, in the order in which they come in the file; the others are empty.
    pub(super) fn read_regions(file: &File, wanted: &[Region]) -> Result<Image, Error> {
        let header = header(file)?;
        let (mut used, mut cut) = (HEADER_SIZE as u64, 0);
        let read = |region: Region| {
            if !wanted.contains(&region) {
                return Bytes::read(file, 0, 0);
            }
            let (offset, len) = used_part(header.get(), region);
            let bytes = Bytes::read(file, offset, len)?;
            used = used.saturating_add(len as u64);
            cut += (len - bytes.len) as u64;
            Ok(bytes)
        };
        let regions = Region::ALL.into_iter().map(read).collect::<io::Result<Vec<Bytes>>>()?;
        Ok(Image { header, regions, used, cut })
    }

    /// The header's bytes, and those of each region's used part.
    pub(super) fn bytes(&self) -> (&[u8], impl Iterator<Item = (Region, &[u8])>) {
        (self.header.0.plain(), Region::ALL.into_iter().zip(self.regions.iter().map(Bytes::plain)))
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
            histograms: self.entries(Region::Histograms),
            timeline: self.entries(Region::Timeline),
            mappings: self.entries(Region::Mappings),
            may_touch: |_, _| true,
        }
    }

    fn entries<T>(&self, region: Region) -> &[T] {
        debug_assert_eq!(size_of::<T>(), region.entry_size());
        // SAFETY: `view` asks each region for the type it holds, of atomics.
        self.regions.get(region as usize).map_or(&[], |bytes| unsafe { bytes.entries() })
    }
}

/// Offset and length of a region's used part.
fn used_part(header: &Header, region: Region) -> (u64, usize) {
    let (offset, entries) = header.place(region);
    let entries = usize::try_from(entries).unwrap_or(usize::MAX);
    let used = view::used(header, region).min(entries).min(MOST[region as usize]);
    (offset, used * region.entry_size())
}
