//! The thread that pushes.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::say::say;
use crate::otlp;
use crate::pprof;
use crate::report::Sort as Metric;
use crate::serve::collectors::Collector;
use crate::serve::profile::All;
use crate::serve::served::Served;
use crate::serve::sources::with;
use crate::serve::subject::Since;

use super::body::{Body, rejection};
use super::client::{Answer, Client};
use super::destination::Destination;
use super::figures::{Amount, Cause, Outcome};
use super::pace::{Pace, random};

/// The longest time for one request.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest time for the last push, with all its attempts: whoever waits for the program's end
/// waits for it.
const LONGEST_END: Duration = Duration::from_secs(10);
/// The first pause between attempts of the last push.
const END_PAUSE: Duration = Duration::from_millis(100);

/// A thread that pushes.
#[derive(Debug)]
pub(crate) struct Pusher {
    thread: JoinHandle<()>,
    end: Sender<()>,
}

impl Pusher {
    /// Begins to push what `served` has. `ends_alone`: when all its programs have ended, the thread
    /// makes the last push and ends.
    pub(crate) fn begin(
        served: Arc<Served>,
        destination: Destination,
        ends_alone: bool,
    ) -> std::io::Result<Self> {
        let (end, ended) = mpsc::channel();
        // From the start on: a process that ends before the first push stays for it.
        served.expect_deltas(&Collector::Pushed);
        let mut pushing = Pushing::new(served, destination);
        let work = move || {
            let mut pause = pushing.pace.first();
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                // Before the push: what ends in between is pushed once more.
                let is_over = ends_alone && pushing.served.have_all_ended();
                if is_over {
                    break;
                }
                pause = pushing.push();
            }
            pushing.finish();
        };
        let thread = thread::Builder::new().name("push".into()).spawn(work)?;
        Ok(Self { thread, end })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Makes the last push, and says what was dropped.
    pub(crate) fn end(self) {
        drop(self.end);
        // It has told of every failure.
        let _ = self.thread.join();
    }
}

/// Work and state of the thread.
struct Pushing {
    served: Arc<Served>,
    destination: Destination,
    client: Client,
    pace: Pace,
    /// The name that the collector sorts by: that of the first program.
    name: Option<String>,
    /// The failure that was said last: the same one is not said again until a push was taken.
    said: Option<String>,
}

/// A push that waits for its answer.
struct Prepared {
    told: All,
    amount: Amount,
    body: Body,
}

/// The end of an attempt.
enum Attempt {
    /// There is nothing to push, or it has an end.
    Done,
    /// Later again, after the time that the collector wished.
    Again(Option<Duration>),
}

impl Pushing {
    fn new(served: Arc<Served>, destination: Destination) -> Self {
        let pace = Pace::new(destination.every);
        let name = destination.name.clone();
        Self { served, destination, client: Client::new(), pace, name, said: None }
    }

    /// Pushes once; returns the pause.
    fn push(&mut self) -> Duration {
        match self.attempt(LONGEST, false) {
            Attempt::Done => self.pace.after_answer(),
            Attempt::Again(wished) => self.pace.after_failure(wished),
        }
    }

    fn attempt(&mut self, limit: Duration, is_last: bool) -> Attempt {
        let prepared = match self.prepare(is_last) {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return Attempt::Done,
            Err(why) => {
                self.complain(format!("the profile cannot be made: {why}"));
                return Attempt::Again(None);
            }
        };
        let Prepared { told, amount, body } = prepared;
        let auth_file = self.destination.auth_file.as_deref();
        let figures = &self.served.pushed;
        match self.client.post(&self.destination.url, &body, auth_file, limit) {
            Answer::Taken(answer) => {
                told.reached(&Collector::Pushed);
                match rejection(self.destination.form, &answer) {
                    None => {
                        figures.attempted(Outcome::Taken);
                        figures.taken(amount);
                        if self.said.take().is_some() {
                            say!("push: {} takes profiles again", self.destination.url);
                        }
                    }
                    Some(why) => self.refused(amount, why),
                }
                Attempt::Done
            }
            Answer::Refused(why) => {
                // Sent again, it would be refused again, and so would all that come after it.
                told.reached(&Collector::Pushed);
                self.refused(amount, why);
                Attempt::Done
            }
            Answer::Later(why, wished) => {
                figures.attempted(Outcome::Failed);
                self.complain(format!("{why}; it is pushed later"));
                Attempt::Again(wished)
            }
            Answer::None(why) => {
                figures.attempted(Outcome::Unanswered);
                self.complain(format!("{why}; it is pushed again"));
                Attempt::Again(None)
            }
        }
    }

    fn refused(&mut self, amount: Amount, why: String) {
        self.served.pushed.attempted(Outcome::Refused);
        self.served.pushed.dropped(Cause::Refused, amount);
        self.complain(format!("{why}; the profile is dropped"));
    }

    /// The profile of all that was not taken yet; `None`: there is none.
    fn prepare(&mut self, is_last: bool) -> Result<Option<Prepared>, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let told = self.untold();
        let (mut told, amount) = told;
        // A program that has ended needs no profile that says nothing new.
        if is_last && amount.is_zero() && self.served.pushed.counts().taken != Amount::default() {
            return Ok(None);
        }
        let Ok(document) = told.document() else { return Ok(None) };
        let name = self
            .name
            .get_or_insert_with(|| document.program_name().unwrap_or_else(|| otlp::UNKNOWN.into()));
        let options = pprof::Options {
            metric: Metric::Total,
            has_peak: false,
            time_nanos: u64::try_from(now.as_nanos()).unwrap_or(0),
            duration_nanos: Some(told.micros().saturating_mul(1000)),
        };
        let body = Body::new(&self.destination, name, &document, options);
        let body = body.map_err(|error| error.to_string())?;
        Ok(Some(Prepared { told, amount, body }))
    }

    /// All processes, with the allocations that the collector does not know of.
    fn untold(&self) -> (All, Amount) {
        let mut told = All::default();
        self.served.expect_deltas(&Collector::Pushed);
        for subject in self.served.subjects().unwrap_or_default() {
            let document =
                with(&subject, |subject| subject.document(Since::Told(&Collector::Pushed)));
            told.add(&subject, document);
            let replaced = with(&subject, |subject| subject.take_replaced());
            self.served.pushed.dropped(Cause::Replaced, replaced);
        }
        let amount = told.amount();
        (told, amount)
    }

    /// Makes the last push.
    fn finish(&mut self) {
        let began = Instant::now();
        let mut pause = END_PAUSE;
        loop {
            let left = LONGEST_END.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            let Attempt::Again(wished) = self.attempt(left, true) else { break };
            let pause_now = pause.mul_f64(0.5 + random() / 2.0).max(wished.unwrap_or_default());
            if began.elapsed() + pause_now >= LONGEST_END {
                break;
            }
            thread::sleep(pause_now);
            pause *= 2;
        }
        let (_, left) = self.untold();
        self.served.pushed.dropped(Cause::Unreached, left);
        for line in self.served.pushed.counts().remarks() {
            say!("{line}");
        }
    }

    fn complain(&mut self, why: String) {
        if self.said.as_ref() != Some(&why) {
            say!("push: {}: {why}", self.destination.url);
            self.said = Some(why);
        }
    }
}
