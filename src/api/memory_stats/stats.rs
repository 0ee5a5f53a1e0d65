//! Figures as plain data.

use core::fmt;

use super::slot::SlotStats;

/// A running thread's memory.
///
/// A thread may free what others have allocated, so what it has live may be less than nothing; over all
/// threads the sum is what the process has live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadStats {
    /// Its name, as far as the kernel keeps it.
    pub name: ThreadName,
    /// Its kernel id.
    pub id: u32,
    /// Bytes it has allocated; of a reallocation only what it grew by.
    pub total_bytes: u64,
    /// Blocks it has allocated; a reallocation adds one.
    pub total_blocks: u64,
    /// Bytes it has allocated, less those it has freed.
    pub live_bytes: i64,
    /// Blocks it has allocated, less those it has freed.
    pub live_blocks: i64,
    /// The most that `live_bytes` was since the thread began, exactly.
    pub peak_bytes: u64,
    /// Bytes its arenas hold, by its last [`update_arena_stats`](super::update_arena_stats).
    pub arena_bytes: u64,
    /// Objects left in its pools, by its last [`update_pool_stats`](super::update_pool_stats).
    pub pool_free: u64,
    /// Objects its pools can hold, by the same.
    pub pool_capacity: u64,
    /// Objects it took from pools, see [`increment_pool_allocations`](super::increment_pool_allocations).
    pub pool_allocations: u64,
}

/// The memory of all threads together.
///
/// Each figure is the sum of that of [`per_thread_stats`](super::per_thread_stats) and of `elsewhere`,
/// as long as nothing changes meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AggregateStats {
    /// Running threads that have allocated or have a slot, as
    /// [`per_thread_stats`](super::per_thread_stats) lists them.
    pub threads: usize,
    /// Bytes allocated, as in [`AllocStats`](crate::AllocStats) of
    /// [`snapshot`](crate::ModAlloc::snapshot).
    pub total_bytes: u64,
    /// Blocks allocated, as `alloc_count` there.
    pub total_blocks: u64,
    /// Bytes live now, as `current_bytes` there.
    pub live_bytes: i64,
    /// Blocks live now, as `live_count` there.
    pub live_blocks: i64,
    /// Bytes in arenas, by what the threads said last.
    pub arena_bytes: u64,
    /// Objects left in pools, by what the threads said last.
    pub pool_free: u64,
    /// Objects that pools can hold, by what the threads said last.
    pub pool_capacity: u64,
    /// Objects taken from pools.
    pub pool_allocations: u64,
    /// What is no listed thread's, as if it were one thread: of heap figures and pool allocations that of
    /// threads that have ended, and of the profiler's shared slot (more than 1,023 threads at once); of
    /// arenas and pools that of the threads that [`overflow_count`](super::overflow_count) counts. Name,
    /// id and peak are empty.
    pub elsewhere: ThreadStats,
}

impl ThreadStats {
    /// Takes the figures of the thread's slot over.
    pub(super) fn with_slot(self, slot: SlotStats) -> Self {
        let SlotStats { arena_bytes, pool_free, pool_capacity, pool_allocations, .. } = slot;
        ThreadStats { arena_bytes, pool_free, pool_capacity, pool_allocations, ..self }
    }

    /// Adds figures up; name, id and peak stay.
    pub(super) fn add(&mut self, other: &ThreadStats) {
        self.total_bytes = self.total_bytes.wrapping_add(other.total_bytes);
        self.total_blocks = self.total_blocks.wrapping_add(other.total_blocks);
        self.live_bytes = self.live_bytes.wrapping_add(other.live_bytes);
        self.live_blocks = self.live_blocks.wrapping_add(other.live_blocks);
        self.arena_bytes = self.arena_bytes.wrapping_add(other.arena_bytes);
        self.pool_free = self.pool_free.wrapping_add(other.pool_free);
        self.pool_capacity = self.pool_capacity.wrapping_add(other.pool_capacity);
        self.pool_allocations = self.pool_allocations.wrapping_add(other.pool_allocations);
    }
}

impl AggregateStats {
    /// Of the sum over so many running threads, and of what is elsewhere.
    pub(super) fn new(threads: usize, running: ThreadStats, elsewhere: ThreadStats) -> Self {
        let mut sum = running;
        sum.add(&elsewhere);
        AggregateStats {
            threads,
            total_bytes: sum.total_bytes,
            total_blocks: sum.total_blocks,
            live_bytes: sum.live_bytes,
            live_blocks: sum.live_blocks,
            arena_bytes: sum.arena_bytes,
            pool_free: sum.pool_free,
            pool_capacity: sum.pool_capacity,
            pool_allocations: sum.pool_allocations,
            elsewhere,
        }
    }
}

/// A thread's name in place: at most 15 bytes, as the kernel keeps it.
///
/// ```
/// mod_alloc::memory_stats::update_arena_stats(1);
/// let threads = mod_alloc::memory_stats::per_thread_stats();
/// assert!(!threads[0].name.as_str().is_empty());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadName([u8; 16]);

impl ThreadName {
    /// Of the kernel's bytes, which end with a zero. What is not ASCII in a name that is not UTF-8 is
    /// replaced.
    pub(super) fn new(mut bytes: [u8; 16]) -> Self {
        let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        bytes[len..].fill(0);
        if core::str::from_utf8(&bytes[..len]).is_err() {
            bytes.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
        }
        ThreadName(bytes)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        core::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl core::ops::Deref for ThreadName {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_are_text_whatever_their_bytes() {
        let name = |text: &[u8]| {
            let mut bytes = [0; 16];
            bytes[..text.len()].copy_from_slice(text);
            ThreadName::new(bytes)
        };
        assert_eq!(&*name(b"main"), "main");
        assert_eq!(&*name("größe".as_bytes()), "größe");
        assert_eq!(&*name(b"a\xffb"), "a?b");
        // The kernel cuts a name wherever 15 bytes end.
        assert_eq!(&*name(b"aaaaaaaaaaaaaa\xc3"), "aaaaaaaaaaaaaa?");
        assert_eq!(std::format!("{:<6}|", name(b"ab")), "ab    |");
        assert_eq!(name(b"a\0b").to_string(), "a");
        assert_eq!(name(b"a\0b"), name(b"a"));
    }
}
