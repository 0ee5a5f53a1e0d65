//! Moments of a process that runs, taken by another process.

use core::mem::offset_of;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;
use std::vec::Vec;

use crate::base::os;
use crate::base::os::resident::Resident;
use crate::base::sync::Ordering;
use crate::recording::error::Error;
use crate::recording::file::{is_running, since_start};
use crate::recording::image::{self, Image};
use crate::recording::moment_log::{ENTRY, Pace, Place, Writer};
use crate::recording::reader;
use crate::store::layout::{Header, HeapMoment, Process, Region};
use crate::store::peak::Front;
use crate::store::timeline::{FROM_WITHIN, SAMPLE_ENTRIES, Sample, Schedule, count, place};

/// Writes the numbers of all call sites into a recording at moments of the run, so that a report
/// can tell of any stretch of time. The recorded process does nothing for it. There is one taker of
/// a recording, and it runs in the process that waits for the recorded one.
#[derive(Debug)]
pub struct MomentTaker {
    writer: Writer<InFile>,
    pace: Pace,
    /// The threads' numbers at the last moment.
    seen: Vec<[u64; 4]>,
}

impl MomentTaker {
    /// A taker for an open recording; `None` if it keeps no timeline, or its process takes the
    /// moments itself. It is no recording yet while its process has not begun.
    pub(super) fn new(file: File) -> Result<Option<Self>, Error> {
        let header = image::header(&file)?;
        let process = &header.get().process;
        let schedule = &process.timeline;
        if header.get().version.load(Ordering::Relaxed) >= FIRST_VERSION && !is_begun(process) {
            return Err(Error::NotARecording);
        }
        let from_within = schedule.log.load(Ordering::Relaxed) & FROM_WITHIN != 0;
        let place = InFile::new(file, header.get());
        let is_ours = schedule.interval.get() != 0 && place.entries != 0 && !from_within;
        Ok(is_ours.then(|| MomentTaker {
            writer: Writer::new(place, 0),
            pace: Pace::default(),
            seen: Vec::new(),
        }))
    }

    /// Takes a moment, if anything has changed; returns after which time the next one is due.
    /// `None`: the process has ended.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written. Moments that were taken before stay.
    pub fn take(&mut self) -> Result<Option<Duration>, Error> {
        let started = os::thread_nanos();
        let cost = || Duration::from_nanos(os::thread_nanos().saturating_sub(started));
        let header = image::header(&self.writer.place().file)?;
        if !is_running(&self.writer.place().file, header.get()) {
            return Ok(None);
        }
        let id = header.get().process.id.load(Ordering::Relaxed);
        let memory = os::resident::resident_of(id);
        // Memory may change where no event is: that is the very memory which is not recorded.
        self.writer.place().note_most(header.get(), memory)?;
        let threads = Image::read_regions(&self.writer.place().file, &[Region::Threads])?;
        let fronts = threads.view().slots.iter().map(|slot| &slot.front).map(numbers);
        let seen: Vec<_> = fronts.collect();
        if seen == self.seen {
            return Ok(Some(self.pace.next(cost())));
        }
        self.writer.place().note_resident(header.get(), memory)?;
        let begin = since_start(header.get()).units;
        let image = Image::read_regions(&self.writer.place().file, &SITES)?;
        let numbers = reader::site_numbers(&image.view());
        let end = since_start(header.get()).units;
        if self.writer.add(begin, end, numbers)? {
            self.pace.slow_down();
        }
        self.seen = seen;
        Ok(Some(self.pace.next(cost())))
    }
}

/// The first version with a timeline.
const FIRST_VERSION: u32 = 3;

/// True once the process has decided about its timeline. A file that is prepared for a forked child
/// has no process before.
fn is_begun(process: &Process) -> bool {
    process.id.load(Ordering::Relaxed) != 0 && process.timeline.sample_at.get() != 0
}

/// Regions with the sites' numbers, in the order in which they are to be read.
const SITES: [Region; 4] = [Region::Owners, Region::Tallies, Region::Shared, Region::Arenas];

fn numbers(front: &Front) -> [u64; 4] {
    let ((a, b), (c, d)) = (front.total.get(), front.freed.get());
    [a, b, c, d]
}

/// A log in a recording's file.
#[derive(Debug)]
struct InFile {
    file: File,
    /// The first byte of the samples in the file.
    samples: u64,
    /// The log's first byte in the file.
    offset: u64,
    /// Entries of a half.
    entries: usize,
}

impl InFile {
    fn new(file: File, header: &Header) -> Self {
        let (offset, all) = header.place(Region::Timeline);
        let all = usize::try_from(all).unwrap_or(0);
        let (samples, offset) = (offset, offset.saturating_add((SAMPLE_ENTRIES * ENTRY) as u64));
        InFile { file, samples, offset, entries: all.saturating_sub(SAMPLE_ENTRIES) / 2 }
    }

    fn at(&self, second: bool, entry: usize) -> u64 {
        let entry = if second { self.entries + entry } else { entry };
        self.offset + (entry * ENTRY) as u64
    }

    /// Notes the process's resident memory in its latest sample, which it never writes again.
    fn note_resident(&self, header: &Header, memory: Option<Resident>) -> io::Result<()> {
        let state = header.process.timeline.samples.load(Ordering::Relaxed);
        let latest = count(state).checked_sub(1);
        let (Some(index), Some(memory)) = (latest, memory) else { return Ok(()) };
        let place = place(state, index) * ENTRY + offset_of!(Sample, resident);
        self.file.write_all_at(&memory.all.to_ne_bytes(), self.samples + place as u64)
    }

    /// Notes the process's anonymous memory if it never had so much.
    fn note_most(&self, header: &Header, memory: Option<Resident>) -> io::Result<()> {
        const PLACE: u64 =
            (offset_of!(Header, states.end) + offset_of!(HeapMoment, most_anonymous)) as u64;
        let anonymous = memory.map_or(0, |memory| memory.anonymous);
        if anonymous <= header.states.end.most_anonymous[0].get() {
            return Ok(());
        }
        let [bytes, when] = [anonymous, since_start(header).units].map(u64::to_ne_bytes);
        self.file.write_all_at(&[bytes, when].concat(), PLACE)
    }

    /// The place of the header's word in the file.
    const STATE: u64 = (offset_of!(Header, process)
        + offset_of!(Process, timeline)
        + offset_of!(Schedule, log)) as u64;
}

impl Place for InFile {
    fn entries(&self) -> usize {
        self.entries
    }

    fn read(&self, second: bool, entries: usize) -> io::Result<Vec<u8>> {
        let mut bytes = std::vec![0; entries * ENTRY];
        self.file.read_exact_at(&mut bytes, self.at(second, 0))?;
        Ok(bytes)
    }

    fn write(&self, second: bool, entry: usize, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.at(second, entry))
    }

    fn state(&self) -> io::Result<u64> {
        let mut word = [0; 8];
        self.file.read_exact_at(&mut word, Self::STATE)?;
        Ok(u64::from_ne_bytes(word))
    }

    fn publish(&self, state: u64) -> io::Result<()> {
        self.file.write_all_at(&state.to_ne_bytes(), Self::STATE)
    }
}
