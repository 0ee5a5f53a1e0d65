//! Call sites: stacks that allocate, with their numbers.

use std::boxed::Box;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::vec::Vec;

use super::peak::{Amount, AtPeak, Heap};
use super::table::Map;
use crate::store::ids::GroupId;

/// A stack as it was walked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stack<'a> {
    /// Return addresses, the innermost first.
    pub(crate) frames: &'a [usize],
    /// Outer frames are missing, because there are more than are kept.
    pub(crate) is_truncated: bool,
}

/// One call site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) frames: Box<[usize]>,
    pub(crate) is_truncated: bool,
    pub(crate) group: GroupId,
    /// The next site with this hash.
    next: Option<u32>,
    pub(crate) numbers: Numbers,
}

/// dhat's numbers of a site.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) total: Amount,
    pub(crate) live: Amount,
    /// The most bytes that the site had, and its blocks then.
    pub(crate) most: Amount,
    pub(crate) at_peak: AtPeak,
    /// Nanoseconds that freed blocks have lived, all together.
    pub(crate) lifetimes: u128,
    /// Births of live blocks, in nanoseconds of the clock, all together.
    pub(crate) births: u128,
}

impl Numbers {
    /// A block is allocated.
    pub(crate) fn allocated(&mut self, size: u64, now: u64, heap: &Heap) {
        self.at_peak.touch(self.live, heap);
        self.total.add(size, 1);
        self.live.add(size, 1);
        self.births += u128::from(now);
        self.has_grown();
    }

    /// A block is freed. The heap [knows](Heap::will_shrink) already that it shrinks.
    pub(crate) fn freed(&mut self, size: u64, born: u64, now: u64, heap: &Heap) {
        self.at_peak.touch(self.live, heap);
        self.live.subtract(size, 1);
        self.births -= u128::from(born);
        self.lifetimes += u128::from(now.saturating_sub(born));
    }

    /// A block has another size.
    pub(crate) fn resized(&mut self, old: u64, new: u64, heap: &Heap) {
        self.at_peak.touch(self.live, heap);
        self.total.add(new, 1);
        self.live.add(new.wrapping_sub(old), 0);
        if new >= old {
            self.has_grown();
        }
    }

    fn has_grown(&mut self) {
        if self.live.bytes >= self.most.bytes {
            self.most = self.live;
        }
    }
}

/// The site of blocks without a stack: those that found no room for one, and those that were
/// allocated while stacks were not wanted.
pub(crate) const NO_STACK: u32 = 0;

/// All sites, by their stacks.
#[derive(Debug)]
pub(crate) struct Sites {
    sites: Vec<Site>,
    /// The latest site with a hash.
    by_hash: Map<u64, u32>,
}

impl Sites {
    pub(crate) const fn new() -> Self {
        Sites { sites: Vec::new(), by_hash: HashMap::with_hasher(BuildHasherDefault::new()) }
    }

    pub(crate) fn clear(&mut self) {
        self.sites.clear();
        self.by_hash.clear();
    }

    pub(crate) fn get(&self, site: u32) -> Option<&Site> {
        self.sites.get(site as usize)
    }

    pub(crate) fn numbers_mut(&mut self, site: u32) -> Option<&mut Numbers> {
        self.sites.get_mut(site as usize).map(|site| &mut site.numbers)
    }

    /// All of them; the first is [`NO_STACK`].
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter()
    }

    /// The site of that stack and group, a new one if need be; `None` if there is no memory for it.
    pub(crate) fn of(&mut self, stack: Stack<'_>, group: GroupId) -> Option<u32> {
        self.no_stack()?;
        let mut hasher = DefaultHasher::new();
        (stack.frames, stack.is_truncated, group).hash(&mut hasher);
        let hash = hasher.finish();
        let latest = self.by_hash.get(&hash).copied();
        let mut at = latest;
        while let Some(index) = at {
            let site = self.get(index)?;
            let is_it = *site.frames == *stack.frames
                && (site.is_truncated, site.group) == (stack.is_truncated, group);
            if is_it {
                return Some(index);
            }
            at = site.next;
        }
        self.by_hash.try_reserve(1).ok()?;
        let mut frames = Vec::new();
        frames.try_reserve_exact(stack.frames.len()).ok()?;
        frames.extend_from_slice(stack.frames);
        let index = self.push(Site {
            frames: frames.into_boxed_slice(),
            is_truncated: stack.is_truncated,
            group,
            next: latest,
            numbers: Numbers::default(),
        })?;
        self.by_hash.insert(hash, index);
        Some(index)
    }

    /// [`NO_STACK`], which is there from then on; `None` if there is no memory for it.
    pub(crate) fn no_stack(&mut self) -> Option<u32> {
        if self.sites.is_empty() {
            self.push(Site {
                frames: Box::default(),
                is_truncated: false,
                group: GroupId::default(),
                next: None,
                numbers: Numbers::default(),
            })?;
        }
        Some(NO_STACK)
    }

    fn push(&mut self, site: Site) -> Option<u32> {
        let index = u32::try_from(self.sites.len()).ok()?;
        self.sites.try_reserve(1).ok()?;
        self.sites.push(site);
        Some(index)
    }
}
