//! Counts of two profilers of one run: the sums, by function, and stack by stack.

use std::collections::{BTreeMap, BTreeSet};

use super::traced::dhat_json::{Counters, Report};

/// Numbers that Valgrind counts as we do. Not lifetimes, for which it counts instructions; and not a
/// stack's own maximum, which it only brings up to date while the whole heap is at its largest.
pub(crate) const COUNTED_ALIKE: [&str; 6] = ["tb", "tbk", "gb", "gbk", "eb", "ebk"];

/// In the order of [`COUNTED_ALIKE`].
pub(crate) type Numbers = [u64; COUNTED_ALIKE.len()];

/// A profiler's account of a run.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// The profiler's name in a complaint.
    name: &'static str,
    pub(crate) total: Numbers,
    /// By each function that has a name: the sums of the stacks that it is in.
    pub(crate) functions: BTreeMap<String, Numbers>,
    /// Of each stack, the smallest first. Who is in a stack is not said alike: programs of
    /// Debian's have no symbols, and addresses are in memory in one and in files in the other.
    pub(crate) stacks: Vec<Numbers>,
}

impl Counted {
    pub(crate) fn new(name: &'static str, report: &Report) -> Self {
        Self::adjusted(name, report, |_, numbers| numbers)
    }

    /// With other numbers for stacks with certain functions.
    pub(crate) fn adjusted(
        name: &'static str,
        report: &Report,
        adjust: impl Fn(&BTreeSet<&str>, Numbers) -> Numbers,
    ) -> Self {
        let (total, functions, stacks) = (Numbers::default(), BTreeMap::new(), Vec::new());
        let mut counted = Self { name, total, functions, stacks };
        for point in &report.points {
            let functions: BTreeSet<_> = report.stack(point).filter_map(function).collect();
            let numbers = adjust(&functions, numbers(&point.counters));
            counted.count(&functions, numbers);
        }
        counted.stacks.sort_unstable();
        counted
    }

    fn count(&mut self, functions: &BTreeSet<&str>, numbers: Numbers) {
        add(&mut self.total, numbers);
        for function in functions {
            add(self.functions.entry((*function).to_owned()).or_default(), numbers);
        }
        self.stacks.push(numbers);
    }

    /// The functions that both have a name for. Of several names for one function in the C
    /// library, they do not choose the same.
    pub(crate) fn common(&self, other: &Self) -> usize {
        self.functions.keys().filter(|name| other.functions.contains_key(*name)).count()
    }

    /// Everything that the two do not agree on, a line each.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, a: Numbers, b: Numbers| {
            for ((key, a), b) in COUNTED_ALIKE.iter().zip(a).zip(b).filter(|((_, a), b)| a != b) {
                found.push(format!(
                    "{what}: {key} is {a} in {} and {b} in {}",
                    self.name, other.name
                ));
            }
        };
        compare("total", self.total, other.total);
        for (name, numbers) in &self.functions {
            compare(name, *numbers, *other.functions.get(name).unwrap_or(numbers));
        }
        found.extend(self.stacks_not_in(other));
        found.extend(other.stacks_not_in(self));
        found
    }

    fn stacks_not_in(&self, other: &Self) -> Vec<String> {
        let mut others = other.stacks.iter().peekable();
        let mut missing = Vec::new();
        for stack in &self.stacks {
            while others.next_if(|other| *other < stack).is_some() {}
            if others.next_if_eq(&stack).is_none() {
                missing.push(format!("a stack only in {}: {COUNTED_ALIKE:?} {stack:?}", self.name));
            }
        }
        missing
    }

    /// Above [`Counted::row`].
    pub(crate) fn header() -> String {
        let keys = COUNTED_ALIKE.map(|key| format!(" {key:>10}")).concat();
        format!("{:>10}{keys} {:>7}", "", "stacks")
    }

    /// A line of a table.
    pub(crate) fn row(&self) -> String {
        let numbers = self.total.map(|number| format!(" {number:>10}")).concat();
        format!("{:>10}{numbers} {:>7}", self.name, self.stacks.len())
    }
}

fn numbers(counters: &Counters) -> Numbers {
    COUNTED_ALIKE.map(|key| counters.get(key))
}

fn add(sum: &mut Numbers, more: Numbers) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

/// `0xADDRESS: function (place)`, without the symbol's version. The functions that allocate are
/// Valgrind's own there, and are left out by us.
fn function(frame: &str) -> Option<&str> {
    let (_, rest) = frame.split_once(": ")?;
    let (name, place) = rest.rsplit_once(" (")?;
    let name = name.split('@').next()?;
    (name != "???" && !place.contains("/vgpreload_")).then_some(name)
}
