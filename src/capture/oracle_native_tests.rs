//! Frames of C and C++ between those of Rust: while exceptions are thrown and cleaned up after, and
//! where the stack pointer moves within a frame.

use core::ffi::{CStr, c_void};
use core::mem::transmute;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use super::{check, look, recursion};

/// A function of `oracle_native.cpp`.
type Function = extern "C" fn(extern "C" fn(u64), u64);

/// As programs are built, as debuggers like them, and with frame pointers.
#[cfg(not(target_arch = "aarch64"))]
const BUILDS: [(&str, &[&str]); 3] = [
    ("fast", &["-O2", "-fomit-frame-pointer"]),
    ("plain", &["-O0"]),
    ("framed", &["-O2", "-fno-omit-frame-pointer"]),
];
/// Those builds, and three whose return addresses are signed, by either key.
#[cfg(target_arch = "aarch64")]
const BUILDS: [(&str, &[&str]); 6] = [
    ("fast", &["-O2", "-fomit-frame-pointer"]),
    ("plain", &["-O0"]),
    ("framed", &["-O2", "-fno-omit-frame-pointer"]),
    ("signed", &["-O2", "-mbranch-protection=pac-ret"]),
    ("signed-leaf", &["-O0", "-mbranch-protection=pac-ret+leaf+b-key"]),
    ("signed-fast", &["-O2", "-fomit-frame-pointer", "-mbranch-protection=standard"]),
];

/// The source, compiled in each way, beside the test.
fn objects() -> &'static [PathBuf; BUILDS.len()] {
    static OBJECTS: OnceLock<[PathBuf; BUILDS.len()]> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let test = env::current_exe().expect("the test has a path");
        let folder = test.with_extension("native");
        fs::create_dir_all(&folder).expect("the target folder can be written to");
        BUILDS.map(|(name, flags)| compile(&folder.join(name), flags))
    })
}

fn compile(object: &Path, flags: &[&str]) -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/capture/oracle_native.cpp");
    // Another compiler where the tests run on another machine than they are built on.
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".into());
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", source, "-o"]).arg(object).args(flags);
    let output = command.output().expect("a C++ compiler; tools/check/setup installs one");
    assert!(output.status.success(), "{}", std::string::String::from_utf8_lossy(&output.stderr));
    object.to_owned()
}

/// The function of that name in a compiled object, which stays loaded.
fn function(object: &Path, name: &CStr) -> Function {
    let path = CString::new(object.as_os_str().as_bytes()).expect("a path");
    // SAFETY: the object's beginning does nothing but set the C++ library up.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!handle.is_null(), "{path:?} can be loaded");
    // SAFETY: it is loaded.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    assert!(!address.is_null(), "{name:?} is there");
    // SAFETY: the source says that it is such a function.
    unsafe { transmute::<*mut c_void, Function>(address) }
}

extern "C" fn looks(depth: u64) {
    look();
    recursion(depth, 1);
}

fn look_from(name: &CStr, depths: &[u64]) {
    for object in objects() {
        let function = function(object, name);
        for depth in depths {
            function(looks, *depth);
            look();
            function(looks, *depth);
        }
    }
}

#[test]
fn exceptions_are_cleaned_up_after() {
    look_from(c"while_unwinding", &[0, 1, 4, 2]);
    check(1500, 15);
}

#[test]
fn the_stack_pointer_moves_within_a_frame() {
    look_from(c"with_alloca", &[0, 7, 3]);
    check(1700, 20);
}

#[test]
fn the_stack_pointer_moves_within_an_aligned_frame() {
    look_from(c"with_aligned_alloca", &[0, 9, 5]);
    check(900, 20);
}
