//! Rules for the walk of this process's stacks: from the cache, else from the module's unwind
//! tables. The first time that a pc is met, its module is noted.
//!
//! ```text
//!  pc ──▶ rule_cache ──▶ rule                                  most steps
//!             │ not there
//!             ▼
//!       os::loaded: the module ──▶ unwind_tables: decode ──▶ rule_cache
//!             │
//!             └──▶ Objects: noted, so that a report can name the frame
//! ```
//!
//! A module may be unloaded, and another loaded at its place. Then a new generation begins: cached
//! rules of the earlier one no longer count, and remembered stacks are forgotten.

use core::cell::Cell;

use crate::base::os;
use crate::base::os::loaded::Loaded;
use crate::base::settings::Unwind;
use crate::capture::rule::{PackedRule, Rule};
use crate::capture::walk::Rules;
use crate::capture::{rule_cache, unwind_tables};

/// The list of modules that frames were found in.
pub(crate) trait Objects {
    /// Adds the module if it is not in the list.
    fn note(&self, loaded: &Loaded);

    /// True if the module is in the list, as far as can be said without reading its memory, which
    /// another thread may be unmapping.
    fn is_noted(&self, loaded: &Loaded) -> bool;

    /// Begins a generation: the module that had the code at `pc` is gone.
    fn forget(&self, pc: u64);
}

/// Rules for the process being recorded, for one walk.
#[derive(Debug)]
pub(crate) struct ProcessRules<'a, O> {
    unwind: Unwind,
    objects: &'a O,
    /// The walk has gone on from a guessed frame. Code that it meets from there on may be in a
    /// module that another thread is unloading.
    guessed: Cell<bool>,
}

impl<O: Objects> Rules for ProcessRules<'_, O> {
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
        let mut rule = Rule::Unknown;
        self.with_object(pc, |loaded| rule = decode(loaded, pc));
        rule
    }

    #[cold]
    fn plausible(&self, return_address: u64) -> bool {
        let plausible = self.unwind == Unwind::Auto
            && os::loaded::find(return_address.wrapping_sub(1)).is_some();
        self.guessed.set(self.guessed.get() || plausible);
        plausible
    }
}

impl<'a, O: Objects> ProcessRules<'a, O> {
    #[inline(always)]
    pub(crate) fn new(unwind: Unwind, objects: &'a O) -> Self {
        ProcessRules { unwind, objects, guessed: Cell::new(false) }
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self, pc: u64) -> PackedRule {
        let fixed = self.unwind == Unwind::FramePointers;
        let mut found = None;
        self.with_object(pc, |loaded| {
            self.objects.note(loaded);
            let rule = if fixed { Rule::FRAME_POINTER } else { decode(loaded, pc) }.pack();
            let rule = if loaded.is_late() { rule.late() } else { rule };
            rule_cache::put(pc, rule);
            found = Some(rule);
        });
        if found.is_none() && !fixed && returns_from_a_handler(pc) {
            return Rule::Signal.pack();
        }
        let nowhere = if fixed { Rule::FRAME_POINTER.pack() } else { PackedRule::UNKNOWN };
        found.unwrap_or(nowhere)
    }

    /// Calls `work` with the module that holds the code before `pc`, if there is one. It stays
    /// loaded until `work` returns: it stays as long as the process, or its code is on this
    /// thread's stack, or else the loader's lock is held.
    ///
    /// The loader's lock is taken for guesses only: a signal handler that allocates may have
    /// interrupted the taking of that very lock, and its thread would wait for itself.
    fn with_object(&self, pc: u64, mut work: impl FnMut(&Loaded)) {
        match os::loaded::find(pc.wrapping_sub(1)) {
            Some(loaded) if self.guessed.get() && loaded.is_late() => {
                os::loaded::hold(pc.wrapping_sub(1), work);
            }
            Some(loaded) => work(&loaded),
            None => {}
        }
    }

    /// Checks that the modules of these pcs still are those that were noted. If not, a new
    /// generation begins, in which all is looked up anew.
    #[cold]
    #[inline(never)]
    pub(crate) fn revise(&self, pcs: impl Iterator<Item = u64>) {
        // Stacks go back and forth between few modules.
        let mut known = [const { 0..0 }; 4];
        for pc in pcs.map(|pc| pc.wrapping_sub(1)) {
            if known.iter().any(|object| object.contains(&pc)) {
                continue;
            }
            match os::loaded::find(pc) {
                Some(loaded) if self.objects.is_noted(&loaded) => {
                    known.rotate_right(1);
                    known[0] = loaded.start..loaded.end;
                }
                _ => return self.objects.forget(pc),
            }
        }
    }
}

/// The rule by the module's tables.
fn decode(loaded: &Loaded, pc: u64) -> Rule {
    if os::loaded::is_loaders_start(pc) {
        return Rule::End;
    }
    // SAFETY: `with_object` calls with objects that stay loaded meanwhile.
    let object = unsafe { loaded.constants() };
    match unwind_tables::rule(&object, loaded.eh_frame_header, pc) {
        Rule::Unknown if object.bytes_from(pc).starts_with(RETURN_FROM_HANDLER) => Rule::Signal,
        #[cfg(target_env = "musl")]
        Rule::Unknown if ends_what_it_called(object.bytes_from(pc), pc) => Rule::End,
        rule => rule,
    }
}

/// True if the next call from `pc` on is that of `exit` or `pthread_exit`: there musl calls `main`
/// or a thread's function, by code that has no unwind tables.
#[cfg(target_env = "musl")]
fn ends_what_it_called(code: &[u8], pc: u64) -> bool {
    let ends = os::ends_of_threads();
    // The result becomes the argument before, in few instructions.
    let mut targets =
        (0..16).filter_map(|skipped| call_target(code.get(skipped..)?, pc + skipped as u64));
    targets.any(|target| ends.contains(&target))
}

/// The target of the direct call at `pc`, if there is one.
#[cfg(all(target_env = "musl", target_arch = "x86_64"))]
fn call_target(code: &[u8], pc: u64) -> Option<u64> {
    let (call, rest) = code.split_first_chunk::<1>()?;
    let by = i32::from_le_bytes(*rest.first_chunk()?);
    (call == &[0xe8]).then_some(pc.wrapping_add(5).wrapping_add_signed(by.into()))
}

/// The target of the direct call at `pc`, if there is one.
#[cfg(all(target_env = "musl", target_arch = "aarch64"))]
fn call_target(code: &[u8], pc: u64) -> Option<u64> {
    let call = u32::from_le_bytes(*code.first_chunk()?);
    // `bl`, whose offset is 26 bits of instructions.
    let by = i64::from((call << 6).cast_signed() >> 6) * 4;
    (pc & 3 == 0 && call >> 26 == 0b10_0101).then_some(pc.wrapping_add_signed(by))
}

/// The instructions to which a signal's handler returns: the call of `rt_sigreturn`. musl's and, on
/// aarch64, the kernel's have no entry in unwind tables (Linux, `vdso/sigreturn.S`).
#[cfg(target_arch = "x86_64")]
const RETURN_FROM_HANDLER: &[u8] = &[0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05];
#[cfg(target_arch = "aarch64")]
const RETURN_FROM_HANDLER: &[u8] = &[0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4];

/// True if a signal's handler returns to `pc`, which is in no module: in a page of the kernel's.
#[cfg(target_arch = "aarch64")]
fn returns_from_a_handler(pc: u64) -> bool {
    let mut places = (pc..).step_by(4).zip(RETURN_FROM_HANDLER.as_chunks::<4>().0);
    places.all(|(place, bytes)| os::holds_number(place, u32::from_ne_bytes(*bytes)))
}

/// Elsewhere the libraries of C have it.
#[cfg(not(target_arch = "aarch64"))]
fn returns_from_a_handler(_pc: u64) -> bool {
    false
}

impl unwind_tables::Constants for os::loaded::Constants<'_> {
    fn from(&self, address: u64) -> &[u8] {
        self.bytes_from(address)
    }
}
