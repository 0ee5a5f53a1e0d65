//! An endpoint, pushes, or both, of the same processes.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mod_alloc::report::Options;

use crate::base::say::say;

use super::arguments::Listening;
use super::endpoint::{Endpoint, Started};
use super::push::{Destination, Pusher, Pushing};
use super::served::Served;
use super::sources::{Known, Sources};

/// The endpoint and the pushes to begin, before there is a process.
#[derive(Debug)]
pub(crate) struct Service {
    endpoint: Option<Endpoint>,
    destination: Option<Destination>,
}

/// A service at work.
#[derive(Debug)]
pub(crate) struct Running {
    served: Arc<Served>,
    listener: Option<Started>,
    pusher: Option<Pusher>,
}

impl Service {
    /// The one that the options of a run ask for.
    pub(crate) fn of(listening: &Listening, pushing: &Pushing) -> Result<Option<Self>, String> {
        let service =
            Self { endpoint: Endpoint::of(listening)?, destination: Destination::of(pushing)? };
        let is_wanted = service.endpoint.is_some() || service.destination.is_some();
        Ok(is_wanted.then_some(service))
    }

    pub(super) fn new(endpoint: Option<Endpoint>, destination: Option<Destination>) -> Self {
        Self { endpoint, destination }
    }

    /// Begins with the processes that come from `sources`. The user is told of what cannot be.
    pub(crate) fn start(self, sources: Sources, options: Options) -> Running {
        self.start_with(Known::new(sources, options), false)
    }

    /// `ends_alone`: pushes end when all processes have ended.
    pub(super) fn start_with(self, known: Known, ends_alone: bool) -> Running {
        let served = Arc::new(Served::new(known, self.destination.is_some()));
        let listener = self.endpoint.and_then(|endpoint| {
            endpoint.tell();
            let started = endpoint.start(served.clone());
            started
                .map_err(|error| say!("nothing is served: no thread can be started: {error}"))
                .ok()
        });
        let pusher = self.destination.and_then(|destination| {
            tell(&destination);
            let pusher = Pusher::begin(served.clone(), destination, ends_alone);
            pusher
                .map_err(|error| say!("nothing is pushed: no thread can be started: {error}"))
                .ok()
        });
        Running { served, listener, pusher }
    }
}

/// Says where profiles go, and who can read them on the way.
fn tell(destination: &Destination) {
    let url = destination.url();
    say!("pushing profiles to {url} each {:?}", destination.period());
    if destination.is_open() {
        say!("what is pushed to {url} can be read on its way; https encrypts it");
    }
}

impl Running {
    /// Takes no more requests, and makes the last push. `recording`: that of the program, if it is
    /// one alone, which may have ended before anybody asked for it.
    pub(crate) fn stop(self, recording: Option<&Path>) {
        if let Some(recording) = recording {
            self.served.find_ended(recording);
        }
        self.listener.into_iter().for_each(Started::stop);
        self.pusher.into_iter().for_each(Pusher::end);
    }

    /// Goes on until the pushes have ended by themselves, or a signal ends this process; for ever
    /// without pushes. `signals`: blocked in all threads. False: there is nothing to go on with.
    pub(super) fn stay(self, signals: Option<&Signals>) -> bool {
        const LOOK: Duration = Duration::from_millis(100);
        match (self.listener, self.pusher) {
            (listener, Some(pusher)) => {
                while !pusher.has_ended() {
                    match signals {
                        Some(signals) if signals.came_within(LOOK) => break,
                        Some(_) => {}
                        None => thread::sleep(LOOK),
                    }
                }
                listener.into_iter().for_each(Started::stop);
                pusher.end();
            }
            (Some(listener), None) => listener.stay(),
            (None, None) => return false,
        }
        true
    }
}

/// The signals that end a service: the last push is made before they do.
#[derive(Debug)]
pub(super) struct Signals(libc::sigset_t);

impl Signals {
    /// Blocks them, in the threads that are started from now on, too.
    pub(super) fn block() -> std::io::Result<Self> {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the call fills the set that it is given.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: it was filled.
        let mut set = unsafe { set.assume_init() };
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: a set, and a signal there is.
            unsafe { libc::sigaddset(&raw mut set, signal) };
        }
        // SAFETY: a set; the mask before is not asked for.
        let failed =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        if failed == 0 { Ok(Self(set)) } else { Err(std::io::Error::from_raw_os_error(failed)) }
    }

    /// Waits for one of them, that long at most.
    fn came_within(&self, time: Duration) -> bool {
        let time = libc::timespec {
            tv_sec: time.as_secs() as libc::time_t,
            tv_nsec: time.subsec_nanos().into(),
        };
        // SAFETY: a set and a time; what is told of the signal is not asked for.
        let signal =
            unsafe { libc::sigtimedwait(&raw const self.0, std::ptr::null_mut(), &raw const time) };
        signal > 0
    }
}
