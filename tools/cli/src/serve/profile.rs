//! `/debug/pprof/…`: profiles, within the limits of those who collect them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::dhat_file::{Document, merge};
use crate::pprof::{self, Options};
use crate::report::Sort as Metric;

use super::collectors::Collector;
use super::http::{Answer, Client, Delivered, Request, Stayed};
use super::limits::fitting;
use super::numbers::Totals;
use super::push::Amount;
use super::served::Served;
use super::sources::{Subjects, with};
use super::subject::{Since, Subject, Told, Trouble};

/// Longest `seconds`.
const LONGEST: u64 = 600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Allocs,
    Heap,
    /// Totals since the collector's last time: godeltaprof serves them under this name.
    DeltaHeap,
}

impl Kind {
    fn metric(self) -> Metric {
        if self == Self::Heap { Metric::End } else { Metric::Total }
    }
}

pub(super) fn answer(
    served: &Served,
    kind: Kind,
    request: &Request,
    client: &Client<'_>,
) -> Result<(Answer, Option<Delivered>), Answer> {
    let seconds = number(request, "seconds", LONGEST)?.filter(|&seconds| seconds > 0);
    let is_delta = kind == Kind::DeltaHeap && seconds.is_none();
    let collector = is_delta.then(|| Collector::of(request, client));
    if let Some(collector) = &collector {
        served.expect_deltas(collector);
    }
    let subjects = chosen(served, request)?;
    let bases = match seconds {
        None => Vec::new(),
        Some(seconds) => {
            let bases = subjects.iter().map(|subject| with(subject, Subject::totals).ok());
            let bases: Vec<Option<Totals>> = bases.collect();
            match client.stays(Duration::from_secs(seconds)) {
                Stayed::Yes => bases,
                Stayed::Gone => return Err(Answer::text(503, "the client has gone")),
                Stayed::Crowded => {
                    let answer = Answer::text(503, "too many requests wait for their seconds");
                    return Err(answer.with("Retry-After", "1"));
                }
            }
        }
    };
    let mut bases = bases.iter().map(Option::as_ref);
    let mut told = All::default();
    for subject in &subjects {
        let since = match (seconds, bases.next().flatten()) {
            (Some(_), Some(totals)) => Since::Moment(totals),
            // A process that could not be read at the beginning has all its totals from then on.
            _ => collector.as_ref().map_or(Since::Start, Since::Told),
        };
        told.add(subject, with(subject, |subject| subject.document(since)));
    }
    let document = told.document()?;
    let answer = Answer::new(
        "application/octet-stream",
        encoded(&document, kind.metric(), told.micros)
            .map_err(|error| Answer::text(500, &format!("the profile cannot be made: {error}")))?,
    );
    let delivered = collector.map(|collector| -> Delivered {
        Box::new(move || {
            told.reached(&collector);
        })
    });
    Ok((answer, delivered))
}

/// The processes that a request asks for.
pub(super) fn chosen(served: &Served, request: &Request) -> Result<Subjects, Answer> {
    let subjects = served.subjects()?;
    let Some(pid) = number(request, "pid", u32::MAX.into())? else { return Ok(subjects) };
    let is_it = |subject: &Arc<Mutex<Subject>>| {
        with(subject, |subject| subject.pid()).is_some_and(|found| u64::from(found) == pid)
    };
    let found: Subjects = subjects.into_iter().filter(is_it).collect();
    if found.is_empty() {
        return Err(Answer::text(404, &format!("process {pid} is not served here")));
    }
    Ok(found)
}

fn number(request: &Request, key: &str, most: u64) -> Result<Option<u64>, Answer> {
    let Some(text) = request.value(key) else { return Ok(None) };
    let number = text.parse().ok().filter(|&number| number <= most);
    number.map(Some).ok_or_else(|| {
        Answer::text(400, &format!("{key}={text}: a number from 0 to {most} is needed"))
    })
}

/// All that there is to tell of several processes.
#[derive(Default)]
pub(super) struct All {
    documents: Vec<Document>,
    totals: Vec<(Arc<Mutex<Subject>>, Totals)>,
    micros: u64,
    troubles: Vec<Trouble>,
}

impl All {
    pub(super) fn add(&mut self, subject: &Arc<Mutex<Subject>>, told: Result<Told, Trouble>) {
        match told {
            Ok(told) => {
                self.documents.push(told.document);
                self.micros = self.micros.max(told.micros);
                self.totals.push((subject.clone(), told.totals));
            }
            Err(trouble) => self.troubles.push(trouble),
        }
    }

    pub(super) fn document(&mut self) -> Result<Document, Answer> {
        sum(std::mem::take(&mut self.documents), &self.troubles)
    }

    /// The time that the totals are of, in microseconds.
    pub(super) fn micros(&self) -> u64 {
        self.micros
    }

    /// Allocations in the documents.
    pub(super) fn amount(&self) -> Amount {
        let mut amount = Amount::default();
        for document in &self.documents {
            let totals = document.totals();
            amount.add(Amount { bytes: totals.total_bytes, blocks: totals.total_blocks });
        }
        amount
    }

    /// Notes that all this has reached `collector`.
    pub(super) fn reached(self, collector: &Collector) {
        for (subject, totals) in self.totals {
            with(&subject, |subject| subject.was_told(collector, totals));
        }
    }
}

/// All documents as one; the answer if there are none.
pub(super) fn sum(mut documents: Vec<Document>, troubles: &[Trouble]) -> Result<Document, Answer> {
    if documents.len() > 1 {
        return Ok(merge(&documents));
    }
    documents.pop().ok_or_else(|| match troubles.first() {
        Some(Trouble::Unreadable(why)) => Answer::text(503, why).with("Retry-After", "1"),
        Some(Trouble::Foreign) => Answer::text(403, "the process belongs to another user"),
        None => Answer::text(503, "no process is there"),
    })
}

/// The profile, as large as collectors take it.
fn encoded(document: &Document, metric: Metric, micros: u64) -> std::io::Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let options = Options {
        metric,
        has_peak: false,
        time_nanos: u64::try_from(now.as_nanos()).unwrap_or(0),
        duration_nanos: Some(micros.saturating_mul(1000)),
    };
    let plain = fitting(document, metric, |shown| {
        let mut plain = Vec::new();
        pprof::write_plain(shown, options, &mut plain).map(|()| plain)
    })?;
    pprof::gzipped(&plain)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::dhat_file::{Numbers, Site};
    use crate::serve::limits::MOST_BYTES;

    #[test]
    fn long_names_do_not_exceed_the_bytes_that_collectors_take() {
        let mut document = Document::default();
        document.frames.push("[root]".into());
        for number in 1..=20_000 {
            document.frames.push(format!("0x{number:x}: f{number}{} (a.c:1)", "x".repeat(500)));
            let total_bytes = number.into();
            let numbers = Numbers { total_blocks: 1, total_bytes, ..Numbers::default() };
            let site = Site { numbers, stack: vec![number], merged: 1, ..Site::default() };
            document.sites.push(site);
        }
        let gzipped = encoded(&document, Metric::Total, 1).unwrap();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*gzipped).read_to_end(&mut plain).unwrap();
        assert!(plain.len() <= MOST_BYTES, "{}", plain.len());
        assert!(plain.len() > MOST_BYTES / 2, "no more than needed is left out: {}", plain.len());
        let has = |text: &str| plain.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(has("f20000x") && !has("f1x"), "the largest are kept");
        assert!(has("(other)"));
    }
}
