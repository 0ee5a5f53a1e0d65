//! The child's file: made by the parent before the fork, taken over by the child.

use core::mem::offset_of;

use crate::base::os::files;
use crate::base::os::files::{File, Path};
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::engine::place::{create, expand};
use crate::engine::session::Session;
use crate::store::kinds::Why;
use crate::store::layout::{HEADER_SIZE, Header, Process, Region, SelfCheck};
use crate::store::mapping::Mapping;
use crate::store::space::{Part, SPACE, shared_slot};
use crate::store::thread_slot::ThreadSlot;
use crate::store::timeline::FROM_WITHIN;
use crate::store::unrecorded::Unrecorded;

/// The prepared file's number plus one, while a fork is under way; 0: none.
static PREPARED: AtomicU32 = AtomicU32::new(0);
/// The number of prepared files: part of their names, until the children rename them.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The place of the number of programs that are not recorded.
const NOTED: usize = offset_of!(Header, self_check)
    + offset_of!(SelfCheck, unrecorded)
    + offset_of!(Unrecorded, count);

/// The place of the word that says if the file is locked.
const LOCKED: usize = offset_of!(Header, self_check) + offset_of!(SelfCheck, locked);

/// Copies the recording to a new file. If that fails, the child will not be recorded.
pub(super) fn prepare(session: &Session) {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    match name(count).and_then(|path| copied(session, path)) {
        Some(file) => PREPARED.store(file.into_number().cast_unsigned() + 1, Ordering::Relaxed),
        None => session.header.self_check.unrecorded.note(Why::NoPlace, b""),
    }
}

/// The copy of the recording.
fn copied(session: &Session, path: Path) -> Option<File> {
    let file = File::create_new(path.c_str()).ok()?;
    // The child's mapping keeps the lock.
    let is_locked = file.lock();
    if copy(session.mapping, &file) && (is_locked || file.write_at(&0_u64.to_ne_bytes(), LOCKED)) {
        return Some(file);
    }
    files::remove(path.c_str());
    None
}

/// The prepared file's name. Readers do not take the file for a recording as long as it has no
/// process.
fn name(count: u64) -> Option<Path> {
    let mut path = Path::EMPTY;
    let fits =
        path.push(SPACE.path().to_bytes()) && path.push(b".fork") && path.push_number(count as u32);
    fits.then_some(path)
}

/// Writes all that may have been touched, without a process's id: the child writes it.
fn copy(mapping: Mapping, file: &File) -> bool {
    let parts = Part::ALL.into_iter().flat_map(|part| {
        let entries = SPACE.entries(part) as usize;
        part.regions().iter().map(move |&region| {
            let (start, all) = mapping.place(region);
            (start, entries.min(all) * region.entry_size())
        })
    });
    let pieces = [(0, HEADER_SIZE)].into_iter().chain(shared_slot(mapping));
    let log = mapping.header().process.timeline.log.load(Ordering::Relaxed) & FROM_WITHIN;
    let mut pieces = pieces.chain(parts).chain(SPACE.used_arenas(mapping));
    let no_process = offset_of!(Header, process) + offset_of!(Process, id);
    let first_slot = mapping.place(Region::Threads).0;
    file.set_len(mapping.len()).is_ok()
        && pieces.all(|(start, len)| {
            // SAFETY: inside the mapping, and reserved before.
            let memory = unsafe { mapping.base().add(start) };
            // SAFETY: mapped memory, which stays so.
            unsafe { file.write_memory(memory.as_ptr(), len, start) }
        })
        && file.write_at(&0_u32.to_ne_bytes(), no_process)
        && file.write_at(&1_u32.to_ne_bytes(), first_slot + offset_of!(ThreadSlot, forked))
        // Programs that the parent started are told by the parent.
        && file.write_at(&0_u32.to_ne_bytes(), NOTED)
        // The copy has the samples, and not the log of moments.
        && file.write_at(&log.to_ne_bytes(), offset_of!(Header, process.timeline.log))
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
    let len = session.mapping.len();
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
