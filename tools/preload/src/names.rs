//! The whole name of a thread whose kernel name is cut after 15 bytes.
//!
//! Rust's thread has its name in memory, reachable from the argument that its start function was
//! given; how many steps away differs from version to version. So what the argument leads to is
//! searched for a string that begins as the short name does. Memory is read through the kernel,
//! which refuses what is not mapped.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

use mod_alloc::preload::copy_memory;

/// Words that are looked at of each piece of memory.
const WORDS: usize = 64;
/// Words of a piece that are followed, in one search after another: behind a small block lie
/// others, which may lead to another thread's name that begins alike.
const WINDOWS: [usize; 4] = [4, 8, 16, WORDS];
/// Pieces of memory that are looked at.
const PIECES: usize = 256;
/// Steps from the argument.
const STEPS: u8 = 5;
/// Longest name that is looked for.
const LONGEST: usize = 432;

std::thread_local! {
    /// The argument that the thread was started with, until it has named itself.
    static START: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

/// Remembers what the calling thread was started with.
pub(crate) fn is_started_with(argument: *mut c_void) {
    START.with(|start| start.set(argument));
}

/// The argument that the calling thread was started with, the first time that it asks.
pub(crate) fn take_start() -> Option<*mut c_void> {
    let argument = START.with(|start| start.replace(ptr::null_mut()));
    (!argument.is_null()).then_some(argument)
}

/// A name that was found.
#[derive(Debug)]
pub(crate) struct Name {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Default for Name {
    fn default() -> Self {
        Name { bytes: [0; LONGEST], len: 0 }
    }
}

impl Name {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Addresses to look at, each once, the nearest first.
struct Queue {
    found: [(u64, u8); PIECES],
    len: usize,
}

impl Queue {
    fn push(&mut self, address: u64, steps: u8) {
        const LOWEST: u64 = 1 << 16;
        const HIGHEST: u64 = 1 << 47;
        let known = self.found[..self.len].iter().any(|(known, _)| *known == address);
        if !known && (LOWEST..HIGHEST).contains(&address) && self.len < PIECES {
            self.found[self.len] = (address, steps);
            self.len += 1;
        }
    }
}

/// Searches the memory that `argument` leads to for the name that begins with `short`; `false` if
/// there is none. A name that ends where it should is preferred to one that other text follows.
pub(crate) fn find(argument: *mut c_void, short: &[u8], name: &mut Name) -> bool {
    let mut found = false;
    WINDOWS.into_iter().any(|window| search(argument, short, window, &mut found, name)) || found
}

/// Searches with `window` words of each piece of memory. `true`: the name ends where it should;
/// else `found` says if `name` is one that other text follows.
fn search(
    argument: *mut c_void,
    short: &[u8],
    window: usize,
    found: &mut bool,
    name: &mut Name,
) -> bool {
    let mut queue = Queue { found: [(0, 0); PIECES], len: 0 };
    queue.push(argument.addr() as u64, 0);
    let mut next = 0;
    while next < queue.len {
        let (address, steps) = queue.found[next];
        next += 1;
        let mut words = [0; WORDS];
        let copied = copy_memory(address, &mut words);
        match text(&words, copied, short) {
            Some((len, true)) => {
                keep(name, &words, len);
                return true;
            }
            Some((len, false)) if !*found => {
                keep(name, &words, len);
                *found = true;
            }
            _ => {}
        }
        if steps < STEPS {
            let pointers = words.iter().take((copied / 8).min(window));
            pointers.for_each(|word| queue.push(*word, steps + 1));
        }
    }
    false
}

fn byte(words: &[u64; WORDS], at: usize) -> u8 {
    words[at / 8].to_ne_bytes()[at % 8]
}

/// Length of the text at the head of the memory if it begins with `short`, and whether a zero byte
/// ends it.
fn text(words: &[u64; WORDS], copied: usize, short: &[u8]) -> Option<(usize, bool)> {
    let copied = copied.min(LONGEST);
    let begins = short.len() <= copied
        && !short.is_empty()
        && short.iter().enumerate().all(|(at, expected)| byte(words, at) == *expected);
    let len = (0..copied).take_while(|at| byte(words, *at) != 0).count();
    let is_text = (0..len).all(|at| byte(words, at) >= b' ');
    (begins && is_text).then_some((len, len < copied))
}

fn keep(name: &mut Name, words: &[u64; WORDS], len: usize) {
    name.len = len.min(LONGEST);
    for (at, place) in name.bytes.iter_mut().enumerate().take(len) {
        *place = byte(words, at);
    }
}
