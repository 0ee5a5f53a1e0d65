//! Many processes' documents as one: stacks that say the same are added up.

use std::collections::HashMap;

use mod_alloc::recording::model::{Histogram, Histograms, SiteMoment};
use mod_alloc::report::wire::ROOT;

use super::samples::{Samples, sampling};
use super::{Document, Extras, Group, Numbers, Process, Site, coverage};

/// The sum of `documents`; see [`Merger`].
#[must_use]
pub fn merge<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Document {
    let mut merger = Merger::default();
    documents.into_iter().for_each(|document| merger.add(document));
    merger.finish()
}

/// Adds documents up, one after another, so that only the sum has to be in memory.
///
/// The sum goes under the name of the first. Stacks are the same if all their frames' texts are.
/// Processes reach their peaks at different times, so that sums of what was live at the peaks are
/// upper bounds, as sums of maxima are. The heap over time is kept of a single document alone: two
/// processes have no clock in common.
#[derive(Debug, Default)]
pub struct Merger {
    head: Option<Document>,
    sum: Sum,
    /// The highest peak so far in bytes, and when it was.
    highest: (u64, Option<u64>),
    end: u64,
    /// A document with blocks had no histogram of sizes, or of lifetimes: those of the others are
    /// not of the sum.
    lacks: (bool, bool),
    /// The longest mean gap of samples; 0: no document has samples.
    mean_gap: u64,
    /// The documents' exact numbers.
    exact: Numbers,
}

impl Merger {
    /// Adds `document`.
    pub fn add(&mut self, document: &Document) {
        let is_first = self.head.is_none();
        let head = self.head.get_or_insert_with(|| without_stacks(document));
        if !is_first {
            (head.extras.timeline, head.extras.moments) = (None, None);
            self.sum.sites.iter_mut().for_each(|site| site.moments = Vec::new());
        }
        add_extras(&mut head.extras, document);
        self.sum.add(document, is_first);
        if !document.sites.is_empty() {
            let known = document.extras.histograms.as_ref();
            self.lacks.0 |= known.is_none_or(|known| known.sizes.is_none());
            self.lacks.1 |= known.is_none_or(|known| known.lifetimes.is_none());
        }
        let (samples, sums) = (document.samples(), document.totals());
        self.mean_gap = self.mean_gap.max(samples.map_or(0, Samples::mean_gap));
        self.exact.add(&samples.map_or(sums, |samples| samples.instead_of(&sums)));
        self.end = self.end.max(document.end);
        // Of equal peaks the later one, in whatever order the documents come.
        self.highest = self.highest.max((sums.peak_bytes, document.peak));
    }

    /// The reason why the numbers of `document` cannot be added to those so far, in words for a
    /// person who added it; `None` if they can.
    #[must_use]
    pub fn refusal(&self, document: &Document) -> Option<String> {
        let first = self.head.as_ref()?;
        first.other_kind(document).or_else(|| {
            let (ours, its) = (&first.time_unit, &document.time_unit);
            let same =
                first.micros().is_some() && first.micros() == document.micros() || ours == its;
            let differs = first.knows_frees() && !same;
            differs.then(|| format!("its times are in {its}, and those of the first are in {ours}"))
        })
    }

    /// The sum of all.
    #[must_use]
    pub fn finish(mut self) -> Document {
        let sums = self.head.as_mut().and_then(|head| head.extras.histograms.as_mut());
        if let Some(histograms) = sums {
            histograms.sizes.take_if(|_| self.lacks.0);
            histograms.lifetimes.take_if(|_| self.lacks.1);
        }
        if let Some(head) = self.head.as_mut().filter(|_| self.mean_gap != 0) {
            head.extras.sampling = Some(sampling(self.mean_gap, &self.exact));
        }
        Document {
            sites: self.sum.sites,
            frames: self.sum.frames,
            end: self.end,
            peak: self.highest.1,
            ..self.head.unwrap_or_default()
        }
    }
}

/// The facts of the process, without its stacks: those may be gigabytes.
fn without_stacks(document: &Document) -> Document {
    Document {
        mode: document.mode.clone(),
        verb: document.verb.clone(),
        units: document.units.clone(),
        time_unit: document.time_unit.clone(),
        mega_time_unit: document.mega_time_unit.clone(),
        short_lifetime: document.short_lifetime,
        command: document.command.clone(),
        pid: document.pid,
        extras: Extras {
            version: document.extras.version.clone(),
            executable: document.extras.executable.clone(),
            peak_is_exact: Some(false),
            frame_limit: document.extras.frame_limit,
            recorder: document.extras.recorder.clone(),
            timeline: document.extras.timeline.clone(),
            moments: document.extras.moments.clone(),
            ..Extras::default()
        },
        ..Document::default()
    }
}

/// Stacks and frames so far, each once.
#[derive(Debug, Default)]
struct Sum {
    frames: Vec<String>,
    frame_ids: HashMap<String, u32>,
    sites: Vec<Site>,
    site_ids: HashMap<Vec<u32>, usize>,
}

impl Sum {
    fn frame(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.frame_ids.get(text) {
            return id;
        }
        let id = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        self.frames.push(text.to_owned());
        self.frame_ids.insert(text.to_owned(), id);
        id
    }

    fn add(&mut self, document: &Document, with_moments: bool) {
        // dhat's index 0.
        self.frame(ROOT);
        // A text once, however often it is in stacks.
        let ids: Vec<u32> = document.frames.iter().map(|text| self.frame(text)).collect();
        for site in &document.sites {
            let stack = site.stack.iter().filter_map(|&index| ids.get(index as usize).copied());
            let moments = if with_moments { &*site.moments } else { &[] };
            self.add_site(stack.collect(), site, moments);
        }
    }

    fn add_site(&mut self, stack: Vec<u32>, site: &Site, moments: &[SiteMoment]) {
        if let Some(&known) = self.site_ids.get(&stack) {
            let sum = &mut self.sites[known];
            sum.numbers.add(&site.numbers);
            sum.merged = sum.merged.saturating_add(site.merged);
            SiteMoment::add_up(&mut sum.moments, moments);
        } else {
            self.site_ids.insert(stack.clone(), self.sites.len());
            let (numbers, merged) = (site.numbers, site.merged);
            self.sites.push(Site { numbers, stack, merged, moments: moments.to_vec() });
        }
    }
}

fn add_extras(sum: &mut Extras, document: &Document) {
    let more = &document.extras;
    sum.losses = match (sum.losses, more.losses) {
        (Some(mut a), Some(b)) => {
            a.add(&b);
            Some(a)
        }
        (one, other) => one.or(other),
    };
    sum.self_check = match (sum.self_check, more.self_check) {
        (Some((a, b)), Some((c, d))) => Some((a.saturating_add(c), b.saturating_add(d))),
        (one, other) => one.or(other),
    };
    sum.threads = match (sum.threads, more.threads) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (one, other) => one.or(other),
    };
    sum.thread_list.extend_from_slice(&more.thread_list);
    if let Some(histograms) = &more.histograms {
        add_histograms(sum.histograms.get_or_insert_default(), histograms);
    }
    coverage::add(&mut sum.coverage, more.coverage.as_ref());
    coverage::add_texts(&mut sum.advice, &more.advice);
    add_groups(&mut sum.groups, &more.groups);
    sum.processes.extend(processes(document));
}

fn add_histograms(sum: &mut Histograms, more: &Histograms) {
    let pairs = [(&mut sum.sizes, &more.sizes), (&mut sum.lifetimes, &more.lifetimes)];
    for (sum, more) in pairs {
        if let Some(Histogram { blocks, bytes }) = more {
            let sum = sum.get_or_insert_default();
            add_entries(&mut sum.blocks, blocks);
            add_entries(&mut sum.bytes, bytes);
        }
    }
}

/// Adds entry to entry, up to the largest number there is. Entries that a list lacks are 0.
fn add_entries(sums: &mut Vec<u64>, more: &[u64]) {
    sums.resize(sums.len().max(more.len()), 0);
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*more);
    }
}

/// Groups of the same name are added up, as their stacks are.
fn add_groups(sums: &mut Vec<Group>, more: &[Group]) {
    for group in more {
        match sums.iter_mut().find(|sum| sum.name == group.name) {
            Some(sum) => sum.add(group),
            None => sums.push(group.clone()),
        }
    }
}

/// The process that a document is of; those of a merged one.
pub(crate) fn processes(document: &Document) -> Vec<Process> {
    if !document.extras.processes.is_empty() {
        return document.extras.processes.clone();
    }
    let totals = document.totals();
    vec![Process {
        pid: document.pid,
        command: document.command.clone(),
        end: document.end,
        total_bytes: totals.total_bytes,
        total_blocks: totals.total_blocks,
        peak_bytes: totals.peak_bytes,
        end_bytes: totals.end_bytes,
        own_allocator: None,
    }]
}
