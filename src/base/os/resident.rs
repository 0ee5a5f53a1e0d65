//! A process's resident memory, as the kernel counts it.

use crate::base::os;

/// Bytes of memory that this process has now. Takes no lock and no memory, and may be called
/// anywhere.
pub(crate) fn resident() -> Option<u64> {
    // A line of a hundred bytes at the most: the kernel gives it at once.
    bytes(os::read_quietly(c"/proc/self/statm", pages)?)
}

/// Bytes of memory that another process has now. For readers of recordings: it allocates.
#[cfg(feature = "dhat-compat")]
pub(crate) fn resident_of(id: u32) -> Option<u64> {
    bytes(pages(&std::fs::read(std::format!("/proc/{id}/statm")).ok()?)?)
}

fn bytes(pages: u64) -> Option<u64> {
    pages.checked_mul(os::page_size().bytes() as u64)
}

/// The second number of `statm`.
fn pages(statm: &[u8]) -> Option<u64> {
    let mut numbers = statm.split(|byte| !byte.is_ascii_digit()).filter(|word| !word.is_empty());
    core::str::from_utf8(numbers.nth(1)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_pages_are_the_second_number() {
        assert_eq!(pages(b"5321 712 480 3 0 99 0\n\0\0"), Some(712));
        assert_eq!(pages(b"5321"), None);
        assert_eq!(pages(b""), None);
    }
}
