//! The kernel's figures of the process.

use crate::base::os;
use crate::recording::heap_state::ProcessMemory;

/// The process's memory, by the kernel's account. Takes no lock and no memory, and may be called
/// anywhere.
///
/// ```
/// let memory = mod_alloc::heap_state::process();
/// println!("{:?} bytes resident, {:?} at most", memory.resident, memory.peak_resident);
/// ```
#[must_use]
pub fn process() -> ProcessMemory {
    ProcessMemory { peak_resident: peak_resident(), ..now() }
}

/// The process's memory without the peak, which is in a longer file.
pub(crate) fn now() -> ProcessMemory {
    let resident = os::resident::resident();
    ProcessMemory {
        resident: resident.map(|memory| memory.all),
        peak_resident: None,
        anonymous: resident.map(|memory| memory.anonymous),
    }
}

/// The most bytes of memory that the process ever had.
fn peak_resident() -> Option<u64> {
    let mut line = Line::default();
    os::read_quietly(c"/proc/self/status", |part| part.iter().find_map(|byte| line.add(*byte)))
        .and_then(|kibibytes| kibibytes.checked_mul(1024))
}

/// Looks for that figure's line in the file. The file may be long: it names the process's groups.
#[derive(Debug, Default)]
struct Line {
    matched: usize,
    is_other: bool,
    digits: u64,
    has_digits: bool,
}

impl Line {
    /// Takes the next byte; the number, at the end of its line.
    fn add(&mut self, byte: u8) -> Option<u64> {
        const NAME: &[u8] = b"VmHWM:";
        if byte == b'\n' {
            let found = core::mem::take(self);
            return (found.matched == NAME.len() && found.has_digits).then_some(found.digits);
        }
        if self.is_other {
            return None;
        }
        if let Some(expected) = NAME.get(self.matched) {
            self.is_other = byte != *expected;
            self.matched += 1;
        } else if byte.is_ascii_digit() {
            self.has_digits = true;
            self.digits = self.digits.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_wherever_the_text_is_cut() {
        let text = b"Name:\tVmHWM: 3\nVmPeak:\t 9 kB\nVmHWM:\t   1234 kB\nVmHWMx: 5\n";
        for cut in 0..text.len() {
            let mut line = Line::default();
            let found: Vec<_> = [&text[..cut], &text[cut..]]
                .into_iter()
                .flat_map(|part| part.iter().filter_map(|byte| line.add(*byte)).collect::<Vec<_>>())
                .collect();
            assert_eq!(found, [1234], "{cut}");
        }
    }

    #[cfg(not(miri))]
    #[test]
    fn the_kernel_says_both() {
        let block = std::hint::black_box(vec![1_u8; 4 << 20]);
        let memory = process();
        let (now, most) = (memory.resident.unwrap(), memory.peak_resident.unwrap());
        assert!(now >= 4 << 20 && most >= now - (1 << 20), "{memory:?}");
        drop(block);
    }
}
