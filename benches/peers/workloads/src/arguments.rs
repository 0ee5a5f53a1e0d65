//! The command line of a bench program.

use std::time::Duration;

use crate::grown::Grown;
use crate::held::Held;
use crate::loops::Body;

/// What to run, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arguments {
    /// The workload.
    pub workload: Workload,
    /// How much of a loop.
    pub amount: Amount,
    /// How many source files the `syn` workload parses.
    pub files: usize,
    /// How many things the `hold` workloads keep.
    pub count: usize,
    /// Leave the process before the profiler can write a report.
    pub no_report: bool,
}

/// A workload by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// A loop on one thread.
    Loop(Body),
    /// `heap-SITES-LIVE-DEPTH`: a loop on one thread.
    Heap(Grown),
    /// `json`: the whole fixture program.
    Json,
    /// `syn`: the whole fixture program.
    Syn,
    /// `threads-N`: a loop on N threads.
    Threads(u32),
    /// `hold-…`: keeps something and says how much memory is resident.
    Hold(Held),
}

/// How long a workload goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// A loop about so long, a whole program twice; measured.
    Budget(Duration),
    /// Exactly so many pairs on each thread, or passes; not measured.
    Units(u64),
}

impl Arguments {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let name = arguments.next().ok_or("which workload?")?;
        let workload = Workload::parse(&name).ok_or_else(|| format!("no workload {name}"))?;
        let amount = Amount::Budget(Duration::from_millis(300));
        let mut parsed = Self { workload, amount, files: usize::MAX, count: 0, no_report: false };
        while let Some(option) = arguments.next() {
            if option == "--no-report" {
                parsed.no_report = true;
                continue;
            }
            let value = arguments.next().and_then(|text| text.parse::<u64>().ok());
            let value = value.ok_or_else(|| format!("{option} needs a number"))?;
            match option.as_str() {
                "--budget" => parsed.amount = Amount::Budget(Duration::from_millis(value)),
                "--units" => parsed.amount = Amount::Units(value),
                "--files" => parsed.files = value as usize,
                "--count" => parsed.count = value as usize,
                _ => return Err(format!("no option {option}")),
            }
        }
        Ok(parsed)
    }
}

impl Workload {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "shallow" => Self::Loop(Body::Shallow),
            "deep32" => Self::Loop(Body::Deep),
            "sites" => Self::Loop(Body::Sites),
            "sawtooth" => Self::Loop(Body::Sawtooth),
            "steady" => Self::Loop(Body::Steady),
            "json" => Self::Json,
            "syn" => Self::Syn,
            _ if name.starts_with("heap-") => Self::Heap(Grown::parse(&name["heap-".len()..])?),
            _ if name.starts_with("hold-") => Self::Hold(Held::parse(&name["hold-".len()..])?),
            _ => {
                let threads = name.strip_prefix("threads-")?.parse().ok()?;
                Self::Threads((1..=256).contains(&threads).then_some(threads)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_command_line_says_what_and_how_much() {
        let arguments = parsed("hold-threads-3 --no-report --count 7 --units 9 --files 2").unwrap();
        let expected = Arguments {
            workload: Workload::Hold(Held::Threads(3)),
            amount: Amount::Units(9),
            files: 2,
            count: 7,
            no_report: true,
        };
        assert_eq!(arguments, expected);
        assert_eq!(parsed("threads-8").unwrap().workload, Workload::Threads(8));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for line in
            ["", "heap-1", "hold-", "hold-wind", "threads-0", "syn --files", "syn --times 3"]
        {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
