//! The file that is mapped at an address, by the kernel's list.

use crate::base::os::read_quietly;

/// Writes the path of the file that a mapping from `start` on is of; returns its length. `None`:
/// there is no such mapping, or the path is too long.
pub(crate) fn path_at(start: u64, path: &mut [u8]) -> Option<usize> {
    let mut lines = Lines { start, ..Lines::default() };
    let len = read_quietly(c"/proc/self/maps", |part| {
        part.iter().find_map(|&byte| lines.push(byte, path))
    })?;
    (0 < len && len <= path.len()).then_some(len)
}

/// Reads the list byte by byte: the first number of each line, and the name behind the last blank
/// of the line's numbers.
#[derive(Debug, Default)]
struct Lines {
    /// The mapping that is looked for.
    start: u64,
    /// The line's first number so far.
    number: u64,
    /// Where in the line this is: its first number, its others, its name.
    field: Field,
    /// Bytes of the name so far.
    len: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Field {
    #[default]
    Start,
    Rest,
    Name,
}

impl Lines {
    /// Returns the name's length at the end of the line that is looked for.
    fn push(&mut self, byte: u8, path: &mut [u8]) -> Option<usize> {
        match (byte, self.field) {
            (b'\n', _) => {
                let found = (self.number == self.start).then_some(self.len);
                *self = Lines { start: self.start, ..Lines::default() };
                return found;
            }
            (b'-', Field::Start) => self.field = Field::Rest,
            (_, Field::Start) => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                self.number = self.number << 4 | u64::from(digit);
            }
            (b'/', Field::Rest) => {
                self.field = Field::Name;
                self.keep(byte, path);
            }
            (_, Field::Rest) => {}
            (_, Field::Name) => self.keep(byte, path),
        }
        None
    }

    fn keep(&mut self, byte: u8, path: &mut [u8]) {
        if let Some(place) = path.get_mut(self.len).filter(|_| self.number == self.start) {
            *place = byte;
        }
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_line_with_the_address() {
        let maps = b"7f0000000000-7f0000001000 r--p 00000000 00:1a 5      /lib/a b.so\n\
                     7f0000001000-7f0000002000 r--p 00000000 00:00 0 \n\
                     7f0000002000-7f0000003000 r-xp 00000000 00:1a 6      /lib/c.so\n";
        let named = |start| {
            let (mut lines, mut path) = (Lines { start, ..Lines::default() }, [0; 64]);
            let len = maps.iter().find_map(|&byte| lines.push(byte, &mut path))?;
            path.get(..len).map(<[u8]>::to_vec)
        };
        assert_eq!(named(0x7f00_0000_0000).as_deref(), Some(&b"/lib/a b.so"[..]));
        assert_eq!(named(0x7f00_0000_1000).as_deref(), Some(&b""[..]));
        assert_eq!(named(0x7f00_0000_2000).as_deref(), Some(&b"/lib/c.so"[..]));
        assert_eq!(named(0x7f00_0000_2800), None);
    }
}
