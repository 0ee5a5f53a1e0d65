//! Call sites as mod-alloc 1.0 gives them.

use std::collections::BTreeMap;
use std::vec::Vec;

use crate::api::own_recording;
use crate::engine::inside::as_profiler;
use crate::hook::ModAlloc;
use crate::recording::model::{Frame, ROOTS, Recording, Site};

/// How many frames [`CallSiteStats`] has.
const FRAMES: usize = 8;

/// What was allocated by stacks whose innermost frames are the same.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct CallSiteStats {
    /// Return addresses as the process sees them, the innermost first; 0 behind the last one. The innermost
    /// ones are the allocator's.
    pub frames: [u64; 8],
    /// How many there are. 0: no stack is known.
    pub frame_count: u8,
    /// Blocks ever allocated; a reallocation is one more.
    pub count: u64,
    /// Bytes ever allocated; of a reallocation all that the block has then.
    pub total_bytes: u64,
}

impl<A> ModAlloc<A> {
    /// What each call site has allocated so far. Sites are told apart by their innermost eight frames; a
    /// report has whole stacks.
    ///
    /// Of a process that uses `dhat_compat` it is what the present profiler has recorded, or the latest
    /// one. With `MOD_ALLOC=off` there is nothing.
    ///
    /// ```
    /// # #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let numbers = vec![1_u64; 1000];
    /// let sites = ALLOC.call_sites();
    /// assert!(sites.iter().any(|site| site.count == 1 && site.total_bytes == 8000));
    /// # drop(numbers);
    /// # }
    /// ```
    #[must_use]
    pub fn call_sites(&self) -> Vec<CallSiteStats> {
        as_profiler(|| by_innermost(&own_recording::recording()))
    }
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

/// The innermost frames of a site's stack, and how many they are.
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
    //! The same with names.

    use std::path::PathBuf;
    use std::string::String;
    use std::vec::Vec;

    use crate::api::own_recording;
    use crate::hook::ModAlloc;
    use crate::report::{FrameRef, Options, Profile, StackRef};

    /// One function of a stack.
    #[derive(Debug, Clone)]
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
        /// Whether it was inlined into the next one.
        pub inlined: bool,
    }

    /// What a stack has allocated.
    #[derive(Debug, Clone)]
    #[non_exhaustive]
    pub struct SymbolicatedCallSite {
        /// Blocks ever allocated; a reallocation is one more.
        pub count: u64,
        /// Bytes ever allocated; of a reallocation all that the block has then.
        pub total_bytes: u64,
        /// The stack, innermost function first.
        pub frames: Vec<SymbolicatedFrame>,
    }

    impl<A> ModAlloc<A> {
        /// What each call site has allocated so far, with names. Stacks are whole, but for the profiler's
        /// and the allocator's own frames and what lies outward of `main`, as in a report; see
        /// [`call_sites`](Self::call_sites) for which sites those are.
        ///
        /// Where frames are missing there is one that has no address, and says so in place of a function.
        ///
        /// ```
        /// # #[global_allocator]
        /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
        /// # fn main() {
        /// let numbers = vec![1_u64; 1000];
        /// for site in ALLOC.symbolicated_report() {
        ///     let functions = site.frames.iter().filter_map(|frame| frame.function.as_deref());
        ///     let functions: Vec<_> = functions.collect();
        ///     println!("{} bytes in {} blocks: {functions:?}", site.total_bytes, site.count);
        /// }
        /// # drop(numbers);
        /// # }
        /// ```
        #[must_use]
        pub fn symbolicated_report(&self) -> Vec<SymbolicatedCallSite> {
            let mut sites = Vec::new();
            own_recording::with_report_stack(&mut || {
                let mut recording = own_recording::recording();
                recording.sites.retain(own_recording::has_stack);
                let profile = Profile::from_recording(&recording, &Options::default());
                sites = profile.stacks().map(site).collect();
            });
            sites
        }
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
