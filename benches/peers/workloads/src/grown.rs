//! Pairs in a heap of any size: how the price of a pair grows with it.

use fixtures::call_tree::{STACKS, block_at};
use fixtures::random::Random;

/// Bytes of a block.
const SIZE: usize = 48;

/// `heap-SITES-LIVE-DEPTH`: a random block of `live` is replaced by one at a random site of
/// `sites`, `depth` frames below the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grown {
    /// Call sites.
    pub sites: u32,
    /// Live blocks.
    pub live: u32,
    /// Frames between the loop and the sites.
    pub depth: u32,
}

impl Grown {
    /// Reads `SITES-LIVE-DEPTH`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').map(|number| number.parse().ok());
        let grown =
            Self { sites: numbers.next()??, live: numbers.next()??, depth: numbers.next()?? };
        let is_usable = (1..=STACKS).contains(&grown.sites) && grown.live > 0;
        (is_usable && numbers.next().is_none()).then_some(grown)
    }

    /// Pairs after which each place has a block, and each site had one several times: stacks are
    /// remembered at second sight.
    pub fn warm_up(self) -> u64 {
        u64::from(self.live).max(3 * u64::from(self.sites))
    }

    /// A function that does so many pairs each time.
    pub fn start(self) -> Box<dyn FnMut(u64)> {
        let mut heap = Heap {
            blocks: std::iter::repeat_with(Vec::new).take(self.live as usize).collect(),
            random: Random::new(0x6172_6172),
            done: 0,
            of: self,
        };
        Box::new(move |pairs| below(self.depth, &mut |pairs| heap.replace(pairs), pairs))
    }
}

struct Heap {
    blocks: Vec<Vec<u8>>,
    random: Random,
    done: u64,
    of: Grown,
}

impl Heap {
    #[inline(never)]
    fn replace(&mut self, pairs: u64) {
        for _ in 0..pairs {
            let (place, site) = self.next();
            self.blocks[place] = Vec::new();
            self.blocks[place] = block_at(site, SIZE);
        }
    }

    /// Out of line, so that the loop has one call of [`block_at`].
    #[inline(never)]
    fn next(&mut self) -> (usize, u32) {
        let done = self.done;
        self.done += 1;
        if done < self.of.warm_up() {
            let (live, sites) = (u64::from(self.of.live), u64::from(self.of.sites));
            return ((done % live) as usize, (done % sites) as u32);
        }
        (self.random.below(self.of.live) as usize, self.random.below(self.of.sites))
    }
}

#[inline(never)]
fn below(depth: u32, leaf: &mut dyn FnMut(u64), pairs: u64) {
    if depth == 0 {
        leaf(pairs);
    } else {
        below(depth - 1, leaf, pairs);
    }
    // Work after the call keeps it from becoming a jump, which would take the frame away.
    std::hint::black_box(depth);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heap_is_named_by_three_numbers() {
        let grown = Grown { sites: 10, live: 200, depth: 3 };
        assert_eq!(Grown::parse("10-200-3"), Some(grown));
        for text in ["", "10", "10-200", "10-200-3-4", "0-1-1", "10-0-1", "1000001-1-1", "a-b-c"] {
            assert_eq!(Grown::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_pair_has_a_place_and_a_site() {
        let mut heap = Grown { sites: 10, live: 20, depth: 1 }.start();
        heap(100);
    }
}
