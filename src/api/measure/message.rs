//! The message of a limit that is not kept: numbers, and the call sites of the excess.

use std::fmt::{self, Write};
use std::string::String;
use std::vec::Vec;

use super::Measured;
use super::asserting::Limit;
use super::sites::SiteNumbers;
use crate::api::report_files;
use crate::base::current::as_profiler;
use crate::base::units::{Count, blocks, bytes};
use crate::engine::session::Session;
use crate::report::{FrameRef, Options, SiteNames};

/// Sites that a message names.
const MOST_SITES: usize = 5;
/// Frames that it shows of each.
const MOST_FRAMES: usize = 4;

/// The message.
pub(super) fn of(
    session: &'static Session,
    limit: &Limit,
    measured: &Measured,
    mut sites: Vec<SiteNumbers>,
) -> String {
    let by = |site: &SiteNumbers| match limit.field {
        "blocks" => site.blocks,
        "end_blocks" => site.live_blocks.max(0).cast_unsigned(),
        "end_bytes" => site.live_bytes.max(0).cast_unsigned(),
        _ => site.bytes,
    };
    sites.retain(|site| by(site) != 0);
    sites.sort_by_key(|site| core::cmp::Reverse(by(site)));
    let mut text = String::new();
    // Names take more stack than a test's thread may have left, and memory that only they need.
    report_files::with_report_memory(&mut || {
        let mut made = String::new();
        // Writing to a string does not fail.
        let _ = write_message(session, limit, measured, &sites, &mut made);
        text = as_profiler(|| made.clone());
    });
    text
}

fn write_message(
    session: &'static Session,
    limit: &Limit,
    measured: &Measured,
    sites: &[SiteNumbers],
    text: &mut String,
) -> fmt::Result {
    writeln!(text, "allocations: {} does not hold", limit.text)?;
    writeln!(text, "  measured: {measured:#}")?;
    let recording = report_files::read(session);
    let mut names = SiteNames::new(&recording, &Options::default());
    for site in sites.iter().take(MOST_SITES) {
        write!(text, "  {}, {}", blocks(site.blocks), bytes(site.bytes))?;
        if limit.field.starts_with("end_") {
            let live = |number: i64| number.max(0).cast_unsigned();
            let (live_blocks, live_bytes) = (live(site.live_blocks), live(site.live_bytes));
            write!(text, ", of which {}, {} live", blocks(live_blocks), bytes(live_bytes))?;
        }
        writeln!(text, ":")?;
        let stack = names.stack(&recording, site.frame.number());
        let frames: Vec<FrameRef<'_>> = stack.iter().filter_map(|id| names.frame(*id)).collect();
        write_frames(&frames, text)?;
    }
    match sites.len().saturating_sub(MOST_SITES) {
        0 => Ok(()),
        1 => writeln!(text, "  and 1 more call site"),
        more => writeln!(text, "  and {} more call sites", Count(more as u64)),
    }
}

/// The innermost frames of the program's own packages, and below them the function of another
/// package that they called. Where a stack has no frames of its own, the innermost ones of others.
fn write_frames(frames: &[FrameRef<'_>], text: &mut String) -> fmt::Result {
    let is_own = |frame: &FrameRef<'_>| !frame.is_library() && !frame.is_dependency();
    let own: Vec<_> = frames.iter().filter(|frame| is_own(frame)).collect();
    let others = || frames.iter().filter(|frame| frame.is_dependency()).collect();
    let shown = [own, others()].into_iter().find(|frames| !frames.is_empty());
    let shown = shown.unwrap_or_else(|| frames.iter().collect());
    for frame in shown.into_iter().take(MOST_FRAMES) {
        write!(text, "      ")?;
        write_frame(frame, text)?;
    }
    if let Some(first_own) = frames.iter().position(is_own)
        && let Some(called) = frames.iter().take(first_own).rfind(|frame| frame.is_dependency())
    {
        write!(text, "      through ")?;
        write_frame(called, text)?;
    }
    Ok(())
}

fn write_frame(frame: &FrameRef<'_>, text: &mut String) -> fmt::Result {
    write!(text, "{}", frame.function().or(frame.note()).unwrap_or("???"))?;
    if let (Some(file), Some(line)) = (frame.short_file(), frame.line()) {
        write!(text, " ({file}:{line})")?;
    }
    writeln!(text)
}
