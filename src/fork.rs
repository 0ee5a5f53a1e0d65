//! fork: the child goes on with the same numbers in a separate recording, or is not recorded.
//!
//! Anonymous memory is copied by fork itself. A file is shared, and the parent's other threads go
//! on writing to it; so the parent makes the child's file before the fork, holding every lock, and
//! the child maps it at the same address. Some forks do not call these functions (`_Fork`,
//! `clone`). Their child finds memory that the kernel has wiped (`os::files::wipe_on_fork`), and
//! records nothing.

use crate::base::os;
use crate::base::sync::Ordering;
#[cfg(feature = "backtraces")]
use crate::engine::place;
use crate::engine::session::{Session, get};
#[cfg(feature = "backtraces")]
use crate::store::space::SPACE;

/// Asks the system to call us at each fork.
pub(crate) fn follow() {
    os::at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/// Takes every lock that a thread may hold in the middle of a change, so that the child's copy is
/// whole. The locks' order is that of all the code: the stretches, the heap, the threads' flushes
/// (which hold the records' locks), the modules, the gate, the space.
unsafe extern "C" fn before_fork() {
    let Some(session) = recorded() else { return };
    core::mem::forget(crate::engine::stretches::lock());
    core::mem::forget(session.heap().lock.lock());
    #[cfg(feature = "backtraces")]
    {
        session.used_slots().for_each(|(_, slot)| core::mem::forget(slot.journal.moving.lock()));
        core::mem::forget(session.modules.lock.lock());
        session.frames.before_fork();
        SPACE.before_fork();
        if SPACE.is_in_file() && session.settings.children {
            file::prepare(session);
        }
    }
}

/// The session, unless this process is a child that is not recorded.
fn recorded() -> Option<&'static Session> {
    #[cfg(feature = "backtraces")]
    if place::is_muted() {
        return None;
    }
    get()
}

unsafe extern "C" fn after_fork_in_parent() {
    let Some(session) = recorded() else { return };
    #[cfg(feature = "backtraces")]
    file::forget();
    open_locks(session);
}

fn open_locks(session: &Session) {
    #[cfg(feature = "backtraces")]
    {
        SPACE.after_fork();
        session.frames.after_fork();
        session.modules.lock.open();
        session.used_slots().for_each(|(_, slot)| slot.journal.moving.open());
    }
    session.heap().lock.open();
    crate::engine::stretches::open_lock();
}

/// In the child: goes on with the same numbers in the child's copy; this is its only thread.
unsafe extern "C" fn after_fork_in_child() {
    let Some(session) = recorded() else { return };
    #[cfg(feature = "backtraces")]
    if SPACE.is_in_file() && !file::adopt(session) {
        // The mapping is still the parent's.
        #[cfg(not(feature = "preload"))]
        crate::engine::dump_thread::stop_in_child();
        return place::mute();
    }
    open_locks(session);
    session.header.process.id.store(os::process_id(), Ordering::Relaxed);
    #[cfg(feature = "backtraces")]
    if SPACE.is_in_file() {
        crate::engine::registration::rebuild_in_child(session);
    }
    let own = crate::engine::inside::current_index();
    let mut threads = 0;
    for (index, slot) in session.used_slots() {
        slot.in_use.open();
        if Some(index) == own {
            slot.id.store(os::thread_id(), Ordering::Relaxed);
            threads += 1;
        } else if slot.is_running() {
            slot.inside.store(0, Ordering::Relaxed);
            #[cfg(feature = "counters")]
            crate::engine::beginnings::forget(index);
            slot.leave();
        }
    }
    session.heap().threads.store(threads, Ordering::Relaxed);
    #[cfg(feature = "dhat-compat")]
    crate::api::report_files::in_forked_child();
    #[cfg(all(feature = "counters", not(feature = "preload")))]
    crate::engine::dump_thread::in_forked_child(own.and_then(|own| session.slot(own)));
}

/// The child's file.
#[cfg(feature = "backtraces")]
mod file {
    use core::mem::offset_of;

    use crate::base::os::files;
    use crate::base::os::files::{File, Path};
    use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
    use crate::engine::place::{create, expand};
    use crate::engine::session::Session;
    use crate::store::layout::{HEADER_SIZE, Header, Mapping, Process, Region};
    use crate::store::space::{Part, SPACE, shared_slot};

    /// The prepared file's number plus one, while a fork is under way; 0: none.
    static PREPARED: AtomicU32 = AtomicU32::new(0);
    /// The number of prepared files: part of their names, until the children rename them.
    static COUNT: AtomicU64 = AtomicU64::new(0);

    /// Copies the recording to a new file. If that fails, the child will not be recorded.
    pub(super) fn prepare(session: &Session) {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let Some(path) = name(count) else { return };
        let Ok(file) = File::create_new(path.c_str()) else { return };
        if copy(session.mapping, &file) {
            PREPARED.store(file.into_number().cast_unsigned() + 1, Ordering::Relaxed);
        } else {
            files::remove(path.c_str());
        }
    }

    /// The prepared file's name. Readers do not take the file for a recording as long as it has no
    /// process.
    fn name(count: u64) -> Option<Path> {
        let mut path = Path::EMPTY;
        let fits = path.push(SPACE.path().to_bytes())
            && path.push(b".fork")
            && path.push_number(count as u32);
        fits.then_some(path)
    }

    /// Writes all that may have been touched, without a process's id: the child writes it.
    fn copy(mapping: Mapping, file: &File) -> bool {
        let last = mapping.place(Region::Arenas);
        let size = last.0 + last.1 * Region::Arenas.entry_size();
        let parts = Part::ALL.into_iter().flat_map(|part| {
            let entries = SPACE.entries(part) as usize;
            part.regions().iter().map(move |&region| {
                let (start, all) = mapping.place(region);
                (start, entries.min(all) * region.entry_size())
            })
        });
        let pieces = [(0, HEADER_SIZE), shared_slot(mapping)].into_iter();
        let mut pieces = pieces.chain(parts).chain(SPACE.used_arenas(mapping));
        let no_process = offset_of!(Header, process) + offset_of!(Process, id);
        file.set_len(size).is_ok()
            && pieces.all(|(start, len)| {
                // SAFETY: inside the mapping, and reserved before.
                let memory = unsafe { mapping.base().add(start) };
                // SAFETY: mapped memory, which stays so.
                unsafe { file.write_memory(memory.as_ptr(), len, start) }
            })
            && file.write_at(&0_u32.to_ne_bytes(), no_process)
    }

    /// In the parent: leaves the file to the child.
    pub(super) fn forget() {
        drop(take());
    }

    fn take() -> Option<File> {
        let number = PREPARED.swap(0, Ordering::Relaxed).checked_sub(1)?;
        Some(File::of_number(number.cast_signed()))
    }

    /// In the child: the prepared file takes the place of the parent's; `false` if there is none.
    pub(super) fn adopt(session: &Session) -> bool {
        let (Some(file), Some(prepared)) = (take(), name(COUNT.load(Ordering::Relaxed) - 1)) else {
            return false;
        };
        let (last, arenas) = session.mapping.place(Region::Arenas);
        let len = last + arenas * Region::Arenas.entry_size();
        // SAFETY: the recording's own mapping, of that length; the file has the same contents.
        let mapped = unsafe { file.map(Some(session.mapping.base()), len) };
        if mapped.is_none() {
            files::remove(prepared.c_str());
            return false;
        }
        SPACE.set_path(own_name(session, prepared));
        true
    }

    /// Gives the prepared file this process's name, if that can be done.
    fn own_name(session: &Session, prepared: Path) -> Path {
        let Some(pattern) = session.settings.record else { return prepared };
        let Some((mut path, names_process)) = expand(pattern) else { return prepared };
        let appended =
            names_process || path.push(b".") && path.push_number(crate::base::os::process_id());
        // An empty file of that name is made first, so that no other recording is replaced.
        let made = if appended && names_process { create(pattern).ok() } else { None };
        let path = made.map_or(path, |(_file, path)| path);
        if appended && files::rename(prepared.c_str(), path.c_str()) { path } else { prepared }
    }
}
