//! The lines on standard error about a written report: four as dhat prints them, and more if
//! anything was lost or not seen.

use std::fmt::{self, Write};
use std::format;
use std::path::Path;
use std::string::String;
use std::vec::Vec;

use super::coverage::Coverage;
use super::losses::{Circumstances, causes};
#[cfg(feature = "dhat-compat")]
use super::merge;
use super::options::Form;
use super::profile::Profile;
use crate::base::units::{Bytes, Count};
use crate::recording::model::{Counters, Losses, Sampling};
use crate::recording::sampling::has_enough_samples;

/// The lines, each ended by a newline. The figures are the sums over the profile's stacks,
/// so they equal what a viewer of the report shows.
pub fn lines(profile: &Profile, saved_to: &Path) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_lines(profile, saved_to, &mut text);
    text
}

fn write_lines(profile: &Profile, saved_to: &Path, text: &mut String) -> fmt::Result {
    write_totals(profile, "mod-alloc", text)?;
    write_sampling(profile.run().sampling.as_ref(), text)?;
    let path = saved_to.display();
    let viewer = "and is viewable with dhat/dh_view.html";
    writeln!(text, "mod-alloc: The data has been saved to {path}, {viewer}")?;
    write_losses(profile, &profile.run().losses, text)?;
    if let Some(unseen) = profile.coverage().and_then(Coverage::sentence) {
        writeln!(text, "mod-alloc: Not seen: {unseen}")?;
    }
    for advice in profile.advice() {
        writeln!(text, "mod-alloc: Advice: {advice}")?;
    }
    if let Some(check) = profile.run().self_check {
        let (checked, different) = (Count(check.checked), Count(check.differences));
        writeln!(text, "mod-alloc: Self-check: {checked} captures, {different} differences")?;
    }
    Ok(())
}

/// The lines about a recording without names, which is at `saved_to`, and is `argument` to the
/// command. The figures are the sums over its sites.
#[cfg(feature = "dhat-compat")]
pub(crate) fn lines_of_recording(
    recording: &crate::recording::model::Recording,
    saved_to: &Path,
    argument: &str,
) -> String {
    let mut sum = Counters::default();
    recording.sites.iter().for_each(|site| merge::add(&mut sum, &site.counters));
    if let Some(sampling) = &recording.sampling {
        sum = sampling.instead_of(&sum);
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let gap = recording.sampling.map(|sampling| sampling.mean_gap);
    let _ = write_sums(&sum, Form::Own, gap, "mod-alloc", &mut text);
    let _ = write_sampling(recording.sampling.as_ref(), &mut text);
    let path = saved_to.display();
    let _ = writeln!(text, "mod-alloc: The recording is {path}; read it with:");
    let _ = writeln!(text, "mod-alloc:     mod-alloc report {argument}");
    let at = Circumstances::of(&recording.settings, &[]);
    let _ = write_phrases(&losses(&recording.losses, at), &mut text);
    text
}

/// The sums over all stacks, in lines that begin with `who`.
pub(crate) fn write_totals(profile: &Profile, who: &str, text: &mut String) -> fmt::Result {
    let gap = profile.run().sampling.map(|sampling| sampling.mean_gap);
    write_sums(&profile.totals(), profile.form(), gap, who, text)
}

fn write_sums(
    sum: &Counters,
    form: Form,
    mean_gap: Option<u64>,
    who: &str,
    text: &mut String,
) -> fmt::Result {
    let is_ad_hoc = form == Form::DhatAdHoc;
    let [units, counted] = if is_ad_hoc { ["units", "events"] } else { ["bytes", "blocks"] };
    let mut line = |label: &str, bytes, blocks: &str| {
        writeln!(text, "{who}: {label}{} {units} {blocks}", Count(bytes))
    };
    let all = |blocks| format!("in {} {counted}", Count(blocks));
    line("Total:     ", sum.total_bytes, &all(sum.total_blocks))?;
    if is_ad_hoc {
        return Ok(()); // events are over when they happen
    }
    let ended_there = [sum.peak_bytes, sum.peak_blocks] == [sum.end_bytes, sum.end_blocks];
    let at_peak = match mean_gap.filter(|_| !ended_there) {
        Some(gap) => sampled_blocks(gap, sum.peak_bytes, sum.peak_blocks),
        None => all(sum.peak_blocks),
    };
    line("At t-gmax: ", sum.peak_bytes, &at_peak)?;
    line("At t-end:  ", sum.end_bytes, &all(sum.end_blocks))
}

/// The estimated blocks of exact `bytes`, as words behind those. No number if it tells nothing.
pub fn sampled_blocks(mean_gap: u64, bytes: u64, blocks: u64) -> String {
    if has_enough_samples(mean_gap, bytes, blocks) {
        return format!("in about {} blocks", Count(blocks));
    }
    String::from("(too few samples to tell the blocks)")
}

/// The line that tells of samples.
pub fn sampled(mean_gap: u64) -> String {
    if mean_gap <= 1 {
        return String::from("Sampled: each block so far; all numbers are exact");
    }
    let gap = Bytes(mean_gap);
    format!("Sampled: a block in {gap} on average; totals are exact, call sites are estimates")
}

/// A line that tells of samples; none if each block was recorded.
pub(crate) fn write_sampling(sampling: Option<&Sampling>, text: &mut String) -> fmt::Result {
    let Some(sampling) = sampling else { return Ok(()) };
    writeln!(text, "mod-alloc: {}", sampled(sampling.mean_gap))
}

/// The losses in one line; no line if there are none.
pub(crate) fn write_losses(profile: &Profile, lost: &Losses, text: &mut String) -> fmt::Result {
    write_phrases(&losses(lost, profile.circumstances()), text)
}

fn write_phrases(losses: &[String], text: &mut String) -> fmt::Result {
    if losses.is_empty() {
        return Ok(());
    }
    writeln!(text, "mod-alloc: Lost: {}", losses.join("; "))
}

/// One phrase for each cause that lost something: how much of what, where, and advice.
pub fn losses(losses: &Losses, at: Circumstances<'_>) -> Vec<String> {
    causes(losses, at).map(|cause| cause.with_advice()).collect()
}

/// The phrases without the advice, for narrow places.
pub fn short_losses(losses: &Losses, at: Circumstances<'_>) -> Vec<String> {
    causes(losses, at).map(|cause| cause.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::model::{Recording, Settings, Site};
    use crate::report::options::Options;
    use std::string::ToString;
    use std::vec;

    fn profile(losses: Losses) -> Profile {
        let counters = |n| Counters {
            total_bytes: 1_000 * n,
            total_blocks: n,
            peak_bytes: 256 * n,
            peak_blocks: 2 * n,
            end_bytes: 10 * n,
            end_blocks: n,
            ..Counters::default()
        };
        let settings = Settings { frames: 64, ..Settings::default() };
        let sites = vec![
            Site { frame: 2, counters: counters(3) },
            Site { frame: 3, counters: counters(4) },
        ];
        let recording = Recording { sites, losses, settings, ..Recording::default() };
        Profile::from_recording(&recording, &Options::default())
    }

    #[test]
    fn four_lines_when_nothing_was_lost() {
        let expected = "\
mod-alloc: Total:     7,000 bytes in 7 blocks
mod-alloc: At t-gmax: 1,792 bytes in 14 blocks
mod-alloc: At t-end:  70 bytes in 7 blocks
mod-alloc: The data has been saved to /tmp/x.json, and is viewable with dhat/dh_view.html
";
        assert_eq!(lines(&profile(Losses::default()), Path::new("/tmp/x.json")), expected);
    }

    #[test]
    fn every_cause_of_loss_is_named_with_its_figure() {
        let losses = Losses {
            table_full: 1_001,
            reentrant: 1_002,
            reentrant_bytes: 1_003,
            damaged_trailers: 1_004,
            damaged_bytes: 1_005,
            truncated_stacks: 1_006,
            broken_stacks: 1_007,
            threads_overflowed: 1_008,
            groups_overflowed: 1_009,
            ..Losses::default()
        };
        let text = lines(&profile(losses), Path::new("x"));
        assert_eq!(text.lines().count(), 5);
        let last = text.lines().last().unwrap();
        let full = "1,001 events in a full call-site table (set MOD_ALLOC_BUCKETS higher)";
        assert!(last.starts_with(&std::format!("mod-alloc: Lost: {full}; ")), "{last}");
        for figure in 1_001..=1_009 {
            assert!(last.contains(&Count(figure).to_string()), "{figure} in {last}");
        }
        assert!(last.contains("deeper than 64 frames (set MOD_ALLOC_FRAMES"), "{last}");
        assert!(last.contains("MOD_ALLOC_UNWIND"), "{last}");
    }

    #[test]
    fn causes_without_loss_are_not_named() {
        let text =
            lines(&profile(Losses { broken_stacks: 1, ..Losses::default() }), Path::new("x"));
        let last = text.lines().last().unwrap();
        assert!(
            !last.contains("BUCKETS")
                && !last.contains(';')
                && last.contains("Lost: 1 stack cut short"),
            "{last}"
        );
    }
}
