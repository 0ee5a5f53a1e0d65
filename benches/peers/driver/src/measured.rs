//! The numbers of one run of a timed workload.

use crate::child::{Child, Ended, Run};
use crate::lines::Lines;
use crate::made::Made;
use crate::report::describe;

/// What came of a run.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It ran.
    Measured(Measured),
    /// There is no such program, or its profiler would not start.
    Refused(String),
}

/// What a run showed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    /// Nanoseconds per unit.
    pub(crate) value: f64,
    /// Nanoseconds of the second pass of a whole program.
    pub(crate) again: Option<f64>,
    /// The most memory that was resident at once, in KiB.
    pub(crate) resident_kib: f64,
    /// From the end of the work until the process was gone, in milliseconds.
    pub(crate) exit_millis: f64,
    /// What is in the report, if there is one.
    pub(crate) report: Option<Reported>,
}

/// What a run's report has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reported {
    /// Size of the file.
    pub(crate) bytes: f64,
    /// Call sites.
    pub(crate) sites: f64,
    /// The part of the blocks that the program made that is at no site.
    pub(crate) lost: f64,
}

impl Outcome {
    /// Runs a timed workload whose program makes the blocks `made`.
    ///
    /// # Errors
    ///
    /// If the program fails or does not print what it should.
    pub(crate) fn of(child: &Child<'_>, arguments: &[String], made: &Made) -> Result<Self, String> {
        match child.run(arguments)? {
            Run::Refused(reason) => Ok(Self::Refused(reason)),
            Run::Ended(ended) => {
                let measured = Measured::of(&ended, made);
                measured.map(Self::Measured).map_err(|error| format!("{}: {error}", child.name()))
            }
        }
    }
}

impl Measured {
    fn of(ended: &Ended, made: &Made) -> Result<Self, String> {
        let printed = &ended.printed;
        let units = printed.number("units")?;
        let reported = |report: Lines| -> Result<Reported, String> {
            Ok(Reported {
                bytes: report.number("bytes")?,
                sites: report.number("sites")?,
                lost: made.lost(report.number("blocks")?, units),
            })
        };
        Ok(Self {
            value: printed.number("value")?,
            again: printed.number("again").ok(),
            resident_kib: ended.resident_kib,
            exit_millis: (ended.at_nanos - printed.number("end")?) / 1e6,
            report: describe(&ended.report)?.map(reported).transpose()?,
        })
    }
}
