//! What profilers cost in memory: per live block, per call site, per thread, per process.
//!
//! A program that keeps so many things says how much of it is resident. Two numbers of things,
//! under a profiler and without one: the difference of the differences, divided by how many
//! things are between the numbers, is the price of one. What does not depend on the number
//! cancels, and so does what the things themselves take.

use crate::child::{Child, Run};
use crate::options::{Build, Options};
use crate::programs::{ALLOCATORS, Allocator};
use crate::report::describe;
use crate::rows::middle;

/// Runs beyond these change nothing: memory does not depend on what else the machine does.
const MOST_ROUNDS: u32 = 3;

/// Something that is kept, and has a price.
pub(crate) struct Price {
    pub(crate) name: &'static str,
    pub(crate) unit: UnitOfMemory,
    /// The workload that keeps it.
    workload: &'static str,
    /// How many are kept.
    counts: Counts,
    /// What the program calls the memory that is looked at.
    key: &'static str,
}

/// How many things are kept in the runs that are compared.
#[derive(Clone, Copy)]
enum Counts {
    /// One of it, which the program has anyway.
    One,
    /// A number, and a larger one.
    ///
    /// A hash table that doubles when it is full is nearly full with 458,752 entries and nearly
    /// half empty with one more. The numbers of blocks and of sites are those that fill it as
    /// far as an average number does (between 7/16 and 7/8, at 0.61), the larger one a power of
    /// two times the smaller, so that it does so at both.
    Between(u32, u32),
}

/// All prices, in the order of the columns.
pub(crate) static PRICES: [Price; 8] = [
    Price::new("48-byte block", "hold-blocks-48", Counts::Between(318_000, 636_000)),
    Price::new("56-byte block", "hold-blocks-56", Counts::Between(318_000, 636_000)),
    Price::new("16-271-byte block", "hold-blocks-16-271", Counts::Between(318_000, 636_000)),
    Price::new("site", SITES, Counts::Between(FEW_SITES, MANY_SITES)),
    Price { unit: KIB, ..Price::new("thread at 1 site", "hold-threads-1", THREADS) },
    Price { unit: KIB, ..Price::new("at 100 sites", "hold-threads-100", THREADS) },
    Price { unit: KIB, ..Price::new("process", "hold-nothing", Counts::One) },
    Price {
        unit: KIB,
        key: "resident_kib",
        ..Price::new("process with its code", "hold-nothing", Counts::One)
    },
];

const SITES: &str = "hold-sites";
const FEW_SITES: u32 = 10_000;
const MANY_SITES: u32 = 80_000;
const THREADS: Counts = Counts::Between(10, 210);

/// What the numbers of a column count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct UnitOfMemory {
    pub(crate) name: &'static str,
    pub(crate) bytes: f64,
}

const BYTES: UnitOfMemory = UnitOfMemory { name: "bytes", bytes: 1.0 };
const KIB: UnitOfMemory = UnitOfMemory { name: "KiB", bytes: 1024.0 };

/// What every allocator costs.
pub(crate) struct Memory {
    pub(crate) build: String,
    /// Frames that are no other site's, for each site of the price of a site.
    pub(crate) frames_per_site: f64,
    pub(crate) rows: Vec<Row>,
}

/// What one allocator costs.
pub(crate) struct Row {
    pub(crate) allocator: &'static Allocator,
    /// Bytes added to plain's, in the order of [`PRICES`]; or why there are none.
    pub(crate) bytes: Result<Vec<f64>, String>,
}

impl Price {
    const fn new(name: &'static str, workload: &'static str, counts: Counts) -> Self {
        Self { name, unit: BYTES, workload, counts, key: "own_kib" }
    }

    fn counts(&self) -> Vec<u32> {
        match self.counts {
            Counts::One => vec![0],
            Counts::Between(few, many) => vec![few, many],
        }
    }

    /// Bytes of one, from what was resident with each of the counts.
    fn of_one(&self, resident: &[f64]) -> f64 {
        match (self.counts, resident) {
            (Counts::Between(few, many), [less, more]) => (more - less) / f64::from(many - few),
            _ => resident[0],
        }
    }
}

/// All prices of all allocators.
///
/// # Errors
///
/// If a program fails.
pub(crate) fn measure(options: &Options, build: &Build) -> Result<Memory, String> {
    with_small_pages(|| {
        let frames_per_site = frames_per_site(options, build)?;
        let mut samples: Vec<Samples> =
            options.allocators.iter().map(|&allocator| Samples::of(allocator)).collect();
        for _ in 0..options.rounds.min(MOST_ROUNDS) {
            for sample in &mut samples {
                sample.take(options, build)?;
            }
        }
        Ok(Memory { build: build.name.clone(), frames_per_site, rows: rows(&samples) })
    })
}

/// Rows of what each allocator has more than the first one.
fn rows(samples: &[Samples]) -> Vec<Row> {
    let plain = samples[0].bytes_of_one();
    let above = |bytes: Vec<f64>| match &plain {
        Ok(plain) => Ok(bytes.iter().zip(plain).map(|(bytes, plain)| bytes - plain).collect()),
        Err(reason) => Err(reason.clone()),
    };
    let row = |sample: &Samples| Row {
        allocator: sample.allocator,
        bytes: sample.bytes_of_one().and_then(above),
    };
    samples.iter().map(row).collect()
}

/// One allocator's runs.
struct Samples {
    allocator: &'static Allocator,
    /// Resident bytes by round, price and count.
    rounds: Vec<Vec<Vec<f64>>>,
    refused: Option<String>,
}

impl Samples {
    fn of(allocator: &'static Allocator) -> Self {
        Self { allocator, rounds: Vec::new(), refused: None }
    }

    fn take(&mut self, options: &Options, build: &Build) -> Result<(), String> {
        let child = Child::new(options, build, self.allocator);
        let mut round = Vec::new();
        for price in &PRICES {
            let mut resident = Vec::new();
            for count in price.counts() {
                match child.run(&arguments(price.workload, count, &["--no-report"]))? {
                    Run::Ended(ended) => resident.push(ended.printed.number(price.key)? * 1024.0),
                    Run::Refused(reason) => {
                        self.refused = Some(reason);
                        return Ok(());
                    }
                }
            }
            round.push(resident);
        }
        self.rounds.push(round);
        Ok(())
    }

    /// By price, the bytes of one thing, the program's own included.
    fn bytes_of_one(&self) -> Result<Vec<f64>, String> {
        if let Some(reason) = &self.refused {
            return Err(reason.clone());
        }
        let in_the_middle = |(index, price): (usize, &Price)| {
            middle(self.rounds.iter().map(|round| price.of_one(&round[index])).collect())
        };
        Ok(PRICES.iter().enumerate().map(in_the_middle).collect())
    }
}

fn arguments(workload: &str, count: u32, more: &[&str]) -> Vec<String> {
    let count = count.to_string();
    let all = [workload, "--count", &count].into_iter().chain(more.iter().copied());
    all.map(str::to_owned).collect()
}

/// How many frames each of the sites brings that are not there without it, by our report.
fn frames_per_site(options: &Options, build: &Build) -> Result<f64, String> {
    let ours = ALLOCATORS.iter().find(|allocator| allocator.name == "mod-alloc");
    let child = Child::new(options, build, ours.expect("it is what this is about"));
    let count = |sites: u32| match child.run(&arguments(SITES, sites, &[]))? {
        Run::Ended(ended) => {
            let report = describe(&ended.report)?.ok_or("no report")?;
            Ok((report.number("frames")?, report.number("sites")?))
        }
        Run::Refused(reason) => Err(reason),
    };
    let ((fewer, few), (more, many)) = (count(FEW_SITES)?, count(MANY_SITES)?);
    Ok((more - fewer) / (many - few))
}

/// What `work` returns, while neither this process nor those that it starts are given pages
/// of 2 MiB, of which one byte in use would count for all.
fn with_small_pages<T>(work: impl FnOnce() -> T) -> T {
    set_small_pages(true);
    let outcome = work();
    set_small_pages(false);
    outcome
}

fn set_small_pages(small: bool) {
    let (yes, none): (libc::c_ulong, libc::c_ulong) = (small.into(), 0);
    // SAFETY: changes a flag of this process; the arguments that are not used are 0, as it wants.
    let status = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, yes, none, none, none) };
    assert_eq!(status, 0, "Linux has it since 3.15");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::named;

    fn samples(name: &str, rounds: &[[f64; 3]]) -> Samples {
        let round = |&[few, many, nothing]: &[f64; 3]| {
            let price = |price: &Price| match price.counts {
                Counts::One => vec![nothing],
                Counts::Between(..) => vec![few, many],
            };
            PRICES.iter().map(price).collect()
        };
        Samples {
            allocator: named(name),
            rounds: rounds.iter().map(round).collect(),
            refused: None,
        }
    }

    #[test]
    fn a_price_is_the_difference_of_differences() {
        let plain = samples("plain", &[[1e6, 2e6, 5e3], [1e6, 2e6, 7e3], [1e6, 2e6, 4e3]]);
        let ours = samples("mod-alloc", &[[4e6, 2e6 + 6_180_000.0, 15e3]]);
        let mut refusing = samples("heapscope", &[]);
        refusing.refused = Some("why".to_owned());
        let rows = rows(&[plain, ours, refusing]);
        let bytes = rows[1].bytes.as_ref().unwrap();
        assert!((bytes[0] - 3_180_000.0 / 318_000.0).abs() < 1e-9, "{bytes:?}");
        assert!((bytes[4] - 3_180_000.0 / 200.0).abs() < 1e-9, "{bytes:?}");
        assert_eq!(bytes[6], 10e3, "the medians' difference");
        assert_eq!(rows[2].bytes.as_ref().err().map(String::as_str), Some("why"));
    }
}
