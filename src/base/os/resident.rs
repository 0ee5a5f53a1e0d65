//! A process's memory, as the kernel counts it.

use crate::base::os;

/// Memory of a process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Bytes of memory that the process has: its code, files and shared memory included.
    pub(crate) all: u64,
    /// The part that is the process's alone, of no file: heaps, stacks, variables.
    pub(crate) anonymous: u64,
}

/// Memory that this process has now. Takes no lock and no memory, and may be called anywhere.
pub(crate) fn resident() -> Option<Resident> {
    // A line of a hundred bytes at the most: the kernel gives it at once.
    os::read_quietly(c"/proc/self/statm", Resident::of_statm)
}

/// Memory that another process has now. For readers of recordings: it allocates.
#[cfg(feature = "dhat-compat")]
pub(crate) fn resident_of(id: u32) -> Option<Resident> {
    Resident::of_statm(&std::fs::read(std::format!("/proc/{id}/statm")).ok()?)
}

/// Bytes of address space that this process has: the first number.
#[cfg(feature = "backtraces")]
pub(crate) fn address_space() -> Option<u64> {
    os::read_quietly(c"/proc/self/statm", |statm| {
        let digits = statm.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let pages: u64 = core::str::from_utf8(statm.get(..digits)?).ok()?.parse().ok()?;
        pages.checked_mul(os::page_size().bytes() as u64)
    })
}

impl Resident {
    /// `statm` has numbers of pages: the second of all, the third of those that are of files or
    /// shared. The kernel counts both by processor and adds them up at times, so the third may be
    /// ahead of the second.
    fn of_statm(statm: &[u8]) -> Option<Self> {
        let mut numbers =
            statm.split(|byte| !byte.is_ascii_digit()).filter(|word| !word.is_empty());
        let mut bytes = |skipped| -> Option<u64> {
            let pages: u64 = core::str::from_utf8(numbers.nth(skipped)?).ok()?.parse().ok()?;
            pages.checked_mul(os::page_size().bytes() as u64)
        };
        let (all, shared) = (bytes(1)?, bytes(0)?);
        Some(Resident { all, anonymous: all.saturating_sub(shared) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_pages_are_the_second_number_and_shared_ones_the_third() {
        let page = os::page_size().bytes() as u64;
        let found = Resident::of_statm(b"5321 712 480 3 0 99 0\n\0\0");
        assert_eq!(found, Some(Resident { all: 712 * page, anonymous: 232 * page }));
        let ahead = Resident::of_statm(b"5321 7 8 3").map(|found| found.anonymous);
        assert_eq!(ahead, Some(0));
        assert_eq!(Resident::of_statm(b"5321 712"), None);
        assert_eq!(Resident::of_statm(b""), None);
    }
}
