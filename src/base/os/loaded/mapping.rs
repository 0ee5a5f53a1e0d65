//! The file of which code is mapped at an address, by the kernel's list.

use crate::base::os::read_quietly;

/// The first address at which the file is mapped whose mapping holds `pc`. Writes the file's path,
/// and returns its length as well. `None`: no file is there, it is not mapped from its beginning,
/// or the path is too long.
pub(super) fn file_at(pc: u64, path: &mut [u8]) -> Option<(u64, usize)> {
    let mut lines = Lines::new(pc);
    let found = read_quietly(c"/proc/self/maps", |part| {
        part.iter().find_map(|&byte| lines.push(byte, path))
    })?;
    found.filter(|(_, len)| 0 < *len && *len < path.len())
}

/// Reads the list byte by byte (proc(5), `/proc/pid/maps`).
#[derive(Debug, Default)]
struct Lines {
    pc: u64,
    /// The line's numbers so far: first address, end, rights, offset, device, inode.
    numbers: [u64; 6],
    /// The number that this is, or the name behind them.
    field: usize,
    /// Bytes of the name so far.
    len: usize,
    /// The latest mapping of a file's beginning: its first address, the device and the inode.
    beginning: [u64; 3],
}

impl Lines {
    fn new(pc: u64) -> Self {
        Lines { pc, ..Lines::default() }
    }

    /// Returns what was looked for at the end of the line that holds the address.
    fn push(&mut self, byte: u8, path: &mut [u8]) -> Option<Option<(u64, usize)>> {
        match (byte, self.field) {
            (b'\n', _) => return self.end_line(),
            (b'-', 0) | (b' ', 1..=5) => self.field += 1,
            (_, 0..=5) => {
                let number = self.numbers.get_mut(self.field)?;
                // The rights and the device are no numbers: they only have to differ.
                let digit = char::from(byte).to_digit(16).unwrap_or_else(|| byte.into());
                *number = number.wrapping_shl(4).wrapping_add(digit.into());
            }
            (b' ', _) if self.len == 0 => {}
            _ => {
                let is_here = self.holds_pc();
                if let Some(place) = path.get_mut(self.len).filter(|_| is_here) {
                    *place = byte;
                }
                self.len += 1;
            }
        }
        None
    }

    fn holds_pc(&self) -> bool {
        let [start, end, ..] = self.numbers;
        (start..end).contains(&self.pc)
    }

    fn end_line(&mut self) -> Option<Option<(u64, usize)>> {
        let [start, _, _, offset, device, inode] = self.numbers;
        if offset == 0 && inode != 0 {
            self.beginning = [start, device, inode];
        }
        let [first, of_device, of_inode] = self.beginning;
        let is_whole = inode != 0 && [of_device, of_inode] == [device, inode];
        let found = self.holds_pc().then_some(is_whole.then_some((first, self.len)));
        (self.numbers, self.field, self.len) = ([0; 6], 0, 0);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_belongs_to_the_file_that_is_mapped_from_its_beginning_before_it() {
        let maps = b"7f0000000000-7f0000001000 r--p 00000000 00:1a 5      /lib/a b.so\n\
                     7f0000001000-7f0000002000 r-xp 00001000 00:1a 5      /lib/a b.so\n\
                     7f0000002000-7f0000003000 rw-p 00000000 00:00 0 \n\
                     7f0000003000-7f0000004000 r-xp 00002000 00:1a 6      /lib/c.so\n\
                     7f0000004000-7f0000005000 r-xp 00000000 00:00 0      [vdso]\n";
        let found = |pc| {
            let (mut lines, mut path) = (Lines::new(pc), [0; 64]);
            let found = maps.iter().find_map(|&byte| lines.push(byte, &mut path))?;
            found.map(|(start, len)| (start, path[..len].to_vec()))
        };
        let expected = Some((0x7f00_0000_0000, b"/lib/a b.so".to_vec()));
        assert_eq!(found(0x7f00_0000_0fff), expected);
        assert_eq!(found(0x7f00_0000_1000), expected);
        assert_eq!(found(0x7f00_0000_2800), None, "no file");
        assert_eq!(found(0x7f00_0000_3800), None, "its beginning is not mapped");
        assert_eq!(found(0x7f00_0000_4000), None, "no file");
        assert_eq!(found(0x7f00_0000_5000), None, "nothing");
    }
}
