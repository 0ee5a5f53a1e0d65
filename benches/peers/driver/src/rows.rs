//! From runs to the numbers of a table.

use crate::child::{Measured, Outcome};
use crate::programs::{Allocator, Unit, Workload};

/// One workload under every allocator.
pub(crate) struct Rows {
    pub(crate) build: String,
    pub(crate) workload: Workload,
    /// What the numbers mean, which may differ from what the workload's usually do.
    pub(crate) unit: Unit,
    pub(crate) rows: Vec<Row>,
}

/// One allocator's numbers.
pub(crate) struct Row {
    pub(crate) allocator: &'static Allocator,
    /// How many runs the numbers are the medians of.
    pub(crate) runs: usize,
    pub(crate) numbers: Result<Numbers, String>,
}

/// Medians, and what follows from them.
pub(crate) struct Numbers {
    pub(crate) median: Measured,
    /// What the allocator adds to plain, per unit.
    pub(crate) added: f64,
    /// Times plain.
    pub(crate) ratio: f64,
    /// `added` as a share of what dhat adds, if dhat was measured.
    pub(crate) of_dhat: Option<f64>,
}

impl Rows {
    /// Medians of the runs; the first allocator is what the others are compared with.
    pub(crate) fn from_runs(
        build: &str,
        workload: Workload,
        runs: impl Iterator<Item = (&'static Allocator, Vec<Outcome>)>,
    ) -> Self {
        let medians: Vec<_> = runs
            .map(|(allocator, outcomes)| (allocator, outcomes.len(), median(&outcomes)))
            .collect();
        let value_of = |name: &str| {
            let (_, _, found) = medians.iter().find(|(allocator, ..)| allocator.name == name)?;
            found.as_ref().ok().map(|measured| measured.value)
        };
        let plain = value_of("plain").unwrap_or(f64::NAN);
        let dhat_adds = value_of("dhat").map(|value| value - plain);
        let numbers = |median: Measured| Numbers {
            median,
            added: median.value - plain,
            ratio: median.value / plain,
            of_dhat: dhat_adds.map(|dhat_adds| (median.value - plain) / dhat_adds),
        };
        let row = |(allocator, runs, median): (_, _, Result<Measured, String>)| Row {
            allocator,
            runs,
            numbers: median.map(numbers),
        };
        let rows = medians.iter().cloned().map(row).collect();
        Self { build: build.to_owned(), workload, unit: workload.unit, rows }
    }
}

/// The medians, each number for itself, or why there are none.
fn median(outcomes: &[Outcome]) -> Result<Measured, String> {
    let mut runs = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Measured(measured) => runs.push(*measured),
            Outcome::Refused(reason) => return Err(reason.clone()),
        }
    }
    let middle = |part: fn(&Measured) -> f64| {
        let mut parts: Vec<f64> = runs.iter().map(part).collect();
        parts.sort_by(f64::total_cmp);
        let half = parts.len() / 2;
        if parts.len().is_multiple_of(2) {
            (parts[half - 1] + parts[half]) / 2.0
        } else {
            parts[half]
        }
    };
    Ok(Measured {
        value: middle(|run| run.value),
        again: middle(|run| run.again),
        resident_kib: middle(|run| run.resident_kib),
        exit_millis: middle(|run| run.exit_millis),
        report_bytes: middle(|run| run.report_bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::{ALLOCATORS, WORKLOADS};

    fn runs(values: &[f64]) -> Vec<Outcome> {
        let measured = |&value| Outcome::Measured(Measured { value, ..Measured::default() });
        values.iter().map(measured).collect()
    }

    #[test]
    fn compares_medians_with_plain_and_with_dhat() {
        let named =
            |name: &str| ALLOCATORS.iter().find(|allocator| allocator.name == name).unwrap();
        let all = [
            (named("plain"), runs(&[30.0, 10.0, 20.0])),
            (named("mod-alloc"), runs(&[41.0, 39.0])),
            (named("dhat"), runs(&[420.0])),
            (named("heapscope"), vec![Outcome::Refused("why".to_owned())]),
        ];
        let rows = Rows::from_runs("default", WORKLOADS[0], all.into_iter()).rows;
        let ours = rows[1].numbers.as_ref().unwrap();
        assert_eq!((ours.median.value, ours.added, ours.ratio), (40.0, 20.0, 2.0));
        assert_eq!(ours.of_dhat, Some(0.05));
        assert_eq!(rows[3].numbers.as_ref().err().map(String::as_str), Some("why"));
    }
}
