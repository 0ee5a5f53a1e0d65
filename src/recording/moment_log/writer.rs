//! The one writer of a log.

use std::io;
use std::vec;
use std::vec::Vec;

use super::varint::{push, zigzag};
use super::{ENTRY, HEAD, MOST_MOMENTS, Moment, Numbers, Record, records};
use crate::store::timeline::HALF;

/// A log's two halves, wherever they are.
pub(crate) trait Place {
    /// Entries of a half.
    fn entries(&self) -> usize;

    /// Reads the first `entries` entries of a half.
    fn read(&self, second: bool, entries: usize) -> io::Result<Vec<u8>>;

    /// Writes whole entries, from `entry` on.
    fn write(&self, second: bool, entry: usize, bytes: &[u8]) -> io::Result<()>;

    /// The header's word, which says what is written.
    fn state(&self) -> io::Result<u64>;

    /// Sets the header's word, after all that was written before.
    fn publish(&self, state: u64) -> io::Result<()>;
}

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Writer<P> {
    place: P,
    /// Bits that the word has besides.
    flags: u64,
    second: bool,
    entries: usize,
    moments: usize,
    /// Moments that were left out since the last record.
    skipped: u32,
    /// Each site's numbers as of the last record.
    known: Vec<Numbers>,
}

impl<P: Place> Writer<P> {
    pub(crate) fn new(place: P, flags: u64) -> Self {
        let (second, known) = (false, Vec::new());
        Writer { place, flags, second, entries: 0, moments: 0, skipped: 0, known }
    }

    /// Adds a moment at which the sites, by their ids, have these numbers. True if the log was
    /// thinned out: moments are to be half as many from then on.
    ///
    /// # Errors
    ///
    /// Those of the place. The log is as it was.
    ///
    /// Totals never fall: numbers that lack a share on its way from an arena to its site keep what
    /// they had.
    pub(crate) fn add(
        &mut self,
        begin: u64,
        end: u64,
        mut numbers: Vec<Numbers>,
    ) -> io::Result<bool> {
        if self.place.state()? & !self.flags == 0 {
            // A new window: its sites begin with nothing.
            self.forget();
        }
        for (number, known) in numbers.iter_mut().zip(&self.known) {
            *number = [number[0].max(known[0]), number[1].max(known[1]), number[2], number[3]];
        }
        let mut record = Vec::new();
        let moment = Moment { begin, end, skipped: self.skipped };
        append(&mut record, moment, changes(&self.known, &numbers));
        let entries = record.len() / ENTRY;
        let mut is_thinned = false;
        while self.moments > 1
            && (self.moments >= MOST_MOMENTS || self.entries + entries > self.place.entries())
        {
            self.thin_out()?;
            is_thinned = true;
        }
        if self.entries + entries > self.place.entries() {
            self.skipped = self.skipped.saturating_add(1);
            return Ok(true);
        }
        self.place.write(self.second, self.entries, &record)?;
        self.entries += entries;
        self.moments += 1;
        self.skipped = 0;
        self.known = numbers;
        self.publish()?;
        Ok(is_thinned)
    }

    pub(crate) fn place(&self) -> &P {
        &self.place
    }

    fn forget(&mut self) {
        (self.second, self.entries, self.moments) = (false, 0, 0);
        self.known.clear();
    }

    fn publish(&self) -> io::Result<()> {
        let half = if self.second { HALF } else { 0 };
        self.place.publish(half | self.flags | self.entries as u64)
    }

    /// Writes each two records as one to the other half.
    fn thin_out(&mut self) -> io::Result<()> {
        let bytes = self.place.read(self.second, self.entries)?;
        let (mut records, mut entries, mut moments) = (records(&bytes), 0, 0);
        while let Some(first) = records.next() {
            let mut joined = Vec::new();
            match records.next() {
                Some(next) => {
                    let skipped = next.moment.skipped.saturating_add(first.moment.skipped);
                    let moment = Moment { skipped: skipped.saturating_add(1), ..next.moment };
                    append(&mut joined, moment, sums(&first, &next).into_iter());
                }
                None => append(&mut joined, first.moment, first.changes()),
            }
            self.place.write(!self.second, entries, &joined)?;
            entries += joined.len() / ENTRY;
            moments += 1;
        }
        (self.second, self.entries, self.moments) = (!self.second, entries, moments);
        self.publish()
    }
}

/// Appends a record; `changes` ascend by their sites.
pub(super) fn append(
    out: &mut Vec<u8>,
    moment: Moment,
    changes: impl Iterator<Item = (u32, Numbers)>,
) {
    let start = out.len();
    out.resize(start + HEAD, 0);
    let (mut sites, mut last) = (0_u32, 0);
    for (site, differences) in changes {
        push(out, u64::from(site.wrapping_sub(last)));
        differences.into_iter().for_each(|difference| push(out, zigzag(difference)));
        last = site;
        sites += 1;
    }
    let bytes = (out.len() - start - HEAD) as u64;
    let head =
        [moment.begin, moment.end, u64::from(sites) << 32 | u64::from(moment.skipped), bytes];
    for (place, word) in out[start..].chunks_exact_mut(8).zip(head) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    out.resize(start + (out.len() - start).next_multiple_of(ENTRY), 0);
}

/// Sites whose numbers differ, and by what.
fn changes<'a>(
    known: &'a [Numbers],
    numbers: &'a [Numbers],
) -> impl Iterator<Item = (u32, Numbers)> + 'a {
    let before = known.iter().copied().chain(core::iter::repeat([0; 4]));
    let differences = numbers.iter().zip(before).map(|(now, before)| difference(*now, before));
    let all = (0..).zip(differences);
    all.filter(|(_, difference)| *difference != [0; 4])
}

fn difference(now: Numbers, before: Numbers) -> Numbers {
    let mut difference = now;
    difference.iter_mut().zip(before).for_each(|(now, before)| *now = now.wrapping_sub(before));
    difference
}

/// The changes of both records together.
fn sums(first: &Record<'_>, next: &Record<'_>) -> Vec<(u32, Numbers)> {
    let (mut first, mut next) = (first.changes().peekable(), next.changes().peekable());
    let mut sums = vec![];
    loop {
        let (site, parts) = match (first.peek(), next.peek()) {
            (Some((a, _)), Some((b, _))) if a == b => (*a, [first.next(), next.next()]),
            (Some((a, _)), Some((b, _))) if a > b => (*b, [None, next.next()]),
            (Some((a, _)), _) => (*a, [first.next(), None]),
            (None, Some((b, _))) => (*b, [None, next.next()]),
            (None, None) => return sums,
        };
        let mut sum = [0_u64; 4];
        for (_, part) in parts.into_iter().flatten() {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
        }
        if sum != [0; 4] {
            sums.push((site, sum));
        }
    }
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;

    use super::*;
    use crate::base::testing::Random;

    /// Halves in memory, of so many entries.
    struct Memory(RefCell<([Vec<u8>; 2], u64)>, usize);

    impl Memory {
        fn new(entries: usize) -> Self {
            Memory(RefCell::new(([vec![0; entries * ENTRY], vec![0; entries * ENTRY]], 0)), entries)
        }
    }

    impl Place for &Memory {
        fn entries(&self) -> usize {
            self.1
        }

        fn read(&self, second: bool, entries: usize) -> io::Result<Vec<u8>> {
            Ok(self.0.borrow().0[usize::from(second)][..entries * ENTRY].to_vec())
        }

        fn write(&self, second: bool, entry: usize, bytes: &[u8]) -> io::Result<()> {
            let memory = &mut self.0.borrow_mut().0[usize::from(second)];
            memory[entry * ENTRY..][..bytes.len()].copy_from_slice(bytes);
            Ok(())
        }

        fn state(&self) -> io::Result<u64> {
            Ok(self.0.borrow().1)
        }

        fn publish(&self, state: u64) -> io::Result<()> {
            self.0.borrow_mut().1 = state;
            Ok(())
        }
    }

    /// Each moment's end, what was left out before it, and all sites' numbers then.
    fn read(memory: &Memory, sites: usize) -> Vec<(Moment, Vec<Numbers>)> {
        let state = (&memory).state().unwrap();
        let entries = (state & !HALF) as usize;
        let bytes = (&memory).read(state & HALF != 0, entries).unwrap();
        let mut now = vec![[0_u64; 4]; sites];
        records(&bytes)
            .map(|record| {
                for (site, part) in record.changes() {
                    let sum = &mut now[site as usize];
                    sum.iter_mut().zip(part).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
                }
                (record.moment, now.clone())
            })
            .collect()
    }

    #[test]
    fn every_moment_that_is_kept_has_the_numbers_of_its_time() {
        /// More than are kept. Miri, which is slow, sees the small logs thinned out alone.
        const MOMENTS: u64 = if cfg!(miri) { 60 } else { 700 };
        for (seed, entries) in [(1, 100_000), (2, 40), (3, 90), (4, 9)] {
            let (memory, mut random) = (Memory::new(entries), Random(seed));
            let mut writer = Writer::new(&memory, 0);
            let (mut now, mut history) = (vec![[0_u64; 4]; 3], vec![]);
            for time in 1..=MOMENTS {
                now.resize(now.len() + random.below(2) as usize, [0; 4]);
                for _ in 0..random.below(4) {
                    let site = random.below(now.len() as u64) as usize;
                    let [bytes, blocks, ..] = &mut now[site];
                    *bytes += random.below(1 << 30);
                    *blocks += 1;
                    now[site][2 + random.below(2) as usize] = random.below(1 << 30);
                }
                writer.add(2 * time, 2 * time + 1, now.clone()).unwrap();
                history.push(now.clone());
            }
            let found = read(&memory, now.len());
            assert!(!found.is_empty() && found.len() <= MOST_MOMENTS, "{seed}");
            let kept = found.len() as u64;
            let left_out: u64 = found.iter().map(|(moment, _)| u64::from(moment.skipped)).sum();
            assert_eq!(kept + left_out + u64::from(writer.skipped), MOMENTS, "{seed}");
            for (moment, numbers) in &found {
                let mut right = history[moment.begin as usize / 2 - 1].clone();
                right.resize(numbers.len(), [0; 4]);
                assert_eq!(*numbers, right, "{seed} {moment:?}");
            }
        }
    }

    #[test]
    fn a_new_window_begins_with_nothing() {
        let memory = Memory::new(100);
        let mut writer = Writer::new(&memory, 0);
        writer.add(1, 2, vec![[5; 4]]).unwrap();
        (&memory).publish(0).unwrap();
        writer.add(3, 4, vec![[1; 4]]).unwrap();
        assert_eq!(read(&memory, 1), [(Moment { begin: 3, end: 4, skipped: 0 }, vec![[1; 4]])]);
    }
}
