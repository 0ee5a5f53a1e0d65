//! Eight threads that do all of it at once.

use std::thread;

use crate::fibers::{self, Nodes, in_fibers};
use crate::host::Node;
use crate::objects::nodes_of;
use crate::programs::{DESCENT, runs, with_rust};
use crate::reload::{Places, Visitor};
use crate::shadow::{in_shadow, made};
use crate::{Arguments, Program};

pub(crate) const PROGRAMS: &[Program] = &[("threads", threads), ("threads-lost", threads_lost)];

const THREADS: u64 = 8;
const STACK: usize = 16 << 20;
/// Blocks that a thread makes in one way before it goes on in another.
const TURN: u64 = 2_000;

/// Everything whose stacks are known. The objects in `more` are loaded and unloaded meanwhile.
fn threads(arguments: Arguments<'_>) {
    run(arguments, fibers::nodes(arguments.folder), &[]);
}

/// Everything.
fn threads_lost(arguments: Arguments<'_>) {
    let deep = with_rust(nodes_of(arguments.folder, &DESCENT));
    run(arguments, fibers::all_nodes(arguments.folder), deep);
}

fn run(arguments: Arguments<'_>, nodes: Nodes, deep: &'static [Node]) {
    let places = Places::default();
    let work = &|thread| {
        let mut visitor = Visitor::new(arguments, &places, thread);
        in_fibers(nodes, || {
            let mut seed = thread;
            while made() < arguments.captures {
                seed = runs(nodes.outside, seed, TURN);
                visitor.visit_any();
                if !deep.is_empty() {
                    runs(deep, seed, TURN);
                }
            }
        });
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let builder = thread::Builder::new().stack_size(STACK);
            let start = builder.spawn_scoped(scope, move || in_shadow(|| work(thread)));
            start.expect("a thread");
        }
    });
    places.print();
}
