//! Objects that are loaded, called and unloaded again and again, one in the place of another.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Barrier, Mutex, RwLock};
use std::thread;

use crate::host::Node;
use crate::nodes::NODES;
use crate::objects::Object;
use crate::random::Random;
use crate::shadow::{in_shadow, made};
use crate::walk::{Walk, stack_floor};
use crate::{Arguments, Program};

pub(crate) const PROGRAMS: &[Program] = &[
    ("reload", reload),
    ("reload-file", reload_file),
    ("reload-in-step", reload_in_step),
    ("reload-at-will", reload_at_will),
];

/// How many runs are there; the same ones for every object.
const SEEDS: u64 = 8;

/// Calls the object's functions, and they other ones.
#[inline(never)]
fn visit(object: &Object, seed: u64) {
    let nodes: Box<[Node]> = [object.nodes(), object.nodes(), &NODES[..4]].concat().into();
    let nodes = Box::into_raw(nodes);
    // SAFETY: the slice lives until the run is over.
    Walk::new(seed % SEEDS, unsafe { &*nodes }, stack_floor()).small(8, 6).run();
    // SAFETY: from `into_raw` above.
    drop(unsafe { Box::from_raw(nodes) });
}

/// Counts loads, and how many of them put an object where another was before.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    loads: usize,
    replaced: usize,
    /// The object that was at an address last.
    last: BTreeMap<usize, String>,
}

impl Places {
    fn note(&self, name: &str, base: usize) {
        let mut seen = self.0.lock().expect("no panic");
        seen.loads += 1;
        let before = seen.last.insert(base, name.to_owned());
        seen.replaced += usize::from(before.is_some_and(|before| before != name));
    }

    pub(crate) fn print(&self) {
        let seen = self.0.lock().expect("no panic");
        println!("loads {} {}", seen.loads, seen.replaced);
    }
}

pub(crate) fn load(arguments: Arguments<'_>, name: &str) -> Object {
    Object::load(&format!("{}/{name}.so", arguments.folder))
}

/// Loads, visits and unloads the objects in `more`, in turn.
fn reload(arguments: Arguments<'_>) {
    let places = Places::default();
    for (name, seed) in arguments.more.iter().cycle().zip(0..) {
        if made() >= arguments.captures {
            break;
        }
        let object = load(arguments, name);
        places.note(name, object.base());
        visit(&object, seed / arguments.more.len() as u64);
        object.unload_entirely();
    }
    places.print();
}

/// As above, but the objects are one file, replaced before each load; as a program does that loads
/// a fresh build. `more` begins with a folder for the file.
fn reload_file(arguments: Arguments<'_>) {
    let [folder, ref names @ ..] = *arguments.more else { panic!("a folder") };
    let (path, next) = (format!("{folder}/plugin.so"), format!("{folder}/next.so"));
    let places = Places::default();
    for (name, seed) in names.iter().cycle().zip(0..) {
        if made() >= arguments.captures {
            break;
        }
        fs::copy(format!("{}/{name}.so", arguments.folder), &next).expect("room for a copy");
        fs::rename(&next, &path).expect("the folder can be written to");
        let object = Object::load(&path);
        places.note(name, object.base());
        visit(&object, seed / names.len() as u64);
        object.unload_entirely();
    }
    places.print();
}

const THREADS: usize = 4;

/// As above, but several threads visit each object at once, from the same places on their stacks.
fn reload_in_step(arguments: Arguments<'_>) {
    let (barrier, present) = (Barrier::new(THREADS + 1), RwLock::new(None));
    let places = Places::default();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| in_shadow(|| visit_in_step(&barrier, &present)));
        }
        for (name, round) in arguments.more.iter().cycle().zip(0..) {
            if round * 10 >= arguments.captures {
                break;
            }
            let object = load(arguments, name);
            places.note(name, object.base());
            *present.write().expect("no panic") = Some((object, round));
            barrier.wait();
            barrier.wait();
            let (object, _) = present.write().expect("no panic").take().expect("put there above");
            object.unload_entirely();
        }
        barrier.wait();
    });
    places.print();
}

/// Visits what is there at every round, until nothing is.
fn visit_in_step(barrier: &Barrier, present: &RwLock<Option<(Object, u64)>>) {
    loop {
        barrier.wait();
        let Some((object, round)) = &*present.read().expect("no panic") else { return };
        visit(object, round / 2);
        barrier.wait();
    }
}

/// Several threads load, visit and unload what they like, when they like.
fn reload_at_will(arguments: Arguments<'_>) {
    let places = Places::default();
    let work = &|thread| {
        let mut visitor = Visitor::new(arguments, &places, thread);
        while made() < arguments.captures {
            visitor.visit_any();
        }
    };
    thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            scope.spawn(move || in_shadow(|| work(thread)));
        }
    });
    places.print();
}

/// Loads, visits and unloads what it likes. Another may have loaded the same object.
pub(crate) struct Visitor<'a> {
    arguments: Arguments<'a>,
    places: &'a Places,
    random: Random,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(arguments: Arguments<'a>, places: &'a Places, seed: u64) -> Self {
        Self { arguments, places, random: Random::new(seed + 1) }
    }

    /// Visits one of the objects in `more`.
    pub(crate) fn visit_any(&mut self) {
        let names = self.arguments.more;
        let name = names[self.random.below(names.len())];
        let object = load(self.arguments, name);
        self.places.note(name, object.base());
        visit(&object, self.random.below(8) as u64);
        object.unload();
    }
}
