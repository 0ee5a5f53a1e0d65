//! Texts, each once, in their order: a text costs what it has beyond the one before.

use std::collections::HashMap;

/// Texts with numbers.
#[derive(Debug, Default)]
pub(super) struct Strings<'d> {
    ids: HashMap<&'d str, u32>,
    texts: Vec<&'d str>,
}

impl<'d> Strings<'d> {
    /// The number of `text`.
    pub(super) fn id(&mut self, text: &'d str) -> u32 {
        *self.ids.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() as u32 - 1
        })
    }

    pub(super) fn get(&self, id: u32) -> &'d str {
        self.texts.get(id as usize).copied().unwrap_or_default()
    }

    /// The texts in order, and for each number the place of its text.
    pub(super) fn sorted(&self) -> (Vec<&'d str>, Vec<u32>) {
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.sort_by_key(|&id| self.texts[id]);
        let mut places = vec![0; order.len()];
        for (place, &id) in order.iter().enumerate() {
            places[id] = place as u32;
        }
        (order.into_iter().map(|id| self.texts[id]).collect(), places)
    }
}

/// The number of bytes that `a` and `b` begin with alike, in whole characters.
pub(super) fn shared(a: &str, b: &str) -> usize {
    let mut shared = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    while !a.is_char_boundary(shared) || !b.is_char_boundary(shared) {
        shared -= 1;
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_once_and_in_order() {
        let mut strings = Strings::default();
        let ids = ["b", "a", "b", "c"].map(|text| strings.id(text));
        assert_eq!(ids, [0, 1, 0, 2]);
        assert_eq!(strings.sorted(), (vec!["a", "b", "c"], vec![1, 0, 2]));
    }

    #[test]
    fn a_character_is_never_cut() {
        assert_eq!(shared("aä", "aö"), 1);
        assert_eq!(shared("aä", "aäb"), 3);
        assert_eq!(shared("", "a"), 0);
    }
}
