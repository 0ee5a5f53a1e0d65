//! Known truths, many runs, fixed seeds.

use super::*;

const RATE: Rate = Rate(512 * 1024);
/// Sizes from 8 bytes to 8 MiB, and numbers of blocks.
const SIZES: [(usize, u32); 6] =
    [(8, 40_000), (100, 20_000), (4096, 2000), (100_000, 200), (1 << 20, 12), (8 << 20, 3)];

fn countdown(seed: u64) -> Countdown {
    let mut countdown = Countdown { left: 0, beyond: 0, random: 0 };
    countdown.begin(seed, RATE);
    countdown
}

/// Estimated bytes and blocks of one run.
fn run(seed: u64, sizes: &[(usize, u32)]) -> (f64, f64) {
    let mut countdown = countdown(seed);
    let (mut bytes, mut blocks) = (0, 0);
    for (size, count) in sizes {
        for _ in 0..*count {
            if countdown.count(*size, RATE) {
                let estimate = RATE.estimate(*size as u64);
                (bytes, blocks) = (bytes + estimate.bytes, blocks + estimate.blocks);
            }
        }
    }
    (bytes as f64, blocks as f64 / f64::from(1 << BLOCK_SHIFT))
}

fn truth(sizes: &[(usize, u32)]) -> (f64, f64) {
    let sum = |of: &dyn Fn(usize) -> f64| {
        sizes.iter().map(|(size, count)| of(*size) * f64::from(*count)).sum::<f64>()
    };
    (sum(&|size| size as f64), sum(&|_| 1.0))
}

/// The difference of the mean to the truth, in standard errors of the mean.
fn deviation(estimates: &[f64], truth: f64) -> f64 {
    let count = estimates.len() as f64;
    let mean = estimates.iter().sum::<f64>() / count;
    let variance = estimates.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count - 1.0);
    // Beyond the resolution of blocks, one in 2,048, the sizes above have no error.
    let resolution = truth / 2048.0;
    ((mean - truth).abs() - resolution).max(0.0) / (variance / count).sqrt().max(1e-9)
}

#[test]
#[cfg_attr(miri, ignore = "too many draws for an interpreter")]
fn the_mean_of_many_runs_is_the_truth() {
    let each = SIZES.map(|size| vec![size]);
    for sizes in each.iter().map(Vec::as_slice).chain([&SIZES[..]]) {
        let runs: Vec<_> = (0..400).map(|seed| run(seed * 7919 + 1, sizes)).collect();
        let (bytes, blocks): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
        let (true_bytes, true_blocks) = truth(sizes);
        let off = [deviation(&bytes, true_bytes), deviation(&blocks, true_blocks)];
        assert!(off.iter().all(|off| *off < 3.0), "{sizes:?}: {off:?} standard errors");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many draws for an interpreter")]
fn intervals_hold_the_truth_in_95_of_100_runs() {
    const RUNS: u64 = 3000;
    for sizes in [[(100, 100_000)], [(4096, 3000)], [(100_000, 300)], [(400_000, 200)]] {
        let truth = truth(&sizes).0;
        let held = (0..RUNS).filter(|seed| {
            let (bytes, blocks) = run(seed * 104_729 + 3, &sizes);
            let (least, most) = RATE.interval(bytes, blocks);
            least <= truth && truth <= most
        });
        let share = held.count() as f64 / RUNS as f64;
        assert!((0.93..=0.97).contains(&share), "{sizes:?}: {share}");
    }
}

/// Live estimates of a site of leaks and one of churn, of one run in which threads free blocks of
/// each other: [bytes, blocks].
fn run_of_threads(seed: u64) -> [[f64; 2]; 2] {
    const THREADS: u64 = 4;
    let mut threads: Vec<_> = (0..THREADS).map(|thread| countdown(seed * 31 + thread)).collect();
    let mut sites = [[0_u64; 2]; 2];
    let mut handed_on = Vec::new();
    for (turn, size) in mixed_sizes().enumerate() {
        let thread = &mut threads[turn % THREADS as usize];
        // A block of one site in three is freed later, by the turn of another thread.
        let site = usize::from(turn % 3 == 0);
        let is_sampled = thread.count(size, RATE);
        if is_sampled {
            let estimate = RATE.estimate(size as u64);
            sites[site] = [sites[site][0] + estimate.bytes, sites[site][1] + estimate.blocks];
        }
        if site == 1 {
            handed_on.push((size, is_sampled));
        }
        if handed_on.len() > 20 {
            let (size, is_sampled) = handed_on.remove(turn % 20);
            if is_sampled {
                let estimate = RATE.estimate(size as u64);
                sites[1] = [sites[1][0] - estimate.bytes, sites[1][1] - estimate.blocks];
            }
        }
    }
    sites.map(|[bytes, blocks]| [bytes as f64, blocks as f64 / f64::from(1 << BLOCK_SHIFT)])
}

/// Sizes of one run, those of all kinds in between each other.
fn mixed_sizes() -> impl Iterator<Item = usize> {
    (0..30_000_usize).map(|turn| match turn {
        _ if turn % 9001 == 17 => 8 << 20,
        _ if turn % 997 == 5 => 1 << 20,
        _ if turn % 101 == 3 => 100_000,
        _ => [8, 24, 100, 700, 4096][turn % 5],
    })
}

#[test]
#[cfg_attr(miri, ignore = "too many draws for an interpreter")]
fn leaks_are_right_and_churn_leaves_only_its_last_blocks() {
    const RUNS: u64 = 200;
    let leaked: Vec<_> =
        mixed_sizes().enumerate().filter(|(turn, _)| turn % 3 != 0).map(|(_, size)| size).collect();
    let (true_bytes, true_blocks) = (leaked.iter().sum::<usize>() as f64, leaked.len() as f64);
    let runs: Vec<_> = (0..RUNS).map(|seed| run_of_threads(seed * 6151 + 5)).collect();
    let of = |index: usize| runs.iter().map(|[leaks, _]| leaks[index]).collect::<Vec<_>>();
    let off = [deviation(&of(0), true_bytes), deviation(&of(1), true_blocks)];
    assert!(off.iter().all(|off| *off < 3.0), "{off:?} standard errors");
    let held = runs.iter().filter(|[[bytes, blocks], _]| {
        let (least, most) = RATE.interval(*bytes, *blocks);
        least <= true_bytes && true_bytes <= most
    });
    let share = held.count() as f64 / RUNS as f64;
    // Of mixed sizes the bounds are made for the mean size.
    assert!(share >= 0.93, "{share}");
    for [_, [_, blocks]] in &runs {
        let most = RATE.estimate(8).blocks as f64 / f64::from(1 << BLOCK_SHIFT);
        assert!((0.0..=20.0 * most).contains(blocks), "{blocks}");
    }
}

#[test]
fn a_free_takes_away_what_the_allocation_added() {
    let size = 12_345;
    assert_eq!(RATE.estimate(size), RATE.estimate(size));
    let small = RATE.estimate(8);
    assert_eq!(small.blocks >> BLOCK_SHIFT, 65_536, "R / s + 1/2");
    let large = RATE.estimate(1 << 30);
    assert_eq!((large.bytes, large.blocks), (1 << 30, 1 << BLOCK_SHIFT));
    assert_eq!(RATE.estimate(0).bytes, 0);
}

#[test]
fn logarithms_and_chances_are_right_to_twelve_digits() {
    for n in 1..2000 {
        let x = f64::from(n) / 2000.0;
        assert!((logarithm(x) - x.ln()).abs() < 1e-12, "ln {x}");
        let (own, right) = (chance(x * 30.0), -(-x * 30.0).exp_m1());
        assert!((own - right).abs() < 1e-12, "1 - e^-{}: {own}, {right}", x * 30.0);
    }
    let least = 1.0 / (1_u64 << 53) as f64;
    assert!((logarithm(least) - least.ln()).abs() < 1e-12);
    let tiny = chance(1e-9);
    assert!((tiny / -(-1e-9_f64).exp_m1() - 1.0).abs() < 1e-12);
}
