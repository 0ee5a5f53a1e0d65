//! A Python interpreter whose memory are blocks of Rust's global allocator, and which works extension
//! modules in C hard: `workout.py`.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::transmute;
use std::ptr::null_mut;

use crate::objects::Object;
use crate::shadow::made;
use crate::{Arguments, Program, host};

pub(crate) const PROGRAMS: &[Program] = &[("python", python)];

const SCRIPT: &CStr =
    match CStr::from_bytes_with_nul(concat!(include_str!("workout.py"), "\0").as_bytes()) {
        Ok(script) => script,
        Err(_) => panic!("the script has a zero byte"),
    };

/// Python's `PyMemAllocatorEx`.
#[repr(C)]
struct PythonsAllocator {
    context: *mut c_void,
    malloc: extern "C" fn(*mut c_void, usize) -> *mut u8,
    calloc: extern "C" fn(*mut c_void, usize, usize) -> *mut u8,
    realloc: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> *mut u8,
    free: unsafe extern "C" fn(*mut c_void, *mut u8),
}

extern "C" fn malloc(_: *mut c_void, size: usize) -> *mut u8 {
    host::allocate(size.max(1))
}

extern "C" fn calloc(_: *mut c_void, count: usize, size: usize) -> *mut u8 {
    let Some(size) = count.checked_mul(size) else { return null_mut() };
    let block = host::allocate(size.max(1));
    if !block.is_null() {
        // SAFETY: just allocated, with at least this size.
        unsafe { block.write_bytes(0, size) };
    }
    block
}

unsafe extern "C" fn realloc(_: *mut c_void, block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: Python gives null, or one of these blocks.
    unsafe { host::reallocate(block, size.max(1)) }
}

unsafe extern "C" fn free(_: *mut c_void, block: *mut u8) {
    // SAFETY: Python gives null, or one of these blocks.
    unsafe { host::release(block) };
}

/// The functions of Python's C interface that are used here.
struct Python {
    set_allocator: unsafe extern "C" fn(c_int, *mut PythonsAllocator),
    initialize: unsafe extern "C" fn(c_int),
    run: unsafe extern "C" fn(*const c_char) -> c_int,
    finalize: unsafe extern "C" fn() -> c_int,
}

/// `PYMEM_DOMAIN_RAW`, `PYMEM_DOMAIN_MEM`, `PYMEM_DOMAIN_OBJ`.
const DOMAINS: [c_int; 3] = [0, 1, 2];

impl Python {
    fn of(library: &Object) -> Self {
        let symbol = |name| library.symbol(name).as_ptr();
        Self {
            // SAFETY: for each of them: `Python.h` says that it is such a function.
            set_allocator: unsafe {
                transmute::<*mut c_void, unsafe extern "C" fn(c_int, *mut PythonsAllocator)>(
                    symbol(c"PyMem_SetAllocator"),
                )
            },
            // SAFETY: see above.
            initialize: unsafe {
                transmute::<*mut c_void, unsafe extern "C" fn(c_int)>(symbol(c"Py_InitializeEx"))
            },
            // SAFETY: see above.
            run: unsafe {
                transmute::<*mut c_void, unsafe extern "C" fn(*const c_char) -> c_int>(symbol(
                    c"PyRun_SimpleString",
                ))
            },
            // SAFETY: see above.
            finalize: unsafe {
                transmute::<*mut c_void, unsafe extern "C" fn() -> c_int>(symbol(c"Py_FinalizeEx"))
            },
        }
    }

    fn run(&self, script: &CStr) {
        // SAFETY: a string, for an interpreter that was initialized in this thread.
        assert_eq!(unsafe { (self.run)(script.as_ptr()) }, 0, "{script:?} failed");
    }
}

/// `more` is libpython's path.
fn python(arguments: Arguments<'_>) {
    let library = Object::load_for_all(arguments.more[0]);
    let python = Python::of(&library);
    for domain in DOMAINS {
        let mut allocator = PythonsAllocator { context: null_mut(), malloc, calloc, realloc, free };
        // SAFETY: before the interpreter has a block; the structure is copied.
        unsafe { (python.set_allocator)(domain, &raw mut allocator) };
    }
    // SAFETY: initialized once; without handlers of signals.
    unsafe { (python.initialize)(0) };
    python.run(SCRIPT);
    while made() < arguments.captures {
        python.run(c"work()");
    }
    python.run(c"finish()");
    // SAFETY: initialized above, and nothing of it is used any more.
    assert_eq!(unsafe { (python.finalize)() }, 0);
}
