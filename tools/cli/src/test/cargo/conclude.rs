//! The end of a run: its rows are printed, kept and compared.

use std::io::{self, Write};
use std::process::ExitStatus;

use crate::base::say::say;
use crate::base::{glyphs, output, terminal};
use crate::test::measured::rows::Rows;
use crate::test::shared::refused::Refused;
use crate::test::shown::baseline::Place;
use crate::test::shown::budget::{Comparison, compare};
use crate::test::shown::spread::Baseline;
use crate::test::shown::{comparison, json, markdown, table};

use super::arguments::{Format, Own};

/// A wider table is hard to read.
const WIDEST: usize = 200;

/// Prints the first of the `runs`, and keeps the spread of all or compares the least. Gives `true` if tests
/// grew beyond their budget.
pub(crate) fn conclude(
    runs: &[Rows],
    before: Option<&Baseline>,
    place: Option<&Place>,
    own: &Own,
    status: ExitStatus,
) -> Result<bool, Refused> {
    let Some(rows) = runs.first() else { return Ok(false) };
    let before_success = before.filter(|_| status.success());
    let found = before_success.map(|before| compare(&Rows::least_of(runs), before, own.choice()));
    let several = (runs.len() > 1 && before.is_none()).then(|| Baseline::of(runs));
    if let Some(before) = before_success {
        for part in own.choice().unmet(rows, before) {
            say!("no test has '{part}' in its name (--only, --ignore)");
        }
    }
    let compares_nothing = found.as_ref().is_some_and(|found| found.compared == 0);
    if compares_nothing && own.budget().is_some() && !own.only.is_empty() {
        return Err(Refused::usage("--only leaves no test that could be compared".into()));
    }
    print(rows, several.as_ref().or(before), found.as_ref(), own)?;
    for loss in &rows.losses {
        say!("{loss}");
    }
    if let (Some(name), Some(place)) = (&own.save_baseline, place) {
        save(runs, place, name, status)?;
    }
    if before.is_some() && !status.success() {
        say!("cargo failed: nothing was compared with the baseline");
    }
    let budget = own.budget().zip(found);
    Ok(budget.is_some_and(|(budget, found)| !found.above(&budget).is_empty()))
}

/// Prints nothing if nothing ran: cargo has said why, or only built.
fn print(
    rows: &Rows,
    spread: Option<&Baseline>,
    found: Option<&Comparison>,
    own: &Own,
) -> Result<(), Refused> {
    let width = terminal::width(WIDEST) as u16;
    let name = own.baseline.as_deref().unwrap_or_default();
    let budget = own.budget();
    let compared = found.map(|found| comparison::comparison(found, name, budget.as_ref(), width));
    let mut write = |out: &mut dyn io::Write| match own.format {
        Format::Json => json::write(rows, out),
        Format::Markdown => match found {
            Some(found) => write!(out, "{}", markdown::comparison(found, name, budget.as_ref())),
            None => write!(out, "{}", markdown::rows(rows, own.top)),
        },
        Format::Text if rows.rows.is_empty() && compared.is_none() => Ok(()),
        Format::Text => {
            let mut out = glyphs::Shown(out);
            if !own.quiet {
                write!(out, "\n{}", table::rows(rows, own.top, spread, width))?;
            }
            match &compared {
                Some(text) => write!(out, "\n{text}"),
                None => Ok(()),
            }
        }
    };
    let written = match &own.output {
        Some(path) => output::to_path(path, &mut |out| {
            // A file has no colours.
            let mut plain = anstream::StripStream::new(Vec::new());
            write(&mut plain)?;
            out.write_all(&plain.into_inner())
        }),
        None => output::to_stdout(&mut write),
    };
    if let (Format::Json, Some(text)) = (own.format, &compared) {
        for line in text.lines() {
            say!("{line}");
        }
    }
    written.map_err(|error| {
        let path = own
            .output
            .as_deref()
            .map_or("standard output".into(), |path| path.display().to_string());
        Refused::from(format!("{path} cannot be written: {error}"))
    })
}

fn save(runs: &[Rows], place: &Place, name: &str, status: ExitStatus) -> Result<(), Refused> {
    if !status.success() {
        say!("cargo failed: the baseline '{name}' was not saved");
        return Ok(());
    }
    let path = place.save(&Baseline::of(runs))?;
    say!("the baseline '{name}' is saved to {}", path.display());
    Ok(())
}
