//! Moments of the heap over time, taken while the programs run: they pay nothing for them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mod_alloc::recording::file::{MomentTaker, RecordingFile};

use crate::base::say::say;
use crate::recordings;

use super::arguments::Children;

/// The pause between two looks for recordings that have begun; many processes live longer.
const LOOK: Duration = Duration::from_millis(20);
/// The longest of these pauses.
const LONG_LOOK: Duration = Duration::from_secs(1);

/// A thread that takes moments of all recordings of a run.
#[derive(Debug)]
pub(super) struct Moments {
    thread: JoinHandle<()>,
    end: Sender<()>,
}

impl Moments {
    /// Begins with the recording that will be at `path`, or with those in the folder. `None`: no
    /// moments are wanted, or there can be no thread.
    pub(super) fn begin(path: PathBuf, children: Children) -> Option<Self> {
        let are_refused = |value| value == "off" || value == "totals";
        if std::env::var_os("MOD_ALLOC_TIMELINE").is_some_and(are_refused) {
            return None;
        }
        let (end, ended) = mpsc::channel();
        let work = move || {
            let mut takers = Takers::default();
            let mut pause = LOOK;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                takers.look(&path, children);
                pause = takers.take();
            }
        };
        let thread = thread::Builder::new().name("moments".into()).spawn(work).ok()?;
        Some(Self { thread, end })
    }

    /// The program has ended: waits until no more is written.
    pub(super) fn end(self) {
        drop(self.end);
        // The report has the moments so far, however the thread has ended.
        let _ = self.thread.join();
    }
}

/// The taker of each recording, by its path, and when its next moment is due. `None`: there are no
/// moments of it, or no more.
#[derive(Default)]
struct Takers {
    known: HashMap<PathBuf, Option<(MomentTaker, Instant)>>,
    pause: Duration,
}

impl Takers {
    /// Looks for recordings that have begun since.
    fn look(&mut self, path: &Path, children: Children) {
        let paths = match children {
            Children::No => vec![path.to_owned()],
            // A folder that cannot be read now is read again.
            Children::Yes => recordings::in_folder(path).unwrap_or_default(),
        };
        let known = self.known.len();
        for path in paths {
            if self.known.contains_key(&path) {
                continue;
            }
            // A file that is no recording yet will be one.
            let Ok(taker) = RecordingFile::open(&path).and_then(|file| file.moment_taker()) else {
                continue;
            };
            self.known.insert(path, taker.map(|taker| (taker, Instant::now() + LOOK)));
        }
        let is_new = self.known.len() != known;
        self.pause = if is_new { LOOK } else { (self.pause * 2).clamp(LOOK, LONG_LOOK) };
    }

    /// Takes the moments that are due; returns the pause to the next, or to the next look.
    fn take(&mut self) -> Duration {
        let mut pause = self.pause;
        for (path, entry) in &mut self.known {
            let Some((taker, due)) = entry else { continue };
            if *due <= Instant::now() {
                match taker.take() {
                    Ok(Some(next)) => *due = Instant::now() + next,
                    Ok(None) => {
                        *entry = None;
                        continue;
                    }
                    Err(error) => {
                        say!(
                            "{}: no more moments of the heap over time are taken: {error}",
                            path.display()
                        );
                        *entry = None;
                        continue;
                    }
                }
            }
            pause = pause.min(due.saturating_duration_since(Instant::now()));
        }
        pause
    }
}
