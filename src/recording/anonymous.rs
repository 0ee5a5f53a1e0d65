//! The anonymous memory of a process, as plain data.

#[cfg(not(mod_alloc_portable))]
pub(crate) use reader::{entry_bytes, read};

/// Anonymous memory of a process: the part of its resident memory that is of no file and shared
/// with no process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Anonymous {
    /// The most bytes that were seen; `None` if nobody looked. It is looked at now and then, so a
    /// short peak may be missed, and of a short run there is the end alone
    /// ([`HeapMoment::process`](super::heap_moment::HeapMoment)).
    pub most_bytes: Option<u64>,
    /// Microseconds from the start of recording to that look.
    pub most_micros: u64,
    /// Bytes of it that are the recorder's own: tables, and the recording itself if it is no file.
    pub own_bytes: u64,
}

#[cfg(not(mod_alloc_portable))]
mod reader {
    use super::Anonymous;
    use crate::base::sync::Ordering;
    use crate::store::layout::{Header, Region};
    use crate::store::view::used;

    /// The most anonymous memory that a recording tells of. `micros`: clock units as such.
    pub(crate) fn read(header: &Header, micros: impl Fn(u64) -> u64) -> Anonymous {
        let [most, when] = &header.states.end.most_anonymous;
        // In version 1 the command line is there.
        let is_known = header.version.load(Ordering::Relaxed) > 1;
        let most_bytes = Some(most.get()).filter(|bytes| is_known && *bytes > 0);
        let most_micros = most_bytes.map_or(0, |_| micros(when.get()));
        Anonymous { most_bytes, most_micros, own_bytes: slot_bytes(header) }
    }

    /// Bytes of the slots by which frames are found: they are no part of a recording.
    fn slot_bytes(header: &Header) -> u64 {
        /// Bytes of a frame's slot, at most: a level is filled to three eighths at least.
        const SLOT: usize = 11;
        (used(header, Region::Frames) * SLOT) as u64
    }

    /// Bytes of a recording's used entries: about the memory that it takes where it is no file.
    pub(crate) fn entry_bytes(header: &Header) -> u64 {
        let entries =
            Region::ALL.into_iter().map(|region| used(header, region) * region.entry_size());
        entries.sum::<usize>() as u64
    }
}
