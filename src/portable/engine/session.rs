//! The one recording of the process, and the decision to make it.

use std::sync::OnceLock;

use crate::base::options::Options;
use crate::base::settings::Settings;
#[cfg(feature = "backtraces")]
use crate::store::{
    group::Group,
    ids::{GroupId, NO_GROUP},
};

/// See the module's description. Its numbers are in the [table](super::table).
#[derive(Debug)]
pub(crate) struct Session {
    /// All that there is room for; the first stands for none.
    #[cfg(feature = "backtraces")]
    pub(crate) groups: &'static [Group],
    #[cfg(feature = "backtraces")]
    pub(crate) frames: u32,
}

static SESSION: OnceLock<Option<Session>> = OnceLock::new();

/// Nothing is decided yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Undecided;

/// The session, or `None` if nothing is to be recorded.
///
/// # Errors
///
/// Not decided yet.
#[inline]
pub(crate) fn decided() -> Result<Option<&'static Session>, Undecided> {
    SESSION.get().map(Option::as_ref).ok_or(Undecided)
}

/// The session, if there is one.
#[cfg(feature = "backtraces")]
pub(crate) fn get() -> Option<&'static Session> {
    decided().ok().flatten()
}

/// True before the process's first block.
#[cfg(feature = "dhat-compat")]
pub(crate) fn is_undecided() -> bool {
    SESSION.get().is_none()
}

/// Decides, by the options of the program and the environment. To be called [under the
/// lock](super::table::TABLE): its holder's allocations pass.
pub(super) fn decide(options: &Options, begin: fn()) -> Option<&'static Session> {
    let mut is_new = false;
    let session = SESSION.get_or_init(|| {
        is_new = true;
        options.decide();
        let settings = Settings::from_environment();
        settings.on.then(|| Session::new(&settings))
    });
    if is_new && session.is_some() {
        begin();
    }
    session.as_ref()
}

impl Session {
    #[cfg(not(feature = "backtraces"))]
    fn new(_settings: &Settings) -> Self {
        Session {}
    }
}

#[cfg(feature = "backtraces")]
mod groups {
    use core::alloc::{GlobalAlloc, Layout};
    use std::alloc::System;

    use super::super::table::TABLE;
    use super::*;
    use crate::base::sync::{AtomicU32, Ordering};

    /// Groups that there is room for.
    const ROOM: usize = 1 << 16;

    /// The first stands for none.
    static USED: AtomicU32 = AtomicU32::new(1);

    impl Session {
        pub(super) fn new(settings: &Settings) -> Self {
            Session { groups: room(), frames: settings.frames }
        }

        /// Makes a group; [`NO_GROUP`] if there is no room for one.
        pub(crate) fn make_group(&self, thread_name: &[u8], name: &[u8]) -> GroupId {
            let taken = USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                ((used as usize) < self.groups.len()).then_some(used + 1)
            });
            let Ok(id) = taken.map(GroupId::new) else {
                TABLE.with(|table| table.lost.groups_overflowed += 1);
                return NO_GROUP;
            };
            if let Some(group) = self.groups.get(id.index()) {
                group.describe(thread_name, name);
            }
            id
        }

        /// The groups that were made; the first stands for none.
        pub(crate) fn used_groups(&self) -> &'static [Group] {
            self.groups.get(..USED.load(Ordering::Relaxed) as usize).unwrap_or_default()
        }

        /// Each block is recorded.
        #[cfg(feature = "dhat-compat")]
        pub(crate) fn is_sampled(&self) -> bool {
            false
        }

        /// Blocks are whole ones.
        pub(crate) fn whole_blocks(&self, blocks: u64) -> u64 {
            blocks
        }
    }

    /// Zeroed memory for the groups. The system makes it when a group is used.
    fn room() -> &'static [Group] {
        let Ok(layout) = Layout::array::<Group>(ROOM) else { return &[] };
        // SAFETY: the size is not zero.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if memory.is_null() {
            return &[];
        }
        // SAFETY: so many groups have room there, zeros are a group, and it is never given back.
        unsafe { core::slice::from_raw_parts(memory.cast(), ROOM) }
    }
}
