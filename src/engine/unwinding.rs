//! Rules for the walk: from the cache, else from the object's unwind tables; and the list of
//! objects, which grows as a side effect: the first time that a pc is met, its object is noted.

use core::cell::Cell;

use crate::base::os;
use crate::base::os::loaded::Loaded;
use crate::base::settings::Unwind;
use crate::base::sync::{AtomicU32, Ordering};
use crate::capture::rule::{PackedRule, Rule};
use crate::capture::walk::{Memory, Rules};
use crate::capture::{rule_cache, unwind_tables};
use crate::engine::session::Session;
use crate::store::frames::ADDRESS_BITS;
use crate::store::layout::{Module, PATH_SIZE, store_bytes};

/// Value of [`Module::last`] while the object is loaded.
pub(crate) const STILL_LOADED: u32 = u32::MAX;

/// Rules for the process being recorded, for one walk.
#[derive(Debug)]
pub(crate) struct ProcessRules {
    session: &'static Session,
    /// The walk has gone on from what only looked like a frame. What it meets from there on may be in
    /// an object that another thread is unloading.
    guessed: Cell<bool>,
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
        let mut rule = Rule::Unknown;
        self.with_object(pc, |loaded| rule = decode(loaded, pc));
        rule
    }

    #[cold]
    fn plausible(&self, return_address: u64) -> bool {
        let plausible = self.session.unwind() == Unwind::Auto
            && os::loaded::find(return_address.wrapping_sub(1)).is_some();
        self.guessed.set(self.guessed.get() || plausible);
        plausible
    }
}

impl ProcessRules {
    #[inline(always)]
    pub(crate) fn new(session: &'static Session) -> Self {
        ProcessRules { session, guessed: Cell::new(false) }
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self, pc: u64) -> PackedRule {
        let fixed = self.session.unwind() == Unwind::FramePointers;
        let mut found = None;
        self.with_object(pc, |loaded| {
            note(self.session, loaded);
            let rule = if fixed { Rule::FRAME_POINTER } else { decode(loaded, pc) }.pack();
            let rule = if loaded.is_late() { rule.late() } else { rule };
            rule_cache::put(pc, rule);
            found = Some(rule);
        });
        let nowhere = if fixed { Rule::FRAME_POINTER.pack() } else { PackedRule::UNKNOWN };
        found.unwrap_or(nowhere)
    }

    /// Calls `work` with the object that holds the code before `pc`, if there is one. It stays loaded until
    /// `work` returns: it stays as long as the process, or its code is on this thread's stack, or else the
    /// loader's lock is held.
    ///
    /// The loader's lock is taken for guesses only: who allocates in a signal handler that has interrupted
    /// the taking of that very lock would wait for himself.
    fn with_object(&self, pc: u64, mut work: impl FnMut(&Loaded)) {
        match os::loaded::find(pc.wrapping_sub(1)) {
            Some(loaded) if self.guessed.get() && loaded.is_late() => {
                os::loaded::hold(pc.wrapping_sub(1), work);
            }
            Some(loaded) => work(&loaded),
            None => {}
        }
    }

    /// Looks whether the objects of these pcs still are those that were noted. If not, a new
    /// generation begins, in which all is looked up anew.
    #[cold]
    #[inline(never)]
    pub(crate) fn revise(&self, pcs: impl Iterator<Item = u64>) {
        // Stacks go back and forth between few objects.
        let mut known = [const { 0..0 }; 4];
        let mut next = 0;
        for pc in pcs.map(|pc| pc.wrapping_sub(1)) {
            if known.iter().any(|object| object.contains(&pc)) {
                continue;
            }
            match os::loaded::find(pc) {
                Some(loaded) if is_noted(self.session, &loaded) => {
                    known[next % known.len()] = loaded.start..loaded.end;
                    next += 1;
                }
                _ => return forget(self.session, pc),
            }
        }
    }
}

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

/// The recorded objects and their numbers, the newest first.
fn noted(session: &Session) -> impl Iterator<Item = (u32, &'static Module)> {
    // Acquire pairs with the Release in `note`: the modules are described.
    let count = session.header.process.modules.load(Ordering::Acquire);
    let modules = session.modules.iter().take(count as usize).rev();
    (0..count).rev().zip(modules)
}

/// Adds the object to the recording's list if it is not there. Where it overlaps another, that one
/// was unloaded: its rules and frames belong to an earlier generation.
fn note(session: &Session, loaded: &Loaded) {
    let _held = session.modules_lock.lock();
    let hint = hint(loaded);
    let last = session.modules.get(hint.load(Ordering::Relaxed) as usize);
    if last.is_some_and(|module| is_loaded(module) && is_same(module, loaded)) {
        return;
    }
    let mut unloaded = false;
    for (index, module) in noted(session).filter(|(_, module)| is_loaded(module)) {
        let (start, end) =
            (module.start.load(Ordering::Relaxed), module.end.load(Ordering::Relaxed));
        if is_same(module, loaded) {
            return hint.store(index, Ordering::Relaxed);
        }
        if start < loaded.end && loaded.start < end {
            module.last.store(rule_cache::generation(), Ordering::Relaxed);
            unloaded = true;
        }
    }
    if unloaded {
        next_generation();
    }
    let count = &session.header.process.modules;
    let known = count.load(Ordering::Relaxed);
    if let Some(module) = session.modules.get(known as usize)
        && crate::engine::session::make_room_for_module(known + 1)
    {
        describe(module, loaded, rule_cache::generation());
        hint.store(known, Ordering::Relaxed);
        // Release: a reader that sees the count sees the module.
        count.store(known + 1, Ordering::Release);
    }
}

/// Adds the executable to the recording's list.
pub(crate) fn note_executable(session: &Session) {
    if let Some(executable) = os::loaded::find(os::program_entry()) {
        note(session, &executable);
    }
}

/// What was noted of the code at `pc` is not true any more.
fn forget(session: &Session, pc: u64) {
    let _held = session.modules_lock.lock();
    for (_, module) in noted(session).filter(|(_, module)| is_loaded(module)) {
        let (start, end) =
            (module.start.load(Ordering::Relaxed), module.end.load(Ordering::Relaxed));
        if (start..end).contains(&pc) {
            module.last.store(rule_cache::generation(), Ordering::Relaxed);
        }
    }
    next_generation();
}

/// Begins a generation, under the lock. The last one that a frame can name goes on forever: what is
/// loaded then may take the names of what was unloaded before.
fn next_generation() {
    const LAST: u32 = (1 << (u64::BITS - ADDRESS_BITS)) - 1;
    rule_cache::begin_generation((rule_cache::generation() + 1).min(LAST));
}

fn is_loaded(module: &Module) -> bool {
    module.last.load(Ordering::Relaxed) == STILL_LOADED
}

fn is_placed(module: &Module, loaded: &Loaded) -> bool {
    let words = [&module.start, &module.end, &module.bias].map(|word| word.load(Ordering::Relaxed));
    words == [loaded.start, loaded.end, loaded.bias]
}

/// Where in the list the object was found last, or another that begins at such an address: the list
/// may be long, where objects are loaded again and again.
fn hint(loaded: &Loaded) -> &'static AtomicU32 {
    static FOUND: [AtomicU32; 64] = [const { AtomicU32::new(0) }; 64];
    &FOUND[os::page_size().number_of(loaded.start) as usize % FOUND.len()]
}

/// Whether the object is one that was noted, as far as can be said without reading what would be gone
/// if it were being unloaded: by its place and name.
fn is_noted(session: &Session, loaded: &Loaded) -> bool {
    let is_it = |module: &Module| {
        is_loaded(module) && is_placed(module, loaded) && is_named(module, loaded)
    };
    let hint = hint(loaded);
    if session.modules.get(hint.load(Ordering::Relaxed) as usize).is_some_and(is_it) {
        return true;
    }
    let found = noted(session).find(|(_, module)| is_it(module));
    found.inspect(|(index, _)| hint.store(*index, Ordering::Relaxed)).is_some()
}

fn is_named(module: &Module, loaded: &Loaded) -> bool {
    let name = loaded.name_bytes();
    let len = name.len().min(PATH_SIZE);
    module.path_len.load(Ordering::Relaxed) as usize == len
        && name[..len].chunks(8).zip(&module.path).all(|(bytes, word)| {
            let mut expected = [0; 8];
            expected[..bytes.len()].copy_from_slice(bytes);
            word.load(Ordering::Relaxed) == u64::from_ne_bytes(expected)
        })
}

fn is_same(module: &Module, loaded: &Loaded) -> bool {
    if !is_placed(module, loaded) {
        return false;
    }
    let len = module.build_id_len.load(Ordering::Relaxed) as usize;
    let mut id = [0; 32];
    for (bytes, word) in id.chunks_mut(8).zip(&module.build_id) {
        bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
    }
    // SAFETY: `note` is called with objects that stay loaded meanwhile.
    let object = unsafe { loaded.constants() };
    let build_id = object.build_id();
    let same_id = id.get(..len) == Some(&build_id[..build_id.len().min(id.len())]);
    // The executable has no name here, and is no other's.
    same_id && (loaded.name_bytes().is_empty() || is_named(module, loaded))
}

fn describe(module: &Module, loaded: &Loaded, generation: u32) {
    module.start.store(loaded.start, Ordering::Relaxed);
    module.end.store(loaded.end, Ordering::Relaxed);
    module.bias.store(loaded.bias, Ordering::Relaxed);
    module.first.store(generation, Ordering::Relaxed);
    module.last.store(STILL_LOADED, Ordering::Relaxed);
    // SAFETY: `note` is called with objects that stay loaded meanwhile.
    let object = unsafe { loaded.constants() };
    let len = store_bytes(&module.build_id, object.build_id());
    module.build_id_len.store(len as u32, Ordering::Relaxed);
    let mut executable = [0; PATH_SIZE];
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
#[derive(Debug)]
pub(crate) struct OwnStack {
    /// One past the last address at which a word of the stack may begin.
    end: u64,
}

impl OwnStack {
    /// The stack that ends at `high`.
    ///
    /// # Safety
    ///
    /// `high` must be one past the last address of the calling thread's stack. Walks of this memory
    /// must begin with registers of a frame on that stack that does not return before the memory is dropped.
    /// A [`Stack`](crate::capture::stack::Stack) that this memory is shown must remember captures of that
    /// stack only, or nothing.
    #[inline(always)]
    pub(crate) unsafe fn new(high: u64) -> Self {
        OwnStack { end: high - 7 }
    }

    /// The stack, wherever it ends: no word is granted, and those that were granted are read again.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new).
    #[inline(always)]
    pub(crate) unsafe fn as_remembered() -> Self {
        OwnStack { end: 0 }
    }
}

impl Memory for OwnStack {
    #[inline(always)]
    fn word(&self, address: u64, from: u64) -> Option<u64> {
        let inside = from <= address && address < self.end;
        // SAFETY: between `from`, the stack pointer of a walk that has begun as `new` asks for, and the
        // stack's end all is mapped, and the address is aligned.
        (inside && address & 7 == 0).then(|| unsafe { self.again(address) })
    }

    #[inline(always)]
    unsafe fn again(&self, address: u64) -> u64 {
        let word = core::ptr::with_exposed_provenance::<u64>(address as usize);
        // SAFETY: an aligned address between the present stack pointer and the stack's end, by the caller's
        // promise: all is mapped there. Volatile: the compiler does not know who writes there.
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

    unsafe fn again(&self, address: u64) -> u64 {
        self.word(address, self.low).unwrap_or(0)
    }
}
