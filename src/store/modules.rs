//! The modules that frames were found in, with the generations in which they were loaded.
//!
//! A frame's address says where code was; which code that was depends on the modules loaded then.
//! So each frame has the generation of its first capture, and each module its first and last
//! generation. A generation ends when a module turns out to be gone: a reader then finds, for each
//! frame, the module that had the address in the frame's generation.
//!
//! A module is known again by its address range, its path and its build id. The list is searched
//! under a lock, at most once per new return address; a small table of hints finds the usual module
//! at once.

use crate::base::os;
use crate::base::os::loaded::Loaded;
use crate::base::sync::bytes::{store_bytes, word_of};
use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::{AtomicU32, Ordering};
use crate::capture::process_rules::Objects;
use crate::capture::rule_cache;
use crate::store::frames::ADDRESS_BITS;
use crate::store::layout::{Module, PATH_SIZE};
use crate::store::space::{Part, SPACE};

/// Value of [`Module::last`] while the module is loaded.
pub(crate) const STILL_LOADED: u32 = u32::MAX;

/// The recording's list of modules.
#[derive(Debug)]
pub(crate) struct Modules {
    entries: &'static [Module],
    count: &'static AtomicU32,
    /// Held while the list changes.
    pub(crate) lock: SpinLock,
}

impl Modules {
    /// A list in these entries, the first `count` of which are used.
    pub(crate) fn new(entries: &'static [Module], count: &'static AtomicU32) -> Self {
        Modules { entries, count, lock: SpinLock::new() }
    }

    /// The modules and their numbers, the newest first.
    fn all(&self) -> impl Iterator<Item = (u32, &'static Module)> + use<> {
        // Acquire pairs with the Release in `note`: the modules are described.
        let count = self.count.load(Ordering::Acquire);
        (0..count).rev().zip(self.entries.iter().take(count as usize).rev())
    }

    /// Adds the executable.
    pub(crate) fn note_executable(&self) {
        if let Some(executable) = os::loaded::find(os::program_entry()) {
            self.note(&executable);
        }
    }

    /// Adds the module behind the others.
    fn add(&self, loaded: &Loaded) {
        let known = self.count.load(Ordering::Relaxed);
        if let Some(module) = self.entries.get(known as usize)
            && SPACE.has(Part::Modules, known + 1)
        {
            describe(module, loaded, rule_cache::generation());
            hint(loaded).store(known, Ordering::Relaxed);
            // Release: a reader that sees the count sees the module.
            self.count.store(known + 1, Ordering::Release);
        }
    }
}

impl Objects for Modules {
    /// Adds the module if it is not in the list. A module that it overlaps was unloaded: its rules
    /// and frames belong to an earlier generation.
    fn note(&self, loaded: &Loaded) {
        let _held = self.lock.lock();
        let hint = hint(loaded);
        let last = self.entries.get(hint.load(Ordering::Relaxed) as usize);
        if last.is_some_and(|module| is_loaded(module) && is_same(module, loaded)) {
            return;
        }
        let mut unloaded = false;
        for (index, module) in self.all().filter(|(_, module)| is_loaded(module)) {
            let range = range(module);
            if is_same(module, loaded) {
                return hint.store(index, Ordering::Relaxed);
            }
            if range.start < loaded.end && loaded.start < range.end {
                module.last.store(rule_cache::generation(), Ordering::Relaxed);
                unloaded = true;
            }
        }
        if unloaded {
            next_generation();
        }
        self.add(loaded);
    }

    /// Compares the module's address and name, not its memory: an unloaded module's memory is gone.
    fn is_noted(&self, loaded: &Loaded) -> bool {
        let is_it = |module: &Module| {
            is_loaded(module) && is_placed(module, loaded) && is_named(module, loaded)
        };
        let hint = hint(loaded);
        if self.entries.get(hint.load(Ordering::Relaxed) as usize).is_some_and(is_it) {
            return true;
        }
        let found = self.all().find(|(_, module)| is_it(module));
        found.inspect(|(index, _)| hint.store(*index, Ordering::Relaxed)).is_some()
    }

    fn forget(&self, pc: u64) {
        let _held = self.lock.lock();
        let loaded = self.all().filter(|(_, module)| is_loaded(module));
        for (_, module) in loaded.filter(|(_, module)| range(module).contains(&pc)) {
            module.last.store(rule_cache::generation(), Ordering::Relaxed);
        }
        next_generation();
    }
}

fn range(module: &Module) -> core::ops::Range<u64> {
    module.start.load(Ordering::Relaxed)..module.end.load(Ordering::Relaxed)
}

/// Begins a generation, under the lock. The last generation that a frame can name never ends: from
/// then on a newly loaded module may take the names of an unloaded one.
fn next_generation() {
    const LAST: u32 = (1 << (u64::BITS - ADDRESS_BITS)) - 1;
    rule_cache::begin_generation((rule_cache::generation() + 1).min(LAST));
}

/// True as long as nothing has shown that the module is gone.
fn is_loaded(module: &Module) -> bool {
    module.last.load(Ordering::Relaxed) == STILL_LOADED
}

/// True if the module lies at the same addresses.
fn is_placed(module: &Module, loaded: &Loaded) -> bool {
    let words = [&module.start, &module.end, &module.bias].map(|word| word.load(Ordering::Relaxed));
    words == [loaded.start, loaded.end, loaded.bias]
}

/// The index in the list at which the module, or another with a similar address, was found last.
/// The list gets long where modules are loaded again and again.
#[expect(clippy::indexing_slicing, reason = "a remainder of the table's size")]
fn hint(loaded: &Loaded) -> &'static AtomicU32 {
    static FOUND: [AtomicU32; 64] = [const { AtomicU32::new(0) }; 64];
    &FOUND[os::page_size().number_of(loaded.start) as usize % FOUND.len()]
}

/// True if the loader has the same name for it, as far as the entry holds the name.
fn is_named(module: &Module, loaded: &Loaded) -> bool {
    let name = loaded.name_bytes();
    module.path_len.load(Ordering::Relaxed) as usize == name.len().min(PATH_SIZE)
        && name
            .chunks(8)
            .zip(&module.path)
            .all(|(bytes, word)| word.load(Ordering::Relaxed) == word_of(bytes))
}

/// True if the module is the one of the entry. Reads the module's memory.
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
    let same_id = id.get(..len) == Some(build_id.get(..id.len()).unwrap_or(build_id));
    // The executable has no name here, and no other module lacks one.
    same_id && (loaded.name_bytes().is_empty() || is_named(module, loaded))
}

/// True for the path of glibc's loader.
fn is_loader(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    [&b"ld-"[..], b"ld.so", b"ld64.so"].iter().any(|start| name.starts_with(start))
}

/// Fills an entry that no reader sees yet.
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
        let len = os::executable(&mut executable);
        // The loader was executed, and has mapped the executable itself.
        let is_loader = is_loader(executable.get(..len).unwrap_or(&[]));
        let mapped =
            is_loader.then(|| os::loaded::path_at(loaded.start, &mut executable)).flatten();
        executable.get(..mapped.unwrap_or(len)).unwrap_or(&[])
    } else {
        name
    };
    let len = store_bytes(&module.path, path);
    module.path_len.store(len as u32, Ordering::Relaxed);
}
