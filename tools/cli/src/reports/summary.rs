//! The summary of a report: four lines as dhat prints them, and the losses.

use std::path::Path;

use mod_alloc::report::{Coverage, summary};

use crate::base::say::say;
use crate::dhat_file::Document;
use crate::units::Count;

/// Says it on standard error. `viewable`: the report is a dhat file.
pub(crate) fn print(document: &Document, saved_to: &Path, viewable: bool) {
    for line in lines(document, saved_to, viewable) {
        say!("{line}");
    }
}

fn lines(document: &Document, saved_to: &Path, viewable: bool) -> Vec<String> {
    let (sums, extras) = (document.totals(), &document.extras);
    let samples = document.samples();
    let sum = samples.map_or(sums, |samples| samples.instead_of(&sums));
    let amount = |bytes, blocks| format!("{} bytes in {} blocks", Count(bytes), Count(blocks));
    let ended_there = [sum.peak_bytes, sum.peak_blocks] == [sum.end_bytes, sum.end_blocks];
    let at_peak = match samples.filter(|_| !ended_there) {
        Some(samples) => {
            let gap = samples.mean_gap();
            let blocks = summary::sampled_blocks(gap, sum.peak_bytes, sum.peak_blocks);
            format!("{} bytes {blocks}", Count(sum.peak_bytes))
        }
        None => amount(sum.peak_bytes, sum.peak_blocks),
    };
    let remark = match extras.processes.len() {
        0 | 1 => String::new(),
        processes => format!(" (at most: the peaks of {processes} programs added up)"),
    };
    let mut lines = vec![
        format!("Total:     {}", amount(sum.total_bytes, sum.total_blocks)),
        format!("At t-gmax: {at_peak}{remark}"),
        format!("At t-end:  {}", amount(sum.end_bytes, sum.end_blocks)),
    ];
    if let Some(samples) = samples {
        lines.push(summary::sampled(samples.mean_gap()));
    }
    if saved_to != Path::new("-") {
        let how = if viewable { ", and is viewable with dhat/dh_view.html" } else { "" };
        lines.push(format!("The data has been saved to {}{how}", saved_to.display()));
    }
    let losses = extras.losses.unwrap_or_default();
    let losses = summary::losses(&losses, extras.circumstances());
    if !losses.is_empty() {
        lines.push(format!("Lost: {}", losses.join("; ")));
    }
    if let Some(unseen) = extras.coverage.as_ref().and_then(Coverage::sentence) {
        lines.push(format!("Not seen: {unseen}"));
    }
    lines.extend(extras.advice.iter().map(|advice| format!("Advice: {advice}")));
    if let Some((checked, different)) = extras.self_check {
        let (checked, different) = (Count(checked), Count(different));
        lines.push(format!("Self-check: {checked} captures, {different} differences"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use mod_alloc::recording::model::{Counters, Recording, SelfCheck, Site};
    use mod_alloc::report::{Options, Profile};

    #[test]
    fn it_says_what_the_crate_says() {
        let mut recording = Recording::default();
        let counters = Counters { total_bytes: 12_345, total_blocks: 6, ..Counters::default() };
        recording.sites = vec![Site { frame: 2, counters }];
        recording.losses.truncated_stacks = 7;
        recording.settings.frames = 64;
        recording.self_check = Some(SelfCheck { checked: 1_000, differences: 1 });
        let profile = Profile::from_recording(&recording, &Options::default());
        let path = Path::new("/tmp/x.json");
        let ours = lines(&Document::of_profile(&profile), path, true);
        let ours: String = ours.iter().map(|line| format!("mod-alloc: {line}\n")).collect();
        assert_eq!(ours, summary::lines(&profile, path));
        assert_eq!(ours.lines().count(), 6);
    }
}
