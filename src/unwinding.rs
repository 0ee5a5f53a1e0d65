//! Rules for the walk: from the cache, else from the object's unwind tables; and the list of
//! objects, which grows as a side effect: the first time that a pc is met, its object is noted.

use crate::capture::rule::{PackedRule, Rule};
use crate::capture::walk::{Memory, Rules};
use crate::capture::{rule_cache, unwind_tables};
use crate::os::{self, loaded::Loaded};
use crate::recording::layout::{Module, store_bytes};
use crate::session::Session;
use crate::settings::Unwind;
use crate::sync::Ordering;

/// Value of [`Module::last`] while the object is loaded.
pub(crate) const STILL_LOADED: u32 = u32::MAX;

/// Rules for the process being recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessRules {
    pub(crate) session: &'static Session,
}

impl Rules for ProcessRules {
    #[inline(always)]
    fn plain(&self, pc: u64) -> Option<PackedRule> {
        rule_cache::get_plain(pc)
    }

    #[inline(always)]
    fn by_sp(&self, pc: u64) -> Option<PackedRule> {
        rule_cache::get_by_sp(pc)
    }

    fn rule(&self, pc: u64) -> PackedRule {
        match rule_cache::get(pc) {
            Some(rule) => rule,
            None => self.look_up(pc),
        }
    }

    #[cold]
    fn unpacked(&self, pc: u64) -> Rule {
        os::loaded::find(pc.wrapping_sub(1)).map_or(Rule::Unknown, |loaded| decode(&loaded, pc))
    }

    #[cold]
    fn plausible(&self, return_address: u64) -> bool {
        self.session.unwind() == Unwind::Auto
            && os::loaded::find(return_address.wrapping_sub(1)).is_some()
    }
}

impl ProcessRules {
    #[cold]
    #[inline(never)]
    fn look_up(&self, pc: u64) -> PackedRule {
        let fixed = self.session.unwind() == Unwind::FramePointers;
        let Some(loaded) = os::loaded::find(pc.wrapping_sub(1)) else {
            return if fixed { Rule::FRAME_POINTER.pack() } else { PackedRule::UNKNOWN };
        };
        note(self.session, &loaded);
        let rule = if fixed { Rule::FRAME_POINTER } else { decode(&loaded, pc) }.pack();
        rule_cache::put(pc, rule);
        rule
    }
}

fn decode(loaded: &Loaded, pc: u64) -> Rule {
    // SAFETY: code of the object is on this thread's stack, so it stays loaded; what the unwind
    // tables point to lies in the object's segments.
    let bytes = unsafe { loaded.bytes_from(loaded.eh_frame_header) };
    // SAFETY: as above.
    let object = unsafe { loaded.bytes_from(loaded.start) };
    let tables = unwind_tables::Tables {
        header: loaded.eh_frame_header,
        bytes,
        object: (loaded.start, object),
    };
    if bytes.is_empty() { Rule::Unknown } else { unwind_tables::rule(&tables, pc) }
}

/// Adds the object to the recording's list if it is not there. Where it overlaps another, that one
/// was unloaded: its rules and frames belong to an earlier generation.
fn note(session: &Session, loaded: &Loaded) {
    let _held = session.modules_lock.lock();
    let count = &session.header.process.modules;
    let known = count.load(Ordering::Relaxed) as usize;
    let mut unloaded = false;
    for module in session.modules.iter().take(known) {
        let (start, end) =
            (module.start.load(Ordering::Relaxed), module.end.load(Ordering::Relaxed));
        if module.last.load(Ordering::Relaxed) != STILL_LOADED {
            continue;
        }
        if (start, end) == (loaded.start, loaded.end) && is_same(module, loaded) {
            return;
        }
        if start < loaded.end && loaded.start < end {
            module.last.store(rule_cache::generation(), Ordering::Relaxed);
            unloaded = true;
        }
    }
    let generation = rule_cache::generation() + u32::from(unloaded);
    if let Some(module) = session.modules.get(known) {
        describe(module, loaded, generation);
        // Release: a reader that sees the count sees the module.
        count.store(known as u32 + 1, Ordering::Release);
    }
    if unloaded {
        rule_cache::begin_generation(generation);
    }
}

fn is_same(module: &Module, loaded: &Loaded) -> bool {
    let len = module.build_id_len.load(Ordering::Relaxed) as usize;
    let mut id = [0; 32];
    for (bytes, word) in id.chunks_mut(8).zip(&module.build_id) {
        bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
    }
    let build_id = loaded.build_id();
    id.get(..len) == Some(&build_id[..build_id.len().min(id.len())])
}

fn describe(module: &Module, loaded: &Loaded, generation: u32) {
    module.start.store(loaded.start, Ordering::Relaxed);
    module.end.store(loaded.end, Ordering::Relaxed);
    module.bias.store(loaded.bias, Ordering::Relaxed);
    module.first.store(generation, Ordering::Relaxed);
    module.last.store(STILL_LOADED, Ordering::Relaxed);
    let len = store_bytes(&module.build_id, loaded.build_id());
    module.build_id_len.store(len as u32, Ordering::Relaxed);
    let mut executable = [0; crate::recording::layout::PATH_SIZE];
    let name = loaded.name_bytes();
    let path = if name.is_empty() {
        let len = os::read_link(c"/proc/self/exe", &mut executable);
        &executable[..len]
    } else {
        name
    };
    let len = store_bytes(&module.path, path);
    module.path_len.store(len as u32, Ordering::Relaxed);
}

/// The calling thread's own stack, from its present stack pointer (where each walk begins) outward.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnStack {
    /// One past the stack's last address.
    pub(crate) high: u64,
}

impl Memory for OwnStack {
    #[inline(always)]
    fn word(&self, address: u64, from: u64) -> Option<u64> {
        let inside = from <= address && address < self.high - 7;
        (inside && address & 7 == 0).then(|| self.again(address))
    }

    #[inline(always)]
    fn again(&self, address: u64) -> u64 {
        let word = core::ptr::with_exposed_provenance::<u64>(address as usize);
        // SAFETY: between the stack pointer and the stack's end all is mapped, and the address
        // is aligned. Volatile: the compiler does not know who writes there.
        unsafe { word.read_volatile() }
    }
}

/// A copy of part of a stack that is not the thread's own (a fiber's, a signal handler's).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopiedStack<'a> {
    pub(crate) low: u64,
    pub(crate) words: &'a [u64],
}

impl Memory for CopiedStack<'_> {
    fn word(&self, address: u64, from: u64) -> Option<u64> {
        if address & 7 != 0 || address < from {
            return None;
        }
        let index = usize::try_from(address.checked_sub(self.low)? / 8).ok()?;
        self.words.get(index).copied()
    }

    fn again(&self, address: u64) -> u64 {
        self.word(address, self.low).unwrap_or(0)
    }
}
