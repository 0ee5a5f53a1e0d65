//! Recordings in files: a process under `mod-alloc run` or with `MOD_ALLOC_RECORD` leaves one
//! behind, however it ends, and another process may read it while the first one runs.
//!
//! ```
//! use std::path::Path;
//!
//! use mod_alloc::recording::file::{Error, RecordingFile};
//!
//! fn largest_site(path: &Path) -> Result<u64, Error> {
//!     let recording = RecordingFile::open(path)?.read()?;
//!     let bytes = recording.sites.iter().map(|site| site.counters.total_bytes);
//!     Ok(bytes.max().unwrap_or(0))
//! }
//!
//! let refused = largest_site(Path::new("Cargo.toml"));
//! assert!(matches!(refused, Err(Error::NotARecording)));
//! ```

use core::mem::offset_of;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::base::os::{self, files};
use crate::base::sync::Ordering;
pub use crate::recording::error::{Error, Missing};
use crate::recording::image::{self, Image};
use crate::recording::model::{Recording, Status};
pub use crate::recording::moment_taker::MomentTaker;
use crate::recording::reader;
use crate::recording::reader::Span;
use crate::recording::shrink::shrink;
use crate::store::ids::{SiteId, ThreadIndex};
use crate::store::journal::{FLUSHING, RESIZING_OWN, RESIZING_SHARE};
use crate::store::kinds::Why;
use crate::store::layout::{
    ENDING, EXITED, GONE, Header, OPEN, Process, REPORTED, Region, STATUS_SHIFT,
};
use crate::store::peak::Front;
use crate::store::rates::Rates;
use crate::store::space::arena_of;
use crate::store::view::View;

/// A recording in a file.
#[derive(Debug)]
pub struct RecordingFile {
    file: File,
    path: PathBuf,
}

impl RecordingFile {
    /// Opens the recording at `path`.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or is not a recording that is known here.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // A pipe would make us wait, and is no recording.
        let file = File::options().read(true).custom_flags(files::WITHOUT_WAITING).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(Error::NotARecording);
        }
        image::header(&file)?;
        Ok(RecordingFile { file, path: path.to_path_buf() })
    }

    /// True if a file begins as recordings do.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        !matches!(Self::open(path), Err(Error::Io(_) | Error::NotARecording))
    }

    /// Reads what is recorded at this moment. The process may be running: what it has not finished
    /// entering is left out.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, if a part of the recording is missing, or if its program ended
    /// before it began to record.
    pub fn read(&self) -> Result<Recording, Error> {
        self.read_whole(Image::read)
    }

    /// As [`read`](Self::read), but reads the rest of a recording of which a part is missing: its
    /// numbers are too small, and no figure says by how much.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn read_what_is_there(&self) -> Result<Recording, Error> {
        Ok(self.read_image(&Image::read(&self.file)?))
    }

    /// Reads a recording, and refuses one that is not whole. While its process runs, its parts are
    /// read at different moments and need not agree.
    fn read_whole(
        &self,
        read: impl FnOnce(&File) -> Result<Image, Error>,
    ) -> Result<Recording, Error> {
        // Looked at first: the process may end while the file is read.
        let header = image::header(&self.file)?;
        let header = header.get();
        // A process that is about to begin has the lock, and has not said yet which it is.
        let begins = || {
            header.process.id.load(Ordering::Relaxed) == 0
                && files::is_locked(self.file.as_raw_fd())
        };
        let may_change =
            is_running(&self.file, header) || is_held(&self.file, header) == Some(true) || begins();
        let image = read(&self.file)?;
        if image.cut != 0 {
            return Err(Error::Incomplete(Missing::Bytes { missing: image.cut, of: image.used }));
        }
        let recording = self.read_image(&image);
        if may_change {
            return Ok(recording);
        }
        if recording.pid == 0 {
            return Err(Error::NotBegun);
        }
        match reader::missing(&image.view()) {
            Some(missing) => Err(Error::Incomplete(missing)),
            None => Ok(recording),
        }
    }

    /// As [`read`](Self::read), but without the heap over time, which may take longer than all the
    /// rest: for a caller that looks often.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn read_without_timeline(&self) -> Result<Recording, Error> {
        self.read_whole(|file| Image::read_without(file, Region::Timeline))
    }

    fn read_image(&self, image: &Image) -> Recording {
        let view = image.view();
        let is_running = is_running(&self.file, view.header);
        if !is_running {
            repair(&view);
        }
        reader::read(&view, span(&view, is_running))
    }

    /// The id of the user who owns the file.
    ///
    /// # Errors
    ///
    /// If the file cannot be asked.
    pub fn owner(&self) -> Result<u32, Error> {
        Ok(self.file.metadata()?.uid())
    }

    /// The id of the process; 0: it has not begun to record. `None`: the file cannot be read.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        let header = image::header(&self.file).ok()?;
        Some(header.get().process.id.load(Ordering::Relaxed))
    }

    /// True if a report was made of it after the end of its process.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        let header = image::header(&self.file);
        header
            .is_ok_and(|header| header.get().process.ending.load(Ordering::Relaxed) & REPORTED != 0)
    }

    /// True if the recording's process is there. `None`: the recording does not tell, because its
    /// file system has no locks, or because an older version made it.
    #[must_use]
    pub fn is_held(&self) -> Option<bool> {
        is_held(&self.file, image::header(&self.file).ok()?.get())
    }

    /// The one that takes moments of the process while it runs; `None` if the recording keeps no
    /// timeline, or its process takes the moments itself.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened for writing, or its process has not begun recording.
    pub fn moment_taker(&self) -> Result<Option<MomentTaker>, Error> {
        MomentTaker::new(File::options().read(true).write(true).open(&self.path)?)
    }

    /// Writes into the recording that its process has ended just now, with `status` if the caller
    /// knows it. For a caller that has waited for that process; an end that was written already
    /// stays.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn mark_ended(&self, status: Option<Status>) -> Result<(), Error> {
        let file = File::options().read(true).write(true).open(&self.path)?;
        let header = image::header(&file)?;
        let process = &header.get().process;
        let before = process.ending.load(Ordering::Relaxed);
        let mut ending = before & ENDING;
        if !is_of_this_boot(process) {
            return Ok(());
        }
        let at = offset_of!(Header, process) as u64;
        let write = |offset: usize, bytes: &[u8]| file.write_all_at(bytes, at + offset as u64);
        if ending == OPEN {
            // Another program in its place has written when that was.
            if !was_executed(header.get()) {
                let Span { units, nanos } = since_start(header.get());
                write(offset_of!(Process, last_nanos), &nanos.to_ne_bytes())?;
                write(offset_of!(Process, last_units), &units.to_ne_bytes())?;
            }
            ending = GONE;
        }
        let status = match status {
            None => (before & !REPORTED) >> STATUS_SHIFT,
            Some(Status::Killed(signal)) => signal.cast_unsigned(),
            Some(Status::Exited(code)) => EXITED + (code.cast_unsigned() & 0xff),
        };
        let ending = ending | status << STATUS_SHIFT | before & REPORTED;
        write(offset_of!(Process, ending), &ending.to_ne_bytes())?;
        Ok(())
    }

    /// Writes into the recording that a report was made of it. For a caller that knows that its
    /// process has ended. The file's time of modification stays: it tells when the process ended.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn mark_reported(&self) -> Result<(), Error> {
        let file = File::options().read(true).write(true).open(&self.path)?;
        let modified = file.metadata()?.modified()?;
        let header = image::header(&file)?;
        let ending = header.get().process.ending.load(Ordering::Relaxed) | REPORTED;
        let at = offset_of!(Header, process) + offset_of!(Process, ending);
        file.write_all_at(&ending.to_ne_bytes(), at as u64)?;
        file.set_modified(modified)?;
        Ok(())
    }
}

impl RecordingFile {
    /// Asks the process that writes the recording for another mean gap between samples, in bytes;
    /// 1: each block. It follows when a thread next takes a sample, or has allocated 4 MiB, or
    /// frees a sampled block after another change.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. `false`: the process takes no samples.
    pub fn ask_for_gap(&self, mean_gap: u32) -> Result<bool, Error> {
        let header = image::header(&self.file)?;
        if !reader::takes_samples(header.get()) {
            return Ok(false);
        }
        let file = File::options().write(true).open(&self.path)?;
        let at = offset_of!(Header, rates) + Rates::WANTED;
        file.write_all_at(&mean_gap.to_ne_bytes(), at as u64)?;
        Ok(true)
    }

    /// The answer to [`ask_for_gap`](Self::ask_for_gap), once the process has seen it; else `None`.
    /// The number of requests that it has refused is compared with `refused`, that from before.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn gap_answer(&self, refused: u32) -> Result<Option<bool>, Error> {
        let header = image::header(&self.file)?;
        let rates = &header.get().rates;
        Ok((!rates.is_wanted()).then(|| rates.refused() == refused))
    }

    /// Requests for another gap that the process has refused so far.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn refused_gaps(&self) -> Result<u32, Error> {
        Ok(image::header(&self.file)?.get().rates.refused())
    }

    /// Makes the file as small as its content: while a process runs, its recording has room for all
    /// that may come. For a caller that knows that the recording's process has ended. A smaller
    /// file takes the place of this one; who has this one open goes on reading it.
    ///
    /// # Errors
    ///
    /// If the smaller file cannot be written. The recording is then as it was.
    pub fn shrink(&self) -> Result<(), Error> {
        shrink(&self.file, &self.path)
    }
}

/// Makes the file at `path` small if it is the recording of that process, and has its end: the name
/// may be another file's by now.
#[cfg(all(feature = "dhat-compat", not(feature = "preload")))]
pub(crate) fn shrink_of(path: &Path, process: u32) -> Result<(), Error> {
    let file = RecordingFile::open(path)?;
    let header = image::header(&file.file)?;
    let of = &header.get().process;
    let has_ended = of.ending.load(Ordering::Relaxed) & ENDING != OPEN;
    if has_ended && of.id.load(Ordering::Relaxed) == process { file.shrink() } else { Ok(()) }
}

/// True if the process that writes the recording is there.
pub(super) fn is_running(file: &File, header: &Header) -> bool {
    let process = &header.process;
    let is_alive = || os::files::is_alive(process.id.load(Ordering::Relaxed));
    let is_open = process.ending.load(Ordering::Relaxed) & ENDING == OPEN;
    is_open && is_of_this_boot(process) && is_held(file, header).unwrap_or_else(is_alive)
}

/// True if the process has its lock; `None`: it never had one.
fn is_held(file: &File, header: &Header) -> Option<bool> {
    let namespace = Some(header.self_check.locked.get()).filter(|&namespace| namespace != 0)?;
    let is_locked = files::is_locked(file.as_raw_fd());
    Some(files::is_held(is_locked, namespace, header.process.id.load(Ordering::Relaxed)))
}

/// True if another program has taken the process's place.
fn was_executed(header: &Header) -> bool {
    let unrecorded = &header.self_check.unrecorded;
    unrecorded.count.load(Ordering::Relaxed) != 0
        && unrecorded.why.load(Ordering::Relaxed) == Why::NotAsked as u32
}

/// True if the clocks of the recording still run.
fn is_of_this_boot(process: &Process) -> bool {
    let mut boot = [0; 16];
    for (bytes, word) in boot.chunks_mut(8).zip(&process.boot) {
        bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
    }
    boot == os::files::boot_id()
}

/// How long ago the recording began, by clocks that still run.
pub(super) fn since_start(header: &Header) -> Span {
    let process = &header.process;
    let (clock, nanos) = os::clock::Clock::start(header.self_check.lifetimes.get() != 0);
    let units = clock.origin().wrapping_sub(process.started_units.load(Ordering::Relaxed));
    let started = process.started_nanos.load(Ordering::Relaxed);
    Span { units, nanos: nanos.saturating_sub(started) }
}

/// How long the recording has lasted. Without a written end, up to the latest event or moment whose
/// time is known.
fn span(view: &View<'_>, is_running: bool) -> Span {
    let process = &view.header.process;
    let noted = Span {
        units: process.last_units.load(Ordering::Relaxed),
        nanos: process.last_nanos.load(Ordering::Relaxed),
    };
    if is_running {
        return since_start(view.header);
    }
    let fronts = view.used_slots().map(|(_, slot)| &slot.front).chain([&view.header.heap.exact]);
    let latest = fronts.map(Front::last_growth).max().unwrap_or(0);
    let latest = latest.max(view.header.heap.peak_time.get()).max(reader::after_moments(view));
    let units = latest.max(noted.units);
    if units == noted.units {
        return noted;
    }
    // Two readings are to say the same: what was noted is taken, if it lasted for most of it.
    let is_noted = noted.units >= units / 2;
    let may_measure = !is_noted && is_of_this_boot(process);
    let rate = if may_measure { since_start(view.header) } else { noted };
    let nanos = u128::from(units) * u128::from(rate.nanos) / u128::from(rate.units.max(1));
    Span { units, nanos: u64::try_from(nanos).unwrap_or(u64::MAX) }
}

/// Undoes what threads were in the middle of when they were stopped: see `store::journal`.
fn repair(view: &View<'_>) {
    for (slot, journal) in view.used_slots().map(|(index, slot)| (index, &slot.journal)) {
        let site = SiteId::new(journal.site.load(Ordering::Relaxed));
        let arena = arena_of(ThreadIndex::at(slot), view.arenas.len());
        let share = arena.and_then(|index| view.arena(index)).map(|arena| arena.place_of(site));
        let at = site.index();
        match journal.kind.load(Ordering::Relaxed) {
            RESIZING_OWN => {
                if let Some(own) = view.tallies.get(at) {
                    own.keep_totals(&journal.site_before);
                }
            }
            RESIZING_SHARE => {
                if let Some(share) = share.filter(|share| share.site() == site) {
                    share.keep_totals(&journal.share_before);
                }
            }
            FLUSHING => {
                if let Some(shared) = view.shared.get(at) {
                    shared.keep(&journal.site_before);
                }
                // A share that was in no arena was an event of its own: it has not happened.
                if let Some(share) = share.filter(|_| journal.has_place()) {
                    share.keep(&journal.share_before);
                }
            }
            _ => {}
        }
    }
}
