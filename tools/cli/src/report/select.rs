//! `--filter` and `--focus`: some of a document's stacks.
//!
//! The selected stacks are a document of their own, so that every table and format is of them.
//! Facts of the whole process that cannot be told for some stacks are left out of it.

use std::collections::HashMap;

use mod_alloc::recording::model::SiteMoment;

use crate::dhat_file::{Document, Frame, Numbers, Site};
use crate::units::{Count, Share};

mod focus;

/// The stacks to keep.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Selecting {
    /// Keep the stacks that have TEXT in a frame: in a function, a file or a module, in capitals or
    /// not
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    filter: Option<String>,
    /// Keep the stacks through FUNCTION, without the frames that called it: a whole name, or the
    /// end of a path (`parse` is `app::parse`, too)
    #[arg(long, value_name = "FUNCTION", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    focus: Option<String>,
}

/// Facts of a selection.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub(crate) struct Selected {
    filter: Option<String>,
    focus: Option<String>,
    /// The number of stacks that are kept.
    pub(crate) stacks: u64,
    /// The number of all stacks.
    pub(crate) of_stacks: u64,
    /// The sums over the stacks that are kept. A kept stack counts whole.
    #[serde(skip)]
    pub(super) sums: Numbers,
    /// The sums over all stacks.
    #[serde(skip)]
    pub(super) of_sums: Numbers,
}

impl Selected {
    /// The selection in words, for people.
    pub(crate) fn words(&self) -> String {
        let filter = self.filter.as_ref().map(|text| format!("with {text:?} in a frame"));
        let focus = self.focus.as_ref().map(|name| format!("through {name}"));
        let which: Vec<_> = filter.into_iter().chain(focus).collect();
        let (stacks, all) = (Count(self.stacks), Count(self.of_stacks));
        let share = self.share(|numbers| numbers.total_bytes);
        format!("only the stacks {}: {stacks} of {all}, {share} of the total", which.join(" and "))
    }

    /// Says it where a page, a picture or another tool shows the command line.
    pub(crate) fn label(&self, document: &mut Document) {
        document.command = format!("{} ({})", document.command, self.words());
    }

    /// The part of all stacks that the selected ones have of a number.
    pub(super) fn share(&self, number: impl Fn(&Numbers) -> u64) -> Share {
        Share { part: number(&self.sums), whole: number(&self.of_sums) }
    }
}

impl Selecting {
    /// The selected stacks of `document`; the document itself if nothing is to be selected.
    ///
    /// # Errors
    ///
    /// The reason, for people, if no stack is left.
    pub(crate) fn apply(&self, document: Document) -> Result<(Document, Option<Selected>), String> {
        if self.filter.is_none() && self.focus.is_none() {
            return Ok((document, None));
        }
        let (of_stacks, of_sums) = (document.sites.len() as u64, document.totals());
        let mut document = of_some_stacks(document);
        if let Some(text) = &self.filter {
            filter(&mut document, text);
            if document.sites.is_empty() {
                return Err(format!(
                    "none of {} stacks has {text:?} in a frame; --stacks shows all frames",
                    Count(of_stacks)
                ));
            }
        }
        if let Some(function) = &self.focus {
            focus::focus(&mut document, function)?;
        }
        let stacks = document.sites.len() as u64;
        document.sites = add_up(document.sites);
        let selected = Selected {
            filter: self.filter.clone(),
            focus: self.focus.clone(),
            stacks,
            of_stacks,
            sums: document.totals(),
            of_sums,
        };
        Ok((document, Some(selected)))
    }
}

/// Without the facts that are of the whole process and look like sums of the stacks.
fn of_some_stacks(mut document: Document) -> Document {
    let extras = &mut document.extras;
    (extras.heap_states, extras.histograms, extras.mappings) = (None, None, None);
    extras.timeline = None;
    extras.groups.clear();
    extras.processes.clear();
    extras.thread_list.clear();
    document
}

fn filter(document: &mut Document, text: &str) {
    let text = text.to_lowercase();
    let has = |frame: &String| without_address(frame).to_lowercase().contains(&text);
    let hits: Vec<bool> = document.frames.iter().map(has).collect();
    document.sites.retain(|site| site.stack.iter().any(|&frame| hits[frame as usize]));
}

/// A frame's function and place: digits of its address are not what a person looks for.
fn without_address(text: &str) -> &str {
    let address = Frame::parse(text).address;
    let rest = address.and_then(|address| text.strip_prefix(address)?.strip_prefix(": "));
    rest.unwrap_or(text)
}

/// Adds up the sites whose stacks have become equal.
fn add_up(sites: Vec<Site>) -> Vec<Site> {
    let mut known = HashMap::<Vec<u32>, usize>::new();
    let mut sums: Vec<Site> = Vec::new();
    for site in sites {
        let next = sums.len();
        let at = *known.entry(site.stack.clone()).or_insert(next);
        let Some(sum) = sums.get_mut(at) else {
            sums.push(site);
            continue;
        };
        sum.numbers.add(&site.numbers);
        sum.merged = sum.merged.saturating_add(site.merged);
        SiteMoment::add_up(&mut sum.moments, &site.moments);
    }
    sums
}

#[cfg(test)]
mod tests;
