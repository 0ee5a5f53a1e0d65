//! `--top`: the largest stacks, and all others as one.

use std::cmp::Reverse;
use std::collections::HashMap;

use mod_alloc::recording::model::SiteMoment;

use crate::dhat_file::{Document, Site};

use super::sort::Sort as Metric;

/// The frames that stand for the stacks that are left out: for those whose blocks are short-lived,
/// and for all others. One for both would have a mean lifetime that is of neither.
const OTHERS: [&str; 2] = ["(other)", "(other, short-lived)"];

/// The `top` stacks of `document` with most of `metric`, in the document's order. All others are
/// added up to two stacks at the end, so that the totals of every metric stay.
pub(crate) fn largest(document: Document, metric: Metric, top: usize) -> Document {
    if document.sites.len() <= top {
        return document;
    }
    let is_kept = kept(&document, metric, top);
    let mut frames = Frames::default();
    let mut others = [Site::default(), Site::default()];
    let mut sites = Vec::with_capacity(top + 1);
    for (site, is_kept) in document.sites.iter().zip(is_kept) {
        if is_kept {
            let stack = site.stack.iter().map(|&id| frames.used(id, &document.frames));
            sites.push(Site { stack: stack.collect(), ..site.clone() });
        } else {
            let other = &mut others[usize::from(document.is_short_lived(&site.numbers))];
            other.numbers.add(&site.numbers);
            other.merged = other.merged.saturating_add(site.merged);
            SiteMoment::add_up(&mut other.moments, &site.moments);
        }
    }
    for (other, name) in others.into_iter().zip(OTHERS).filter(|(other, _)| other.merged > 0) {
        sites.push(Site { stack: vec![frames.push(name.into())], ..other });
    }
    Document { sites, frames: frames.all, ..document }
}

fn kept(document: &Document, metric: Metric, top: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..document.sites.len()).collect();
    let part = |&site: &usize| metric.part(document, &document.sites[site].numbers);
    order.sort_by_key(|site| Reverse(part(site)));
    let mut is_kept = vec![false; order.len()];
    order.into_iter().take(top).for_each(|site| is_kept[site] = true);
    is_kept
}

/// A position in a list as the number that stands for its element. A list of 2³² elements does not
/// fit in memory.
pub(crate) fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The frames that are still used; dhat's index 0 is the root.
#[derive(Debug)]
struct Frames {
    all: Vec<String>,
    ids: HashMap<u32, u32>,
}

impl Default for Frames {
    fn default() -> Self {
        Self { all: vec![mod_alloc::report::wire::ROOT.into()], ids: HashMap::new() }
    }
}

impl Frames {
    fn used(&mut self, id: u32, texts: &[String]) -> u32 {
        if let Some(&known) = self.ids.get(&id) {
            return known;
        }
        let new = self.push(texts.get(id as usize).cloned().unwrap_or_default());
        self.ids.insert(id, new);
        new
    }

    fn push(&mut self, text: String) -> u32 {
        self.all.push(text);
        index(self.all.len() - 1)
    }
}
