//! Names while the program runs: looking up functions, files and lines takes longer than all else
//! that a report needs, and most call sites are there early.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::report::{Options, SiteNames};

/// The first look at the recording, and the longest pause between two.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// A thread that names what the program has recorded so far.
#[derive(Debug)]
pub(super) struct Ahead {
    thread: JoinHandle<Option<SiteNames>>,
    end: Sender<()>,
}

impl Ahead {
    /// Begins with the recording that will be at `path`. `None`: there can be no thread.
    pub(super) fn begin(path: PathBuf, options: Options) -> Option<Self> {
        let (end, ended) = mpsc::channel();
        let work = move || {
            give_way();
            let mut names = None;
            let mut pause = PAUSES.0;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                look(&path, &options, &mut names);
                pause = (pause * 2).min(PAUSES.1);
            }
            names
        };
        let thread = thread::Builder::new().name("names".into()).spawn(work).ok()?;
        Some(Self { thread, end })
    }

    /// The names so far; the program has ended.
    pub(super) fn end(self) -> Option<SiteNames> {
        drop(self.end);
        self.thread.join().ok().flatten()
    }
}

/// Names new sites. A recording that cannot be read now is read again in the end.
fn look(path: &Path, options: &Options, names: &mut Option<SiteNames>) {
    let Ok(Ok(recording)) = RecordingFile::open(path).map(|file| file.read_without_timeline())
    else {
        return;
    };
    if recording.modules.is_empty() {
        return;
    }
    let names = names.get_or_insert_with(|| SiteNames::new(&recording, options));
    names.update(&recording);
    names.learn(&recording);
}

/// Lets the program go first where processors are scarce.
pub(super) fn give_way() {
    const LOWEST: libc::c_int = 19;
    // SAFETY: no memory is involved. On Linux it concerns the calling thread alone.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, LOWEST) };
}
