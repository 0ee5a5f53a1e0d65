//! Many processes' documents as one: stacks that say the same are added up.

use std::collections::HashMap;

use mod_alloc::report::wire::ROOT;

use super::{Document, Extras, Group, Process, Site};

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
/// upper bounds, as sums of maxima are.
#[derive(Debug, Default)]
pub struct Merger {
    head: Option<Document>,
    sum: Sum,
    /// The highest peak so far in bytes, and when it was.
    highest: (u64, Option<u64>),
    end: u64,
}

impl Merger {
    /// Adds `document`.
    pub fn add(&mut self, document: &Document) {
        let head = self.head.get_or_insert_with(|| without_stacks(document));
        add_extras(&mut head.extras, document);
        self.sum.add(document);
        self.end = self.end.max(document.end);
        // Of equal peaks the later one, in whatever order the documents come.
        self.highest = self.highest.max((document.totals().peak_bytes, document.peak));
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
    pub fn finish(self) -> Document {
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

    fn add(&mut self, document: &Document) {
        // dhat's index 0.
        self.frame(ROOT);
        // A text once, however often it is in stacks.
        let ids: Vec<u32> = document.frames.iter().map(|text| self.frame(text)).collect();
        for site in &document.sites {
            let stack = site.stack.iter().filter_map(|&index| ids.get(index as usize).copied());
            self.add_site(stack.collect(), site);
        }
    }

    fn add_site(&mut self, stack: Vec<u32>, site: &Site) {
        if let Some(&known) = self.site_ids.get(&stack) {
            let sum = &mut self.sites[known];
            sum.numbers.add(&site.numbers);
            sum.merged = sum.merged.saturating_add(site.merged);
        } else {
            self.site_ids.insert(stack.clone(), self.sites.len());
            // Moments of several processes are not of one clock.
            self.sites.push(Site { stack, moments: Vec::new(), ..site.clone() });
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
    add_groups(&mut sum.groups, &more.groups);
    sum.processes.extend(processes(document));
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
fn processes(document: &Document) -> Vec<Process> {
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
    }]
}
