//! Call sites as mod-alloc 1.0 gives them.

use std::collections::BTreeMap;
use std::vec::Vec;

use crate::api::own_recording;
use crate::base::current::as_profiler;
use crate::engine::session::Session;
use crate::recording::model::{Frame, ROOTS, Recording, Site};

/// The number of frames in [`CallSiteStats`].
const FRAMES: usize = 8;

/// A call site with its numbers: all stacks whose innermost eight frames are equal. See
/// [`ModAlloc::call_sites`](crate::ModAlloc::call_sites).
///
/// ```
/// # #[global_allocator]
/// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// # let _cache = vec![1_u8; 5000];
/// let sites = ALLOC.call_sites();
/// let most = sites.iter().max_by_key(|site| site.total_bytes).expect("a block was allocated");
/// println!("{} bytes in {} blocks from {:#x}", most.total_bytes, most.count, most.frames[0]);
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallSiteStats {
    /// Return addresses as the process sees them, the innermost first; 0 after the last one. The
    /// innermost ones are the allocator's.
    pub frames: [u64; 8],
    /// The number of frames. 0: no stack is known.
    pub frame_count: u8,
    /// Blocks ever allocated; a reallocation is one more.
    pub count: u64,
    /// Bytes ever allocated; a reallocation adds its whole new size.
    pub total_bytes: u64,
}

/// The numbers of each call site of the session so far, by its innermost frames.
pub(crate) fn call_sites(session: Option<&'static Session>) -> Vec<CallSiteStats> {
    as_profiler(|| by_innermost(&own_recording::recording(session)))
}

fn by_innermost(recording: &Recording) -> Vec<CallSiteStats> {
    let mut sites = BTreeMap::<[u64; FRAMES], CallSiteStats>::new();
    for site in recording.sites.iter().filter(|site| own_recording::has_stack(site)) {
        let (frames, frame_count) = innermost(site, &recording.frames);
        let sum = sites.entry(frames).or_insert(CallSiteStats {
            frames,
            frame_count,
            ..CallSiteStats::default()
        });
        sum.count = sum.count.saturating_add(site.counters.total_blocks);
        sum.total_bytes = sum.total_bytes.saturating_add(site.counters.total_bytes);
    }
    sites.into_values().collect()
}

/// The innermost frames of a site's stack, and their number.
fn innermost(site: &Site, frames: &[Frame]) -> ([u64; FRAMES], u8) {
    let mut at = site.frame;
    let mut addresses = [0; FRAMES];
    let mut count = 0;
    while count < FRAMES
        && at as usize >= ROOTS
        && let Some(frame) = frames.get(at as usize)
    {
        // A group's frame is no code.
        if frame.group == 0 {
            addresses[count] = frame.address;
            count += 1;
        }
        at = frame.parent;
    }
    (addresses, count as u8)
}

#[cfg(feature = "symbolicate")]
pub(crate) mod named {
    //! Call sites with names.

    use std::path::PathBuf;
    use std::string::String;
    use std::vec::Vec;

    use crate::api::own_recording;
    use crate::base::current::as_profiler;
    use crate::engine::session::Session;
    use crate::report::{FrameRef, Options, Profile, StackRef};

    /// One function of a stack; see [`SymbolicatedCallSite`].
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct SymbolicatedFrame {
        /// Return address as the process sees it.
        pub address: u64,
        /// Demangled name.
        pub function: Option<String>,
        /// Path of the source file, as the debug information has it.
        pub file: Option<PathBuf>,
        /// Line, counted from 1.
        pub line: Option<u32>,
        /// True if it was inlined into the next one.
        pub inlined: bool,
    }

    /// A stack with its numbers and the names of its frames. See
    /// [`ModAlloc::symbolicated_report`](crate::ModAlloc::symbolicated_report).
    ///
    /// ```
    /// # #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// # let _cache = vec![1_u8; 5000];
    /// let mut stacks = ALLOC.symbolicated_report();
    /// stacks.sort_by_key(|stack| std::cmp::Reverse(stack.total_bytes));
    /// for frame in &stacks[0].frames {
    ///     let function = frame.function.as_deref().unwrap_or("???");
    ///     println!("{function} {:?}:{:?}", frame.file, frame.line);
    /// }
    /// # }
    /// ```
    #[derive(Debug, Clone, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct SymbolicatedCallSite {
        /// Blocks ever allocated; a reallocation is one more.
        pub count: u64,
        /// Bytes ever allocated; a reallocation adds its whole new size.
        pub total_bytes: u64,
        /// The stack, innermost function first.
        pub frames: Vec<SymbolicatedFrame>,
    }

    /// The numbers of each stack of the session so far, with names.
    pub(crate) fn symbolicated_report(
        session: Option<&'static Session>,
    ) -> Vec<SymbolicatedCallSite> {
        let mut sites = Vec::new();
        own_recording::with_report_memory(&mut || {
            let mut recording = own_recording::recording(session);
            recording.retain_sites(own_recording::has_stack);
            let profile = Profile::from_recording(&recording, &Options::default());
            sites = as_profiler(|| profile.stacks().map(site).collect());
        });
        sites
    }

    fn site(stack: StackRef<'_>) -> SymbolicatedCallSite {
        SymbolicatedCallSite {
            count: stack.counters().total_blocks,
            total_bytes: stack.counters().total_bytes,
            frames: stack.frames().map(frame).collect(),
        }
    }

    fn frame(frame: FrameRef<'_>) -> SymbolicatedFrame {
        SymbolicatedFrame {
            address: frame.loaded_address(),
            function: frame.function().or(frame.note()).or(frame.group()).map(String::from),
            file: frame.file().map(PathBuf::from),
            line: frame.line(),
            inlined: frame.inlined(),
        }
    }
}
