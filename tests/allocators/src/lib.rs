//! Parts that the programs here share: a heap with gaps, and lines of figures.

use std::hint::black_box;

use mod_alloc::heap_state::{self, HeapState};

/// Blocks of many sizes, of which every second was freed; and a large one. All of it is what the program
/// has live.
#[must_use]
pub fn heap_with_gaps() -> Vec<Vec<u8>> {
    let mut blocks: Vec<Option<Vec<u8>>> =
        (0..20_000).map(|index| Some(black_box(vec![1; 50 + index * 37 % 1500]))).collect();
    blocks.iter_mut().step_by(2).for_each(|block| *block = None);
    let mut blocks: Vec<Vec<u8>> = blocks.into_iter().flatten().collect();
    blocks.push(black_box(vec![1; 3 << 20]));
    blocks
}

/// Asks until two answers in a row are equal: what the first ones allocate for themselves is there then.
#[must_use]
pub fn settled() -> Option<HeapState> {
    let mut last = heap_state::collect();
    for _ in 0..10 {
        let next = heap_state::collect();
        if figures(next) == figures(last) {
            break;
        }
        last = next;
    }
    last
}

/// The allocator's figures; 0 where it does not know.
#[must_use]
pub fn figures(state: Option<HeapState>) -> [u64; 6] {
    let of = |figure: fn(HeapState) -> Option<u64>| state.and_then(figure).unwrap_or(0);
    [
        of(|state| state.allocated),
        of(|state| state.active),
        of(|state| state.resident),
        of(|state| state.mapped),
        of(|state| state.retained),
        of(|state| state.arenas),
    ]
}

/// Prints a line: a word, and numbers.
pub fn say(word: &str, numbers: &[u64]) {
    let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
    println!("{word} {}", numbers.join(" "));
}

/// Says which allocator our figures are of, and the figures.
pub fn say_ours(state: Option<HeapState>) {
    let name = state.map_or("none", |state| state.allocator.name());
    println!("allocator-{name}");
    say("ours", &figures(state));
    let process = state.map(|state| state.process).unwrap_or_default();
    say("process", &[process.resident.unwrap_or(0), process.peak_resident.unwrap_or(0)]);
}

/// The number that follows `key` in a text, whatever is between but digits.
#[must_use]
pub fn number_after(text: &str, key: &str) -> u64 {
    let (_, rest) = text.split_once(key).unwrap_or_else(|| panic!("no {key} in {text}"));
    let start = rest.find(|c: char| c.is_ascii_digit()).expect("a number follows");
    let digits = rest[start..].split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).expect("a number")
}
