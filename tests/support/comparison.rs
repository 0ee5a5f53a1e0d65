//! Two profilers' numbers for the same run, compared site by site.

use std::collections::BTreeMap;

use super::dhat_json::Counters;
use super::user_code::{Sites, UserStack};

/// One profiler's numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    /// Its name in a complaint.
    pub(crate) name: &'a str,
    /// Its counts.
    pub(crate) sites: &'a Sites,
}

/// Every number named in `keys` that the two do not agree on, a line each; and every site
/// that only one of them knows.
pub(crate) fn differences(a: Side<'_>, b: Side<'_>, keys: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (stack, sites) in a.sites {
        match b.sites.get(stack) {
            Some(others) => found.extend(compare(a.name, sites, b.name, others, keys, stack)),
            None => found.push(only_in(a.name, stack, sites)),
        }
    }
    let unknown = b.sites.iter().filter(|(stack, _)| !a.sites.contains_key(stack));
    found.extend(unknown.map(|(stack, sites)| only_in(b.name, stack, sites)));
    found
}

type ByAddress = BTreeMap<Vec<String>, Counters>;

/// Sites with equal lines: their sums; if these agree, the sites one by one. Addresses differ
/// from binary to binary, so the sites are paired in the order of their numbers.
fn compare(
    a_name: &str,
    a: &ByAddress,
    b_name: &str,
    b: &ByAddress,
    keys: &[&str],
    stack: &UserStack,
) -> Vec<String> {
    let (a_sum, b_sum) = (sum(a), sum(b));
    let mut found = Vec::new();
    for key in keys.iter().filter(|key| a_sum.get(key) != b_sum.get(key)) {
        let (x, y) = (a_sum.get(key), b_sum.get(key));
        found.push(format!("{stack}: {key} is {x} in {a_name} and {y} in {b_name}"));
    }
    if found.is_empty() && a.len() != b.len() {
        let (x, y) = (a.len(), b.len());
        found.push(format!("{stack}: {x} sites in {a_name} and {y} in {b_name}"));
    } else if found.is_empty() {
        let pair = numbers(a, keys).into_iter().zip(numbers(b, keys)).find(|(x, y)| x != y);
        let tell = |(x, y)| {
            format!("{stack}: one site's {keys:?} is {x:?} in {a_name} and {y:?} in {b_name}")
        };
        found.extend(pair.map(tell));
    }
    found
}

fn numbers(sites: &ByAddress, keys: &[&str]) -> Vec<Vec<u64>> {
    let one = |counters: &Counters| keys.iter().map(|key| counters.get(key)).collect();
    let mut all: Vec<Vec<u64>> = sites.values().map(one).collect();
    all.sort();
    all
}

fn sum(sites: &ByAddress) -> Counters {
    let mut sum = Counters::default();
    for counters in sites.values() {
        sum += *counters;
    }
    sum
}

fn only_in(name: &str, stack: &UserStack, sites: &ByAddress) -> String {
    let sum = sum(sites);
    format!("{stack}: only in {name}, {} bytes in {} blocks", sum.get("tb"), sum.get("tbk"))
}
