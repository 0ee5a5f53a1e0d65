//! Stacks whose last frame is none: two words, the second of which leads into an object that comes
//! and goes. A frame without unwind tables, and an old return address, make such stacks.

use std::ffi::c_void;
use std::mem::transmute;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::objects::Object;
use crate::reload::load;
use crate::shadow::made;
use crate::{Arguments, Program};

pub(crate) const PROGRAMS: &[Program] =
    &[("pointed", pointed), ("pointed-at-will", pointed_at_will)];

/// Allocates on such a stack, whose second word is the argument.
type Pointing = extern "C" fn(usize);

fn pointing(arguments: Arguments<'_>) -> Pointing {
    let lost = load(arguments, "bare-lost");
    lost.nodes();
    // SAFETY: `bare.c` says that it is this function.
    unsafe { transmute::<*mut c_void, Pointing>(lost.symbol(c"native_pointed").as_ptr()) }
}

/// Something in the object's code.
fn place(object: &Object) -> usize {
    object.symbol(c"native_start").addr().get() + 4
}

/// Captures one and the same stack again and again. Every other time the object is not there.
fn pointed(arguments: Arguments<'_>) {
    let point_to = pointing(arguments);
    let object = load(arguments, arguments.more[0]);
    let pointed_to = place(&object);
    let mut path = object.unload_entirely();
    // No allocation here but the one that is looked at, so that its stack is the last one captured.
    while made() < arguments.captures {
        point_to(pointed_to);
        let object = Object::load_path(path, libc::RTLD_LOCAL);
        assert_eq!(place(&object), pointed_to, "the object has another place");
        point_to(pointed_to);
        path = object.unload_entirely();
    }
}

const THREADS: usize = 3;

/// Several threads capture such stacks while another one loads and unloads the object.
fn pointed_at_will(arguments: Arguments<'_>) {
    let (point_to, is_done, pointed_to) =
        (pointing(arguments), AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    // Not twice the same, so that the walk has to look.
                    (0..4).for_each(|more| point_to(pointed_to.load(Ordering::Relaxed) + more));
                }
            });
        }
        for _ in 0..arguments.captures {
            let object = load(arguments, arguments.more[0]);
            pointed_to.store(place(&object), Ordering::Relaxed);
            object.unload();
        }
        is_done.store(true, Ordering::Relaxed);
    });
}
