//! The functions at the addresses of a recording, each address looked up once.

use std::vec::Vec;

use crate::recording::model::{Frame as Node, ROOTS, Recording};
use crate::symbolize::{FixedMap, Symbol, Symbolizer};

use super::cut_frames::CutFrames;
use super::frames::FrameTable;
use super::options::Options;

/// In [`NodeNames`]: an entry whose address was not resolved yet.
const NOT_RESOLVED: u32 = u32::MAX;

/// For every frame of a recording (a physical one), the functions at its address.
#[derive(Default)]
pub(super) struct NodeNames {
    /// For each entry of [`Recording::frames`], its address's index in `ends`.
    addresses: Vec<u32>,
    /// The end in `ids` of each distinct address's ids; they begin where the ones
    /// before end.
    ends: Vec<usize>,
    ids: Vec<u32>,
    /// Index in `ends` of the addresses that were resolved.
    known: FixedMap<(u64, u16), u32>,
    /// Those that no module held.
    homeless: Vec<(u64, u16)>,
    symbols: Vec<Symbol>,
}

impl NodeNames {
    /// Resolves each distinct address of the sites' stacks once.
    pub(super) fn resolve(
        recording: &Recording,
        options: &Options,
        frames: &mut FrameTable,
    ) -> Self {
        let mut symbolizer = Symbolizer::new(recording, &options.debug_dirs)
            .with_fetch(options.fetch.clone())
            .with_cache(options.cache.clone());
        let mut names = Self::default();
        names.cover(recording);
        let nodes = nodes_of_sites(recording);
        let address =
            |&node: &usize| (recording.frames[node].address, recording.frames[node].generation);
        symbolizer.announce(nodes.iter().map(address));
        let mut cut = CutFrames::of(recording, &nodes, options, &mut symbolizer, frames);
        symbolizer.announce(nodes.iter().filter(|&&node| !cut.has(node)).map(address));
        for node in nodes {
            match cut.take(node) {
                Some((place, symbol)) => {
                    names.push_cut(node, frames.code(place, symbol, &recording.modules))
                }
                None => names.resolve_node(node, recording, &mut symbolizer, frames),
            }
        }
        symbolizer.keep();
        // Only needed to resolve more.
        Self { addresses: names.addresses, ends: names.ends, ids: names.ids, ..Self::default() }
    }

    /// Makes room for the frames that `recording` has more than the one before.
    pub(super) fn cover(&mut self, recording: &Recording) {
        let nodes = recording.frames.len();
        self.addresses.reserve_exact(nodes.saturating_sub(self.addresses.len()));
        self.addresses.resize(nodes, NOT_RESOLVED);
    }

    /// Resolves entry `node` of [`Recording::frames`], if that is new.
    pub(super) fn resolve_node(
        &mut self,
        node: usize,
        recording: &Recording,
        symbolizer: &mut Symbolizer<'_>,
        frames: &mut FrameTable,
    ) {
        if self.addresses[node] != NOT_RESOLVED {
            return;
        }
        let at = &recording.frames[node];
        let next = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        let address = *self.known.entry((at.address, at.generation)).or_insert(next);
        self.addresses[node] = address;
        if address == next {
            self.push_names(at, recording, symbolizer, frames);
        }
    }

    /// Enters the one frame of an entry that no report shows. Another entry of the same address may
    /// be shown, and is resolved.
    fn push_cut(&mut self, node: usize, id: u32) {
        self.addresses[node] = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.ids.push(id);
        self.ends.push(self.ids.len());
    }

    fn push_names(
        &mut self,
        node: &Node,
        recording: &Recording,
        symbolizer: &mut Symbolizer<'_>,
        frames: &mut FrameTable,
    ) {
        self.symbols.clear();
        // A root has no address and stands for no code, nor does a group.
        if node.address != 0 {
            let (strings, symbols) = (frames.strings_mut(), &mut self.symbols);
            let place = symbolizer.resolve(node.address, node.generation, strings, symbols);
            if place.module.is_none() {
                self.homeless.push((node.address, node.generation));
            }
            if symbols.is_empty() {
                symbols.push(Symbol::default());
            }
            let ids = symbols.iter().map(|&at| frames.code(place, at, &recording.modules));
            self.ids.extend(ids);
        }
        self.ends.push(self.ids.len());
    }

    /// Has the addresses that no module held resolved again.
    pub(super) fn retry_homeless(&mut self) {
        let homeless = self.homeless.drain(..);
        let given_up = homeless.filter_map(|address| self.known.remove(&address));
        let given_up: std::collections::BTreeSet<u32> = given_up.collect();
        for address in self.addresses.iter_mut().filter(|address| given_up.contains(address)) {
            *address = NOT_RESOLVED;
        }
    }

    /// The ids at entry `node` of [`Recording::frames`], innermost first.
    pub(super) fn of(&self, node: usize) -> &[u32] {
        let Some(&address) = self.addresses.get(node) else { return &[] };
        let address = address as usize;
        let first = address.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[first..self.ends[address]]
    }
}

/// The entries of [`Recording::frames`] that some site's stack goes through, in their order: a
/// recording has others, of sites that are not of its latest window.
fn nodes_of_sites(recording: &Recording) -> Vec<usize> {
    let mut wanted = std::vec![false; recording.frames.len()];
    for site in &recording.sites {
        let mut at = site.frame as usize;
        while at >= ROOTS && wanted.get(at) == Some(&false) {
            wanted[at] = true;
            // A parent that is not further out would make this walk endless.
            at = (recording.frames[at].parent as usize).min(at - 1);
        }
    }
    let wanted = wanted.into_iter().enumerate();
    wanted.filter_map(|(node, wanted)| wanted.then_some(node)).collect()
}
