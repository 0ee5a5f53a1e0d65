//! A service's life, made short: as many events as are asked for, at as many sites as ever.

use std::fs;
use std::hint::black_box;
use std::thread;

use mod_alloc::set_sampling;

use crate::Program;

pub(crate) const PROGRAMS: &[Program] = &[("week", week)];

/// Parts of the run.
const PARTS: u64 = 10;
/// Readings of the resident memory in each part: the least of them has no report that is just made.
const READINGS: u64 = 20;
const THREADS: u64 = 2;

/// Allocates and frees, with that many other calls between the loop and the call.
#[inline(never)]
fn site_below(depth: u64, size: usize) -> Vec<u8> {
    let block = match depth {
        0 => Vec::with_capacity(size),
        depth => site_below(depth - 1, size),
    };
    black_box(block)
}

/// Pairs of an allocation and a free, a thousand blocks being live.
fn pairs(count: u64, kept: &mut Vec<Vec<u8>>) {
    for number in 0..count {
        let block = site_below(number % 16, 16 + (number % 241) as usize);
        if kept.len() < 1000 {
            kept.push(block);
        } else {
            kept[(number.wrapping_mul(0x9e37_79b9) % 1000) as usize] = block;
        }
    }
}

/// `EVENTS [GAP…]`: the events of all threads together, and the gaps between samples, in turn.
fn week(arguments: &[&str]) {
    let numbers: Vec<u64> =
        arguments.iter().map(|number| number.parse().expect("a number")).collect();
    let [events, ref gaps @ ..] = numbers[..] else { panic!("EVENTS [GAP…]") };
    let at_once = events / 2 / PARTS / READINGS / THREADS;
    let mut kept: [Vec<Vec<u8>>; THREADS as usize] = Default::default();
    for part in 0..PARTS {
        if let Some(gap) = gaps.get(part as usize % gaps.len().max(1)) {
            set_sampling(*gap).expect("a process with samples");
        }
        let mut least = u64::MAX;
        for _ in 0..READINGS {
            thread::scope(|scope| {
                for kept in &mut kept {
                    scope.spawn(|| pairs(at_once, kept));
                }
            });
            least = least.min(resident());
        }
        println!("resident {least}");
    }
}

/// The process's resident memory in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("a line");
    kib.trim().parse::<u64>().expect("a number") << 10
}
