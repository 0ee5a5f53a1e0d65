//! One line to standard error, without the heap.

use core::fmt::{self, Write};

/// Collects a line in place; cuts text that does not fit. It lies on the stack: a message may be
/// about the very heap that has no room.
#[derive(Debug)]
struct Line {
    bytes: [u8; 512],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.len() - 1 - self.len; // one byte stays for the line's end
        let take = text.len().min(room);
        let target = self.bytes.get_mut(self.len..self.len + take);
        if let (Some(target), Some(source)) = (target, text.as_bytes().get(..take)) {
            target.copy_from_slice(source);
            self.len += take;
        }
        Ok(())
    }
}

/// Prints `mod-alloc: ` and the text as one line, with one system call.
///
/// One call, so that lines of several threads and processes do not mix. A line of more than 511
/// bytes is cut, and ends with a newline as all do.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; 512], len: 0 };
    // Neither call can fail: `Line` never does.
    let _ = line.write_str("mod-alloc: ");
    let _ = line.write_fmt(text);
    if let Some(end) = line.bytes.get_mut(line.len) {
        *end = b'\n';
    }
    super::write_stderr(line.bytes.get(..=line.len).unwrap_or(b"\n"));
}

/// Prints `mod-alloc: ` and both texts as one line, with one system call, and little stack: the
/// caller may be a signal handler on what another one has left of its alternate stack.
#[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
pub(crate) fn say_on_little_stack(text: &[u8], more: &[u8]) {
    super::write_stderr_together(&[b"mod-alloc: ", text, more, b"\n"]);
}
