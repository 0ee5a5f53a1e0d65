//! `assert_allocs!`: limits for the allocations of a piece of code, and the sites that exceed them.

use std::fmt::{self, Write};
use std::string::String;
use std::vec::Vec;

use super::sites::{self, SiteNumbers};
use super::{Measured, Measuring};
use crate::api::report_files;
use crate::engine::session::Session;
use crate::report::{FrameRef, Options, SiteNames};

/// Asserts limits for the calling thread's allocations in a piece of code, and gives the code's
/// value.
///
/// After the code come one or more limits: a field of [`Measured`](crate::Measured), a comparison,
/// and a number.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let words = mod_alloc::assert_allocs!(vec![1_u64; 100], blocks == 1, bytes <= 1024);
/// assert_eq!(words.len(), 100);
/// mod_alloc::assert_allocs!(drop(vec![0_u8; 10]), end_blocks == 0, peak_bytes < 100);
/// ```
///
/// # Panics
///
/// If a limit is not kept. The message has the limit, the numbers, and the call sites of the
/// excess. This program
///
/// <!-- tested: limit -->
/// ```should_panic
/// use mod_alloc::{ModAlloc, assert_allocs};
///
/// #[global_allocator]
/// static ALLOC: ModAlloc = ModAlloc::new();
///
/// fn rows(count: u8) -> Vec<Box<[u8; 100]>> {
///     (0..count).map(|row| Box::new([row; 100])).collect()
/// }
///
/// fn main() {
///     assert_allocs!(rows(6), blocks <= 1);
/// }
/// ```
///
/// panics with
///
/// <!-- tested: limit message -->
/// ```text
/// allocations: blocks <= 1 does not hold
///   measured: 7 blocks, 648 bytes; 648 bytes at the peak; 7 blocks, 648 bytes live at the end
///   6 blocks, 600 bytes:
///       limit::rows::{{closure}} (/home/me/limit/src/main.rs:7)
///       limit::rows (/home/me/limit/src/main.rs:7)
///       limit::main::{{closure}} (/home/me/limit/src/main.rs:11)
///       limit::main (/home/me/limit/src/main.rs:11)
///   1 blocks, 48 bytes:
///       limit::rows (/home/me/limit/src/main.rs:7)
///       limit::main::{{closure}} (/home/me/limit/src/main.rs:11)
///       limit::main (/home/me/limit/src/main.rs:11)
/// ```
///
/// Also if nothing can be measured; see [`measure`](fn@crate::measure).
#[macro_export]
macro_rules! assert_allocs {
    ($work:expr, $($field:ident $compare:tt $limit:expr),+ $(,)?) => {
        $crate::measure::check(
            || $work,
            &|measured: &$crate::Measured| ::std::vec![$({
                let limit = $limit;
                $crate::measure::Limit {
                    field: ::core::stringify!($field),
                    text: ::core::concat!(
                        ::core::stringify!($field), " ", ::core::stringify!($compare), " ",
                        ::core::stringify!($limit)
                    ),
                    is_kept: measured.$field $compare limit,
                }
            }),+],
        )
    };
}

/// Asserts that a piece of code allocates nothing in the calling thread, and gives the code's
/// value.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let numbers = [3, 1, 2];
/// let most = mod_alloc::assert_no_allocs!(numbers.iter().max());
/// assert_eq!(most, Some(&3));
/// ```
///
/// # Panics
///
/// As [`assert_allocs!`](crate::assert_allocs).
#[macro_export]
macro_rules! assert_no_allocs {
    ($work:expr $(,)?) => {
        $crate::assert_allocs!($work, blocks == 0)
    };
}

/// One limit, after measuring.
#[doc(hidden)]
#[derive(Debug)]
pub struct Limit {
    /// The field of [`Measured`] that it limits.
    pub field: &'static str,
    /// The limit's text in the program.
    pub text: &'static str,
    /// True if it is kept.
    pub is_kept: bool,
}

/// Sites that a message names.
const MOST_SITES: usize = 5;
/// Frames that it shows of each.
const MOST_FRAMES: usize = 4;

/// Runs `work` and panics if one of the limits is not kept.
#[doc(hidden)]
#[track_caller]
pub fn check<R>(work: impl FnOnce() -> R, limits: &dyn Fn(&Measured) -> Vec<Limit>) -> R {
    let session = super::session();
    let measuring = Measuring::begin(false);
    let before = sites::of_group(session, measuring.lease.group());
    let result = measuring.run(work);
    let measured = measuring.lease.measured();
    let broken = limits(&measured).into_iter().find(|limit| !limit.is_kept);
    if let Some(limit) = broken {
        let sites = sites::since(sites::of_group(session, measuring.lease.group()), &before);
        panic!("{}", message(session, &limit, &measured, sites));
    }
    result
}

fn message(
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
    // Writing to a string does not fail. Names take more stack than a test's thread may have left.
    report_files::with_report_stack(&mut || {
        text.clear();
        let _ = write_message(session, limit, measured, &sites, &mut text);
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
    let Measured { blocks, bytes, peak_bytes, end_blocks, end_bytes } = measured;
    writeln!(text, "allocations: {} does not hold", limit.text)?;
    writeln!(
        text,
        "  measured: {blocks} blocks, {bytes} bytes; {peak_bytes} bytes at the peak; \
         {end_blocks} blocks, {end_bytes} bytes live at the end"
    )?;
    let recording = report_files::read(session);
    let mut names = SiteNames::new(&recording, &Options::default());
    for site in sites.iter().take(MOST_SITES) {
        let live = match limit.field {
            "end_blocks" | "end_bytes" => {
                std::format!(
                    ", of which {} blocks, {} bytes live",
                    site.live_blocks,
                    site.live_bytes
                )
            }
            _ => String::new(),
        };
        writeln!(text, "  {} blocks, {} bytes{live}:", site.blocks, site.bytes)?;
        let stack = names.stack(&recording, site.frame.number());
        let frames: Vec<FrameRef<'_>> = stack.iter().filter_map(|id| names.frame(*id)).collect();
        write_frames(&frames, text)?;
    }
    match sites.len().saturating_sub(MOST_SITES) {
        0 => Ok(()),
        more => writeln!(text, "  and {more} more call sites"),
    }
}

/// The innermost frames of the program's own code; where there are none, of any.
fn write_frames(frames: &[FrameRef<'_>], text: &mut String) -> fmt::Result {
    let own: Vec<_> = frames.iter().filter(|frame| !frame.is_library()).collect();
    let shown = if own.is_empty() { frames.iter().collect() } else { own };
    for frame in shown.into_iter().take(MOST_FRAMES) {
        let function = frame.function().or(frame.note()).unwrap_or("???");
        write!(text, "      {function}")?;
        if let (Some(file), Some(line)) = (frame.short_file(), frame.line()) {
            write!(text, " ({file}:{line})")?;
        }
        writeln!(text)?;
    }
    Ok(())
}
