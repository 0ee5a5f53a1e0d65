//! From runs to the numbers of a table.

use crate::measured::{Measured, Outcome, Reported};
use crate::programs::{Allocator, FRAME_POINTERS, Unit, Workload};

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
    /// The second pass, times plain's second pass.
    pub(crate) again_ratio: Option<f64>,
    /// `added` as a share of what dhat adds, if dhat was measured.
    pub(crate) of_dhat: Option<f64>,
    /// `added` as a share of what mod-alloc 1.0.1 adds, where that one records stacks.
    pub(crate) of_mod_alloc_1: Option<f64>,
    /// Times the work that one thread gets done, if that was measured before.
    pub(crate) speed_up: Option<f64>,
}

type Medians = (&'static Allocator, usize, Result<Measured, String>);

impl Rows {
    /// Medians of the runs; the first allocator is what the others are compared with.
    pub(crate) fn from_runs(
        build: &str,
        workload: Workload,
        runs: impl Iterator<Item = (&'static Allocator, Vec<Outcome>)>,
    ) -> Self {
        let medians: Vec<Medians> = runs
            .map(|(allocator, outcomes)| (allocator, outcomes.len(), median(&outcomes)))
            .collect();
        let measured_of = |name: &str| {
            let (_, _, found) = medians.iter().find(|(allocator, ..)| allocator.name == name)?;
            found.as_ref().ok()
        };
        let plain = measured_of("plain").copied();
        let plain = plain.unwrap_or(Measured { value: f64::NAN, ..Measured::default() });
        let added_by = |name| measured_of(name).map(|measured| measured.value - plain.value);
        let dhat_adds = added_by("dhat");
        let mod_alloc_1_adds = added_by("mod-alloc-1").filter(|_| build == FRAME_POINTERS);
        let numbers = |median: Measured| {
            let added = median.value - plain.value;
            Numbers {
                median,
                added,
                ratio: median.value / plain.value,
                again_ratio: median.again.zip(plain.again).map(|(again, plain)| again / plain),
                of_dhat: dhat_adds.map(|dhat_adds| added / dhat_adds),
                of_mod_alloc_1: mod_alloc_1_adds.map(|adds| added / adds),
                speed_up: None,
            }
        };
        let row = |(allocator, runs, median): Medians| Row {
            allocator,
            runs,
            numbers: median.map(numbers),
        };
        let rows = medians.iter().cloned().map(row).collect();
        Self { build: build.to_owned(), workload, unit: workload.unit, rows }
    }

    /// The numbers of the allocator with that name.
    pub(crate) fn numbers_of(&self, name: &str) -> Option<&Numbers> {
        self.rows.iter().find(|row| row.allocator.name == name)?.numbers.as_ref().ok()
    }

    /// Says of each allocator how much more several threads get done than the one of `alone`.
    pub(crate) fn compare_with(&mut self, alone: &Self) {
        for row in &mut self.rows {
            if let (Ok(numbers), Some(one)) =
                (&mut row.numbers, alone.numbers_of(row.allocator.name))
            {
                numbers.speed_up = Some(one.median.value / numbers.median.value);
            }
        }
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
    let of = |part: fn(&Measured) -> f64| middle(runs.iter().map(part).collect());
    let reports: Option<Vec<Reported>> = runs.iter().map(|run| run.report).collect();
    let of_report = |reports: &[Reported], part: fn(&Reported) -> f64| {
        middle(reports.iter().map(part).collect())
    };
    let again: Vec<f64> = runs.iter().filter_map(|run| run.again).collect();
    Ok(Measured {
        value: of(|run| run.value),
        again: (!again.is_empty()).then(|| middle(again)),
        resident_kib: of(|run| run.resident_kib),
        exit_millis: of(|run| run.exit_millis),
        report: reports.map(|reports| Reported {
            bytes: of_report(&reports, |report| report.bytes),
            sites: of_report(&reports, |report| report.sites),
            lost: of_report(&reports, |report| report.lost),
        }),
    })
}

/// The median of at least one number.
pub(crate) fn middle(mut numbers: Vec<f64>) -> f64 {
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
    use crate::programs::{ALLOCATORS, WORKLOADS};

    pub(crate) fn named(name: &str) -> &'static Allocator {
        ALLOCATORS.iter().find(|allocator| allocator.name == name).unwrap()
    }

    pub(crate) fn runs(values: &[f64]) -> Vec<Outcome> {
        let measured = |&value| Outcome::Measured(Measured { value, ..Measured::default() });
        values.iter().map(measured).collect()
    }

    /// Allocators by name, with the numbers of their runs.
    pub(crate) fn rows(build: &str, workload: &str, values: &[(&str, &[f64])]) -> Rows {
        let workload = WORKLOADS.iter().find(|known| known.name == workload).unwrap();
        let runs = values.iter().map(|(name, values)| (named(name), runs(values)));
        Rows::from_runs(build, *workload, runs)
    }

    #[test]
    fn compares_medians_with_plain_and_with_dhat() {
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

    #[test]
    fn compares_with_mod_alloc_1_where_that_has_frame_pointers() {
        let values: [(&str, &[f64]); 3] =
            [("plain", &[10.0]), ("mod-alloc", &[40.0]), ("mod-alloc-1", &[70.0])];
        let share =
            |build| rows(build, "shallow", &values).numbers_of("mod-alloc").unwrap().of_mod_alloc_1;
        assert_eq!(share("frame-pointers"), Some(0.5));
        assert_eq!(share("default"), None, "there it records nothing");
    }

    #[test]
    fn the_second_pass_has_a_ratio_of_its_own() {
        let passes = |value, again| {
            let again = Some(again);
            vec![Outcome::Measured(Measured { value, again, ..Measured::default() })]
        };
        let all = [(named("plain"), passes(10.0, 5.0)), (named("mod-alloc"), passes(30.0, 10.0))];
        let rows = Rows::from_runs("default", WORKLOADS[5], all.into_iter());
        let ours = rows.numbers_of("mod-alloc").unwrap();
        assert_eq!((ours.ratio, ours.again_ratio), (3.0, Some(2.0)));
    }

    #[test]
    fn threads_are_compared_with_one_thread() {
        let alone = rows("default", "threads-1", &[("plain", &[20.0]), ("dhat", &[100.0])]);
        let mut four = rows("default", "threads-4", &[("plain", &[5.0]), ("dhat", &[200.0])]);
        four.compare_with(&alone);
        let speed_up = |name| four.numbers_of(name).unwrap().speed_up;
        assert_eq!((speed_up("plain"), speed_up("dhat")), (Some(4.0), Some(0.5)));
    }

    #[test]
    fn a_report_is_described_if_all_runs_have_one() {
        let report = |lost| Some(Reported { lost, ..Reported::default() });
        let run = |report| Outcome::Measured(Measured { report, ..Measured::default() });
        let lost =
            |outcomes: &[Outcome]| median(outcomes).unwrap().report.map(|report| report.lost);
        assert_eq!(lost(&[run(report(0.1)), run(report(0.3)), run(report(0.2))]), Some(0.2));
        assert_eq!(lost(&[run(report(0.1)), run(None)]), None);
    }
}
