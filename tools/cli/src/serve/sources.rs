//! The processes that an endpoint tells of: named ones, or those of a run as they come.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use mod_alloc::report::Options;

use crate::recordings;
use crate::watched::{Target, Watched};

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

/// The processes that are known so far.
#[derive(Debug)]
pub(super) struct Known {
    sources: Sources,
    subjects: Subjects,
    /// Recordings of the folder that are among them, by device and file number: that of a forked
    /// child has another name when the child has begun.
    files: HashSet<(u64, u64)>,
    options: Options,
}

impl Known {
    /// With those that come from `sources`.
    pub(super) fn new(sources: Sources, options: Options) -> Self {
        Self { sources, subjects: Vec::new(), files: HashSet::new(), options }
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
                let watched = Watched::open(&Target::Process(*pid))?;
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
                        self.add(watched);
                    }
                }
            }
            _ => {}
        }
        if self.subjects.is_empty() {
            return Err("no process has begun to record yet".into());
        }
        Ok(self.subjects.clone())
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
