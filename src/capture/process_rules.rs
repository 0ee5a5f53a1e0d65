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
    unwind_tables::rule(&object, loaded.eh_frame_header, pc)
}

impl unwind_tables::Constants for os::loaded::Constants<'_> {
    fn from(&self, address: u64) -> &[u8] {
        self.bytes_from(address)
    }
}
