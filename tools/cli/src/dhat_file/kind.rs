//! The kind of things that the numbers of a document count, so that numbers of two kinds are never
//! mixed.

use super::{Document, Units};

impl Document {
    /// The events and the units that are counted: `bytes allocated`, `bytes copied`, `units in
    /// events`.
    #[must_use]
    pub fn counted(&self) -> String {
        match &self.units {
            Some(Units { many, blocks, .. }) => format!("{many} in {blocks}"),
            None => format!("bytes {}", self.verb.to_lowercase()),
        }
    }

    /// The reason why the numbers of `other` are of another kind than these, in words about
    /// `other`; `None` if they are of the same kind.
    #[must_use]
    pub fn other_kind(&self, other: &Document) -> Option<String> {
        let (ours, its) = (self.counted(), other.counted());
        if ours != its {
            return Some(format!("it counts {its}, and the first counts {ours}"));
        }
        let knows = |document: &Document| {
            if document.knows_frees() { "knows of frees" } else { "knows nothing of frees" }
        };
        let (ours, its) = (knows(self), knows(other));
        (ours != its).then(|| format!("it {its}, and the first {ours}"))
    }
}
