//! Protobuf's encoding, as much of it as `profile.proto` needs.

use std::io::{self, Write};
use std::vec::Vec;

/// The wire types of numbers, and of what has a length.
const VARINT: u64 = 0;
const LENGTH: u64 = 2;

/// The fields of a message, encoded.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A number or a flag. 0 is the default, which is not written.
    pub(super) fn number(&mut self, field: u32, number: u64) {
        if number > 0 {
            self.tag(field, VARINT);
            self.varint(number);
        }
    }

    /// A list of numbers. Zeroes count.
    pub(super) fn packed(&mut self, field: u32, numbers: impl Iterator<Item = u64> + Clone) {
        self.tag(field, LENGTH);
        let length: usize = numbers.clone().map(varint_length).sum();
        self.varint(length as u64);
        numbers.for_each(|number| self.varint(number));
    }

    /// A message inside of this one.
    pub(super) fn message(&mut self, field: u32, inner: &Message) {
        self.bytes(field, &inner.0);
    }

    /// A string, whose bytes are UTF-8.
    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, LENGTH);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes what is there, and is empty again.
    pub(super) fn move_to(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let result = out.write_all(&self.0);
        self.0.clear();
        result
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn tag(&mut self, field: u32, wire_type: u64) {
        self.varint(u64::from(field) << 3 | wire_type);
    }

    /// Seven bits a byte, the lowest first; the eighth says that more come.
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// Bytes that a number takes.
fn varint_length(number: u64) -> usize {
    (64 - (number | 1).leading_zeros()).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_a_byte_for_seven_bits() {
        let mut message = Message::default();
        message.number(1, 0);
        message.number(2, 127);
        message.number(16, 128);
        message.packed(3, [0, u64::MAX].into_iter());
        let mut expected = std::vec![0x10, 0x7f, 0x80, 0x01, 0x80, 0x01, 0x1a, 11, 0];
        expected.extend([0xff; 9]);
        expected.push(1);
        assert_eq!(message.0, expected);
    }
}
