//! The processes that an endpoint tells of: named ones, or those of a run as they come.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mod_alloc::report::Options;

use crate::recordings;
use crate::watched::{Target, Watched};

use super::collectors::{Asked, Collector};
use super::push::Amount;
use super::subject::{Over, Subject, Trouble};

/// Most ended processes that are kept for collectors that do not know all of their totals.
const MOST_WAITING: usize = 64;

/// Where processes come from.
#[derive(Debug)]
pub(crate) enum Sources {
    /// Those that were found at the start, and no others.
    Found,
    /// This process, when it has begun to record.
    Process(u32),
    /// Each process that makes a recording in this folder.
    Folder(PathBuf),
    /// Nothing is recorded.
    Off,
}

/// Processes, each of which is read by one request at a time.
pub(super) type Subjects = Vec<Arc<Mutex<Subject>>>;

/// The processes of a run that have ended and are served no more: what was live in them is gone.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Ended {
    pub(super) processes: u64,
    pub(super) total_bytes: u64,
    pub(super) total_blocks: u64,
}

/// The processes that are known so far.
#[derive(Debug)]
pub(super) struct Known {
    sources: Sources,
    subjects: Subjects,
    /// Recordings of the folder that were among them, by device and file number: that of a forked
    /// child has another name when the child has begun.
    files: HashSet<(u64, u64)>,
    /// The file numbers of the recordings, in the order of `subjects`; 0: not known.
    inodes: Vec<u64>,
    ended: Ended,
    /// Allocations of ended processes that were let go before the collector that is pushed to had
    /// them.
    crowded: Amount,
    /// Collectors of differences: a process that has ended stays until they are told the last.
    asked: Asked,
    options: Options,
}

impl Known {
    /// With those that come from `sources`.
    pub(super) fn new(sources: Sources, options: Options) -> Self {
        Self {
            sources,
            subjects: Vec::new(),
            files: HashSet::new(),
            inodes: Vec::new(),
            ended: Ended::default(),
            crowded: Amount::default(),
            asked: Asked::default(),
            options,
        }
    }

    /// With those that are named.
    pub(super) fn named(targets: &[PathBuf], options: Options) -> Result<Self, String> {
        let mut known = Self::new(Sources::Found, options);
        for target in targets {
            let target_kind = Target::parse(target);
            let watched = Watched::open(&target_kind)?;
            let inode = match target_kind {
                Target::File(path) => fs::metadata(path).map_or(0, |file| file.ino()),
                Target::Process(_) => 0,
            };
            let subject = Subject::new(watched, known.options.clone());
            subject.check_owners().map_err(|trouble| match trouble {
                Trouble::Foreign => format!(
                    "{}: it belongs to another user; only root serves what others own",
                    target.display()
                ),
                Trouble::Unreadable(why) => format!("{}: {why}", target.display()),
            })?;
            known.subjects.push(Arc::new(Mutex::new(subject)));
            known.inodes.push(inode);
        }
        Ok(known)
    }

    pub(super) fn is_off(&self) -> bool {
        matches!(self.sources, Sources::Off)
    }

    /// All of now, those that have begun since included. The error: why there is none.
    pub(super) fn all(&mut self) -> Result<Subjects, String> {
        match &self.sources {
            Sources::Process(pid) if self.subjects.is_empty() => {
                let watched = Watched::open(&Target::Process(*pid)).map_err(|_| {
                    format!(
                        "process {pid} has recorded nothing yet; if it executes another program, \
                         as a script or a shim does, run --children yes serves that one, too"
                    )
                })?;
                self.add(watched, 0);
            }
            Sources::Folder(folder) => {
                let found = recordings::in_folder(folder);
                let found = found.map_err(|error| format!("{}: {error}", folder.display()))?;
                for path in found {
                    let Ok(file) = fs::metadata(&path) else { continue };
                    let file = (file.dev(), file.ino());
                    if self.files.contains(&file) {
                        continue;
                    }
                    // A recording that has not begun is opened by a later request.
                    if let Ok(watched) = Watched::open(&Target::File(path)) {
                        self.files.insert(file);
                        self.add(watched, file.1);
                    }
                }
                self.let_go();
            }
            _ => {}
        }
        if self.subjects.is_empty() {
            let none = self.ended.processes == 0;
            let why =
                if none { "no process has begun to record yet" } else { "no process runs now" };
            return Err(why.into());
        }
        Ok(self.subjects.clone())
    }

    /// Opens the recording of the run's only process, which has ended, if nobody has asked for it
    /// while it ran.
    pub(super) fn find_ended(&mut self, recording: &Path) {
        if matches!(self.sources, Sources::Process(_))
            && self.subjects.is_empty()
            // One that recorded nothing has none.
            && let Ok(watched) = Watched::open(&Target::File(recording.to_owned()))
        {
            self.add(watched, 0);
        }
    }

    /// True if no process is left that may allocate.
    pub(super) fn have_all_ended(&self) -> bool {
        let mut all = self.subjects.iter().zip(&self.inodes);
        all.all(|(subject, &inode)| with(subject, |subject| subject.has_ended(inode)))
    }

    /// Allocations that were let go untold, since this was last asked.
    pub(super) fn take_crowded(&mut self) -> Amount {
        std::mem::take(&mut self.crowded)
    }

    pub(super) fn ended(&self) -> Ended {
        self.ended
    }

    pub(super) fn expect_deltas(&mut self, collector: &Collector) {
        self.asked.set(collector.clone(), Instant::now());
    }

    /// Counts the processes that have ended and forgets all else of them: they may be any number.
    fn let_go(&mut self) {
        let expected = self.asked.expected(Instant::now());
        let mut waiting = 0;
        for index in (0..self.inodes.len()).rev() {
            let (Some(subject), Some(&inode)) = (self.subjects.get(index), self.inodes.get(index))
            else {
                continue;
            };
            let over = with(subject, |subject| subject.over(&expected, inode));
            let Some(Over { sums, is_told, left }) = over else { continue };
            if !is_told {
                waiting += 1;
                if waiting <= MOST_WAITING {
                    continue;
                }
                self.crowded.add(left);
            }
            let ended = &mut self.ended;
            ended.processes += 1;
            ended.total_bytes = ended.total_bytes.saturating_add(sums.total_bytes);
            ended.total_blocks = ended.total_blocks.saturating_add(sums.total_blocks);
            self.subjects.remove(index);
            self.inodes.remove(index);
        }
    }

    fn add(&mut self, watched: Watched, inode: u64) {
        self.inodes.push(inode);
        let subject = Subject::new(watched, self.options.clone());
        self.subjects.push(Arc::new(Mutex::new(subject)));
    }
}

/// Does `work` with a subject. One whose thread has panicked goes on with what it has.
pub(super) fn with<R>(subject: &Mutex<Subject>, work: impl FnOnce(&mut Subject) -> R) -> R {
    work(&mut subject.lock().unwrap_or_else(PoisonError::into_inner))
}
