//! The command line of a bench program.

use std::time::Duration;

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
}

/// A workload by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// A loop on one thread.
    Loop(Body),
    /// `json`: the whole fixture program.
    Json,
    /// `syn`: the whole fixture program.
    Syn,
    /// `threads-N`: a loop on N threads.
    Threads(u32),
}

/// How long a loop goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// About so long, measured.
    Budget(Duration),
    /// Exactly so many pairs, not measured.
    Pairs(u64),
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
        let mut parsed = Self { workload, amount, files: usize::MAX };
        while let Some(option) = arguments.next() {
            let value = arguments.next().and_then(|text| text.parse::<u64>().ok());
            let value = value.ok_or_else(|| format!("{option} needs a number"))?;
            match option.as_str() {
                "--budget" => parsed.amount = Amount::Budget(Duration::from_millis(value)),
                "--pairs" => parsed.amount = Amount::Pairs(value),
                "--files" => parsed.files = value as usize,
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
            _ => {
                let threads = name.strip_prefix("threads-")?.parse().ok()?;
                Self::Threads((1..=256).contains(&threads).then_some(threads)?)
            }
        })
    }
}
