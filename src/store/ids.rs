//! Types of the recording's numbers: one for each kind, so that none is taken for another.
//!
//! In the mapping all of them are plain words. They become what they are where they are loaded.

macro_rules! ids {
    ($($(#[$about:meta])* $name:ident)*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[repr(transparent)]
        pub(crate) struct $name(u32);

        impl $name {
            /// Of a word of the mapping.
            #[inline(always)]
            pub(crate) const fn new(number: u32) -> Self {
                $name(number)
            }

            /// The word that the mapping has.
            #[inline(always)]
            pub(crate) const fn number(self) -> u32 {
                self.0
            }

            /// The place in a table.
            #[inline(always)]
            pub(crate) const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A thread's slot: see [`crate::store::thread_slot`].
    ThreadIndex
}

#[cfg(feature = "backtraces")]
ids! {
    /// A call site, or none: see [`crate::store::sites`].
    SiteId
    /// A frame and all that lies outward of it, or a root: see [`crate::store::frames`].
    FrameId
    /// A group, or none: see [`crate::store::group`].
    GroupId
}

impl ThreadIndex {
    /// Of a place in the table.
    #[inline(always)]
    pub(crate) const fn at(index: usize) -> Self {
        ThreadIndex(index as u32)
    }
}

#[cfg(feature = "backtraces")]
impl SiteId {
    /// Of a place in the table.
    #[inline(always)]
    pub(crate) const fn at(index: usize) -> Self {
        SiteId(index as u32)
    }
}

/// Slots, the shared one included. Few under Miri, where each reading of them takes long.
pub(crate) const SLOTS: usize = if cfg!(miri) { 32 } else { 1024 };
/// The shared slot's index.
pub(crate) const SHARED: ThreadIndex = ThreadIndex::at(SLOTS - 1);

/// No group.
#[cfg(feature = "backtraces")]
pub(crate) const NO_GROUP: GroupId = GroupId::new(0);
