//! What a report says, whoever wrote it: all of them write dhat's JSON.
//!
//! A process of its own reads it, because a report may have a hundred megabytes, and Linux
//! takes what was resident in the process that starts a program for the program's own peak.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde::Deserialize;

use crate::lines::Lines;

/// The first argument of the process that reads a report.
pub(crate) const DESCRIBE: &str = "describe";

/// What another process finds in the report, if there is one: `bytes`, `sites`, `blocks`, `frames`.
///
/// # Errors
///
/// If it is not a report.
pub(crate) fn describe(path: &Path) -> Result<Option<Lines>, String> {
    if !path.exists() {
        return Ok(None);
    }
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(this).arg(DESCRIBE).arg(path).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(Some(Lines(String::from_utf8_lossy(&output.stdout).into_owned())))
}

/// Prints what is in the report.
///
/// # Errors
///
/// If it is not a report.
pub(crate) fn print_description(path: &Path) -> Result<(), String> {
    let with_path = |error: String| format!("{}: {error}", path.display());
    let text = fs::read(path).map_err(|error| with_path(error.to_string()))?;
    let report: Report =
        serde_json::from_slice(&text).map_err(|error| with_path(error.to_string()))?;
    println!("bytes {}\nsites {}", text.len(), report.pps.len());
    println!("blocks {}\nframes {}", report.blocks(), report.frames());
    Ok(())
}

/// The parts of a report that are looked at.
#[derive(Deserialize)]
struct Report {
    pps: Vec<Point>,
    ftbl: Vec<String>,
    /// What mod-alloc did not record in full; the others have no such count.
    #[serde(default)]
    x_losses: Losses,
}

/// A call site.
#[derive(Deserialize)]
struct Point {
    /// Blocks ever allocated.
    tbk: u64,
    /// Its frames, innermost first, as indices of `ftbl`.
    fs: Vec<usize>,
}

#[derive(Deserialize, Default)]
struct Losses {
    /// Blocks shown at one site for all that found the table full.
    #[serde(default)]
    table_full: u64,
}

impl Report {
    /// Blocks that are shown at the site that made them.
    fn blocks(&self) -> u64 {
        self.pps.iter().map(|point| point.tbk).sum::<u64>().saturating_sub(self.x_losses.table_full)
    }

    /// Distinct frames, each with all that is outward of it. What was inlined into a frame
    /// has the frame's address and is not one of its own.
    fn frames(&self) -> usize {
        let address_of = |&frame: &usize| self.ftbl[frame].split(':').next().unwrap_or_default();
        // A frame and what it is known by: the frame outward of it, and its address.
        let mut known: HashMap<(usize, &str), usize> = HashMap::new();
        for point in &self.pps {
            let mut addresses: Vec<&str> = point.fs.iter().rev().map(address_of).collect();
            addresses.dedup();
            addresses.into_iter().fold(0, |outward, address| {
                let next = known.len() + 1;
                *known.entry((outward, address)).or_insert(next)
            });
        }
        known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Report {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn blocks_without_a_site_do_not_count() {
        let text = r#"{"pps": [{"tbk": 7, "fs": []}, {"tbk": 5, "fs": []}], "ftbl": [],
            "x_losses": {"table_full": 5, "reentrant": 1}}"#;
        assert_eq!(report(text).blocks(), 7);
    }

    #[test]
    fn frames_are_told_apart_by_all_outward_of_them() {
        let text = r#"{"ftbl": ["[root]", "0x1: main", "0x2: a (x.rs:1)", "0x2: b (x.rs:2)", "0x3: c"],
            "pps": [{"tbk": 1, "fs": [3, 2, 1]}, {"tbk": 1, "fs": [4, 3, 2, 1]},
                    {"tbk": 1, "fs": [4, 1]}, {"tbk": 1, "fs": [1]}]}"#;
        assert_eq!(report(text).frames(), 4, "main; a and b in it; c in them; c in main");
    }
}
