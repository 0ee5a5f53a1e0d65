//! What profilers keep, so that it can be weighed: a number of live blocks, of call sites,
//! of threads.
//!
//! The memory is read while it is all there. One count's minus a smaller count's, under a
//! profiler minus without one, is the price of the things between the counts.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::{fs, thread};

use fixtures::call_tree::{STACKS, call_at};

/// Digits of the numbers of stacks.
const DIGITS: u32 = STACKS.ilog10();

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing: the program itself.
    Nothing,
    /// Live blocks made at one site, of one size after another.
    Blocks(Sizes),
    /// Call sites that made one block each, freed again.
    Sites,
    /// Threads that made a block at each of so many sites, freed again, and are still there.
    Threads(u32),
}

/// Bytes asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The least.
    pub smallest: usize,
    /// The most; not less than the least.
    pub largest: usize,
}

impl Held {
    /// `nothing`, `blocks-SIZE`, `blocks-SMALLEST-LARGEST`, `sites`, `threads-SITES`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "nothing" => Self::Nothing,
            "sites" => Self::Sites,
            _ => {
                let (kind, number) = name.split_once('-')?;
                match kind {
                    "blocks" => Self::Blocks(Sizes::parse(number)?),
                    "threads" => Self::Threads(number.parse().ok()?),
                    _ => return None,
                }
            }
        })
    }

    /// Makes `count` of them and returns what memory is resident then.
    ///
    /// # Panics
    ///
    /// If a thread cannot be started, or the kernel does not say what is resident.
    pub fn resident(self, count: usize) -> Resident {
        match self {
            Self::Nothing => Resident::now(),
            Self::Blocks(sizes) => beside_blocks(count, sizes),
            Self::Sites => {
                (0..count as u32).for_each(visit);
                Resident::now()
            }
            Self::Threads(sites) => beside_threads(count, sites),
        }
    }
}

impl Sizes {
    fn parse(text: &str) -> Option<Self> {
        let (smallest, largest) = text.split_once('-').unwrap_or((text, text));
        let sizes = Self { smallest: smallest.parse().ok()?, largest: largest.parse().ok()? };
        (sizes.smallest <= sizes.largest).then_some(sizes)
    }
}

fn beside_blocks(count: usize, Sizes { smallest, largest }: Sizes) -> Resident {
    let mut blocks: Vec<Vec<u8>> = Vec::with_capacity(count);
    let size_at = |index: usize| smallest + index % (largest - smallest + 1);
    blocks.extend((0..count).map(|index| Vec::with_capacity(black_box(size_at(index)))));
    let resident = Resident::now();
    drop(black_box(blocks));
    resident
}

/// Allocates and frees a block at a site.
///
/// Successive sites differ in their innermost frames, so that profilers that keep few frames
/// tell them apart too. The block is a box and not a vector, which would have more frames
/// between the site and the allocator.
fn visit(site: u32) {
    call_at(reversed(site), &mut || drop(black_box(Box::new([0_u8; 16]))));
}

/// The digits from last to first: a number's last digit calls the outermost function of a stack.
fn reversed(number: u32) -> u32 {
    (0..DIGITS).fold(0, |reversed, digit| reversed * 10 + number / 10_u32.pow(digit) % 10)
}

fn beside_threads(count: usize, sites: u32) -> Resident {
    let (ready, done) = (Arc::new(Barrier::new(count + 1)), Arc::new(Barrier::new(count + 1)));
    let start = |_| {
        let (ready, done) = (ready.clone(), done.clone());
        thread::spawn(move || {
            (0..sites).for_each(visit);
            ready.wait();
            done.wait();
        })
    };
    let threads: Vec<_> = (0..count).map(start).collect();
    ready.wait();
    let resident = Resident::now();
    done.wait();
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    resident
}

/// Memory of this process, page by page. (`VmRSS` is behind by what each processor has not
/// handed in yet.)
#[derive(Debug, Clone, Copy)]
pub struct Resident {
    /// All of it.
    pub all_kib: u64,
    /// Without the pages of files, which are the kernel's to drop, and of which it maps as many
    /// at once as it likes.
    pub own_kib: u64,
}

impl Resident {
    /// # Panics
    ///
    /// If the kernel does not say what is resident.
    fn now() -> Self {
        let text = fs::read_to_string("/proc/self/smaps_rollup").expect("Linux has it");
        let number = |key: &str| -> Option<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.trim().strip_suffix(" kB")?.parse().ok()
        };
        let sum =
            number("Anonymous:").zip(number("Pss_Shmem:")).map(|(ours, shared)| ours + shared);
        let (all, own) = number("Rss:").zip(sum).expect("Linux has them since 5.3");
        Self { all_kib: all, own_kib: own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(smallest: usize, largest: usize) -> Held {
        Held::Blocks(Sizes { smallest, largest })
    }

    #[test]
    fn names_say_what_is_held() {
        assert_eq!(Held::parse("blocks-48"), Some(blocks(48, 48)));
        assert_eq!(Held::parse("blocks-16-271"), Some(blocks(16, 271)));
        assert_eq!(Held::parse("threads-7"), Some(Held::Threads(7)));
        assert_eq!(Held::parse("blocks-x"), None);
        assert_eq!(Held::parse("blocks-9-8"), None);
        assert_eq!(Held::parse("wind"), None);
    }

    #[test]
    fn sites_differ_in_their_innermost_frame() {
        assert_eq!([1, 12, 123_456].map(reversed), [100_000, 210_000, 654_321]);
    }
}
