//! The processes that an endpoint tells of: named ones, or those of a run as they come.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mod_alloc::report::Options;

use crate::recordings;
use crate::watched::{Target, Watched};

use super::collectors::{Asked, Collector};
use super::subject::{Subject, Trouble};

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
    /// The file numbers of the folder's processes, in the order of `subjects`.
    inodes: Vec<u64>,
    ended: Ended,
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
            asked: Asked::default(),
            options,
        }
    }

    /// With those that are named.
    pub(super) fn named(targets: &[PathBuf], options: Options) -> Result<Self, String> {
        let mut known = Self::new(Sources::Found, options);
        for target in targets {
            let watched = Watched::open(&Target::parse(target))?;
            let subject = Subject::new(watched, known.options.clone());
            subject.check_owners().map_err(|trouble| match trouble {
                Trouble::Foreign => format!(
                    "{}: it belongs to another user; only root serves what others own",
                    target.display()
                ),
                Trouble::Unreadable(why) => format!("{}: {why}", target.display()),
            })?;
            known.subjects.push(Arc::new(Mutex::new(subject)));
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
                self.add(watched);
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
                        self.inodes.push(file.1);
                        self.add(watched);
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

    pub(super) fn ended(&self) -> Ended {
        self.ended
    }

    pub(super) fn expect_deltas(&mut self, collector: &Collector) {
        self.asked.set(collector.clone(), Instant::now());
    }

    /// Counts the processes that have ended and forgets all else of them: they may be any number.
    fn let_go(&mut self) {
        let expected = self.asked.expected(Instant::now());
        for index in (0..self.inodes.len()).rev() {
            let (Some(subject), Some(&inode)) = (self.subjects.get(index), self.inodes.get(index))
            else {
                continue;
            };
            let over = with(subject, |subject| subject.over(&expected, inode));
            let Some(sums) = over else { continue };
            let ended = &mut self.ended;
            ended.processes += 1;
            ended.total_bytes = ended.total_bytes.saturating_add(sums.total_bytes);
            ended.total_blocks = ended.total_blocks.saturating_add(sums.total_blocks);
            self.subjects.remove(index);
            self.inodes.remove(index);
        }
    }

    fn add(&mut self, watched: Watched) {
        let subject = Subject::new(watched, self.options.clone());
        self.subjects.push(Arc::new(Mutex::new(subject)));
    }
}

/// Does `work` with a subject. One whose thread has panicked goes on with what it has.
pub(super) fn with<R>(subject: &Mutex<Subject>, work: impl FnOnce(&mut Subject) -> R) -> R {
    work(&mut subject.lock().unwrap_or_else(PoisonError::into_inner))
}
