//! Allocates through functions that are inlined, in several ways.

use std::collections::BTreeMap;

#[derive(Clone)]
struct Word(String);

#[inline(always)]
fn word(number: usize) -> Word {
    Word(format!("word {number}"))
}

#[inline(always)]
fn words(count: usize) -> Vec<Word> {
    (0..count).map(word).collect()
}

#[inline(never)]
fn count(words: &[Word]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for Word(text) in words {
        *counts.entry(text.to_uppercase()).or_insert(0) += text.len();
    }
    counts
}

fn main() {
    let all = words(50);
    let sum: usize = count(&all).values().sum();
    let again: Vec<Box<dyn Fn() -> String>> =
        all.iter().cloned().map(|Word(text)| Box::new(move || text.repeat(2)) as _).collect();
    println!("{sum} {}", again.iter().map(|make| make().len()).sum::<usize>());
}
