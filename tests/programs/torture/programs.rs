//! Programs on one ordinary stack.

use crate::host::Node;
use crate::nodes::NODES;
use crate::objects::nodes_of;
use crate::shadow::made;
use crate::walk::{Walk, stack_floor};
use crate::{Arguments, Program};

pub(crate) const PROGRAMS: &[Program] = &[
    ("frames", |arguments| at_random(arguments, &FRAMES)),
    ("exceptions", |arguments| at_random(arguments, &EXCEPTIONS)),
    ("containers", |arguments| at_random(arguments, &CONTAINERS)),
    ("signals", |arguments| at_random(arguments, &SIGNALS)),
    ("bare", |arguments| at_random(arguments, &BARE)),
    ("pairs", |arguments| at_random(arguments, &PAIRS)),
    ("descent", |arguments| at_random(arguments, &DESCENT)),
    ("mixed", |arguments| at_random(arguments, &mixed())),
];

const FRAMES: [&str; 6] = [
    "frames-fast",
    "frames-plain",
    "frames-framed",
    "frames-realigned",
    "frames-vector",
    "frames-guarded",
];
const EXCEPTIONS: [&str; 3] = ["exceptions-fast", "exceptions-plain", "exceptions-framed"];
const CONTAINERS: [&str; 3] = ["containers-fast", "containers-plain", "containers-framed"];
const SIGNALS: [&str; 1] = ["signals"];
const BARE: [&str; 1] = ["bare-honest"];
const PAIRS: [&str; 2] = ["pairs-fast", "pairs-framed"];
pub(crate) const DESCENT: [&str; 2] = ["descent-fast", "descent-framed"];
/// Their stacks cannot be walked, only walked in the same way twice.
pub(crate) const LOST: [&str; 1] = ["bare-lost"];

/// All objects whose stacks are known.
pub(crate) fn mixed() -> Vec<&'static str> {
    [&FRAMES[..], &EXCEPTIONS, &CONTAINERS, &SIGNALS, &BARE, &PAIRS].concat()
}

/// A few runs, again and again, so that a report has each stack many times; more of them if
/// there is time for more, but not more than there is room for.
fn seeds(captures: u64) -> u64 {
    100 + (captures / 20_000).min(400)
}

fn at_random(arguments: Arguments<'_>, objects: &[&str]) {
    let nodes = with_rust(nodes_of(arguments.folder, objects));
    runs(nodes, 0, arguments.captures);
}

/// The nodes and those in Rust, for as long as the program runs.
pub(crate) fn with_rust(nodes: Vec<Node>) -> &'static [Node] {
    [&nodes[..], &NODES].concat().leak()
}

/// Runs through the nodes until the thread has made so many blocks more, beginning with the run
/// of this number; the number of the next.
pub(crate) fn runs(nodes: &'static [Node], first: u64, captures: u64) -> u64 {
    let (end, seeds, floor) = (made() + captures, seeds(captures), stack_floor());
    let mut seed = first;
    while made() < end {
        Walk::new(seed % seeds, nodes, floor).run();
        seed += 1;
    }
    seed
}
