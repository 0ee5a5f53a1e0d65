//! From runs to the numbers of a table.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::process::Ended;
use crate::profilers::Profiler;
use crate::workloads::{Job, Workload};

/// One run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) wall: Duration,
    /// Nanoseconds per pair, of a loop.
    pub(crate) pair: Option<f64>,
    /// The most memory that was seen, in bytes; 0 if nobody looked.
    pub(crate) peak: u64,
    /// Bytes of all files that the profiler wrote.
    pub(crate) written: u64,
}

impl Measured {
    /// From a run that is over, and the folder that its profiler wrote to.
    pub(crate) fn of(ended: &Ended, job: &Job, output: &Path) -> Result<Self, String> {
        let pair = match &job.measured {
            None => None,
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
                Some(text.trim().parse().map_err(|_| format!("{}: {text}", path.display()))?)
            }
        };
        let files = fs::read_dir(output).into_iter().flatten().flatten();
        let written = files.filter_map(|file| Some(file.metadata().ok()?.len())).sum();
        Ok(Self { wall: ended.wall, peak: ended.most_resident, pair, written })
    }
}

/// One workload under every profiler.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) workload: Workload,
    pub(crate) rows: Vec<Row>,
}

/// One profiler's medians.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) profiler: &'static str,
    pub(crate) runs: usize,
    /// Nanoseconds: of the whole run, or of a pair.
    pub(crate) value: f64,
    /// Bytes.
    pub(crate) peak: u64,
    pub(crate) written: f64,
}

impl Rows {
    pub(crate) fn new(workload: &Workload) -> Self {
        Self { workload: *workload, rows: Vec::new() }
    }

    /// Adds a profiler's runs, and the memory of another. Plain is added first.
    pub(crate) fn push(&mut self, profiler: &Profiler, runs: &[Measured], peak: u64) {
        let value = |run: &Measured| run.pair.unwrap_or(run.wall.as_secs_f64() * 1e9);
        self.rows.push(Row {
            profiler: profiler.name,
            runs: runs.len(),
            value: middle(runs.iter().map(value).collect()),
            peak,
            written: middle(runs.iter().map(|run| run.written as f64).collect()),
        });
    }

    fn plain(&self) -> &Row {
        &self.rows[0]
    }

    /// What the profiler adds, in nanoseconds.
    pub(crate) fn added(&self, row: &Row) -> f64 {
        row.value - self.plain().value
    }

    pub(crate) fn times_plain(&self, row: &Row) -> f64 {
        row.value / self.plain().value
    }

    pub(crate) fn memory_times_plain(&self, row: &Row) -> f64 {
        row.peak as f64 / self.plain().peak as f64
    }

    /// `added` as a part of what `peer` adds, if that was measured.
    pub(crate) fn part_of(&self, peer: &str, row: &Row) -> Option<f64> {
        let peer = self.rows.iter().find(|row| row.profiler == peer)?;
        Some(self.added(row) / self.added(peer))
    }
}

/// The median of at least one number.
fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    if numbers.len().is_multiple_of(2) {
        (numbers[half - 1] + numbers[half]) / 2.0
    } else {
        numbers[half]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::profilers::PROFILERS;
    use crate::workloads::WORKLOADS;

    /// Profilers in their order with their runs' milliseconds or, of a loop, nanoseconds.
    pub(crate) fn rows(workload: &str, runs: &[&[u64]]) -> Rows {
        let workload = WORKLOADS.iter().find(|known| known.name == workload).unwrap();
        let mut rows = Rows::new(workload);
        for ((profiler, runs), peak) in PROFILERS.iter().zip(runs).zip(1..) {
            let measured = |&number: &u64| Measured {
                wall: Duration::from_millis(number),
                peak: 0,
                pair: workload.is_loop().then_some(number as f64),
                written: 2048,
            };
            let runs: Vec<Measured> = runs.iter().map(measured).collect();
            rows.push(profiler, &runs, peak * 10_485_760);
        }
        rows
    }

    #[test]
    fn medians_are_compared_with_plain_and_with_a_peer() {
        let rows = rows("rg", &[&[100, 300, 200], &[260, 240], &[1000]]);
        let ours = &rows.rows[1];
        assert_eq!((rows.times_plain(ours), rows.added(ours)), (1.25, 50e6));
        assert_eq!(rows.memory_times_plain(ours), 2.0);
        assert_eq!(rows.part_of("heaptrack", ours), Some(0.0625));
        assert_eq!(rows.part_of("dhat", ours), None);
        assert_eq!(ours.runs, 2);
    }

    #[test]
    fn a_loop_says_itself_what_a_pair_takes() {
        let folder =
            std::env::temp_dir().join(format!("bench-wrapped-rows-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("pair.txt"), "7.25\n").unwrap();
        let mut job = Job::in_folder("loop", &folder);
        job.measured = Some(folder.join("pair.txt"));
        let ended = Ended { wall: Duration::from_secs(1), most_resident: 9 };
        let measured = Measured::of(&ended, &job, &folder).unwrap();
        assert_eq!((measured.pair, measured.peak, measured.written), (Some(7.25), 9, 5));
        fs::write(folder.join("pair.txt"), "nothing").unwrap();
        assert!(Measured::of(&ended, &job, &folder).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
