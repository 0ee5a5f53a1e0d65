//! The kernel's list of this process's mappings, read without memory of its own.

use core::ffi::CStr;

use super::files::File;

/// The kernel's list of this process's mappings.
pub(super) const MAPS: &CStr = c"/proc/self/maps";

/// A line of the list of mappings, and the end of the mapping before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) previous_end: u64,
    pub(super) is_main_stack: bool,
}

/// Hands the first address and one past the last of each mapping to `work`.
pub(super) fn each_mapping(maps: &File, mut work: impl FnMut(u64, u64)) {
    each_line(maps, |line| {
        work(line.start, line.end);
        true
    });
}

/// Reads the list piece by piece, until its end or until `goes_on` says no.
pub(super) fn each_line(maps: &File, mut goes_on: impl FnMut(Mapping) -> bool) {
    let mut lines = Lines::default();
    let mut piece = [0; 2048];
    let mut offset = 0;
    loop {
        let read = maps.read_at(&mut piece, offset);
        if read == 0 {
            return;
        }
        offset += read;
        let mut found = piece.iter().take(read).filter_map(|byte| lines.push(*byte));
        if !found.all(&mut goes_on) {
            return;
        }
    }
}

/// Reads the list byte by byte: two numbers, and the name's end.
#[derive(Debug, Default)]
struct Lines {
    line: Mapping,
    /// The number being read, of the two, or neither.
    field: u32,
    /// The number of bytes of `[stack]` that the line's last bytes match.
    matched: usize,
}

impl Lines {
    const NAME: &[u8] = b"[stack]";

    fn push(&mut self, byte: u8) -> Option<Mapping> {
        match (byte, self.field) {
            (b'\n', _) => {
                let line = Mapping { is_main_stack: self.matched == Self::NAME.len(), ..self.line };
                *self = Lines::default();
                self.line.previous_end = line.end;
                return Some(line);
            }
            (b'-', 0) | (b' ', 1) => self.field += 1,
            (_, 0) => self.line.start = self.line.start << 4 | digit(byte),
            (_, 1) => self.line.end = self.line.end << 4 | digit(byte),
            _ if Self::NAME.get(self.matched) == Some(&byte) => self.matched += 1,
            _ => self.matched = 0,
        }
        None
    }
}

/// The value of a hexadecimal digit. Another byte counts as 0: the kernel writes none here, and a
/// wrong bound is only a stack that is walked less far.
fn digit(byte: u8) -> u64 {
    char::from(byte).to_digit(16).unwrap_or(0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> std::vec::Vec<Mapping> {
        let mut lines = Lines::default();
        text.bytes().filter_map(|byte| lines.push(byte)).collect()
    }

    #[test]
    fn lines_say_where_they_are_and_which_is_the_stack() {
        let text = "00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/[stack]x\n\
                    7ffd0a5e1000-7ffd0a602000 rw-p 00000000 00:00 0   [stack]\n";
        let found = lines(text);
        let first =
            Mapping { start: 0x40_0000, end: 0x45_2000, previous_end: 0, is_main_stack: false };
        assert_eq!(found[0], first);
        let second = Mapping {
            start: 0x7ffd_0a5e_1000,
            end: 0x7ffd_0a60_2000,
            previous_end: 0x45_2000,
            is_main_stack: true,
        };
        assert_eq!(found[1], second);
    }
}
