//! Native objects: loading and unloading.

use std::ffi::{CStr, CString, c_void};
use std::mem::transmute;
use std::ptr::{NonNull, null_mut};

use crate::host::{HOST, Host, Node};

/// A loaded object.
#[derive(Debug)]
pub(crate) struct Object {
    handle: NonNull<c_void>,
    path: CString,
}

// SAFETY: the loader's functions may be called by any thread for any object.
unsafe impl Send for Object {}
// SAFETY: as above.
unsafe impl Sync for Object {}

/// The head of the loader's `struct link_map`.
#[repr(C)]
struct LinkMap {
    base: usize,
}

impl Object {
    /// Loads the object with this path.
    pub(crate) fn load(path: &str) -> Self {
        Self::load_as(path, libc::RTLD_LOCAL)
    }

    /// Loads an object that others may use.
    pub(crate) fn load_for_all(path: &str) -> Self {
        Self::load_as(path, libc::RTLD_GLOBAL)
    }

    fn load_as(path: &str, scope: i32) -> Self {
        Self::load_path(CString::new(path).expect("a path"), scope)
    }

    /// Loads the object with this path; allocates nothing.
    pub(crate) fn load_path(path: CString, scope: i32) -> Self {
        // SAFETY: the programs load objects that may be loaded at any time.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | scope) };
        let handle = NonNull::new(handle).unwrap_or_else(|| panic!("{}", last_error()));
        Self { handle, path }
    }

    /// The address of what the object calls `name`.
    pub(crate) fn symbol(&self, name: &CStr) -> NonNull<c_void> {
        // SAFETY: the object is loaded.
        let address = unsafe { libc::dlsym(self.handle.as_ptr(), name.as_ptr()) };
        NonNull::new(address).unwrap_or_else(|| panic!("{}", last_error()))
    }

    /// Where the object is.
    pub(crate) fn base(&self) -> usize {
        let mut map = null_mut::<LinkMap>();
        let (handle, map_at) = (self.handle.as_ptr(), (&raw mut map).cast());
        // SAFETY: the object is loaded; the answer is a pointer.
        assert_eq!(unsafe { libc::dlinfo(handle, libc::RTLD_DI_LINKMAP, map_at) }, 0);
        // SAFETY: the loader's description of a loaded object.
        unsafe { (*map).base }
    }

    /// The object's nodes, as long as it is loaded.
    pub(crate) fn nodes(&self) -> &'static [Node] {
        let start = self.symbol(c"native_start");
        // SAFETY: `host.h` says that it is this function.
        let start = unsafe {
            transmute::<*mut c_void, extern "C" fn(&'static Host) -> *const Node>(start.as_ptr())
        };
        let nodes = start(&HOST);
        let is_node = |index: &usize| {
            // SAFETY: `host.h` says that a node without a function ends the list.
            let node = unsafe { nodes.add(*index) };
            // SAFETY: as above.
            unsafe { *node }.run.is_some()
        };
        let count = (0..).take_while(is_node).count();
        // SAFETY: as many were looked at.
        unsafe { std::slice::from_raw_parts(nodes, count) }
    }

    /// Unloads the object; its path.
    pub(crate) fn unload(self) -> CString {
        // SAFETY: loaded, and the programs call nothing of it any more.
        assert_eq!(unsafe { libc::dlclose(self.handle.as_ptr()) }, 0, "{}", last_error());
        self.path
    }

    /// Unloads the object, which was loaded once, and looks whether it is gone; its path.
    pub(crate) fn unload_entirely(self) -> CString {
        let path = self.unload();
        // SAFETY: loads nothing.
        let left = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD) };
        assert!(left.is_null(), "{path:?} is still there");
        path
    }
}

fn last_error() -> String {
    // SAFETY: gives null or a string, until the next call of the loader.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return String::from("no error");
    }
    // SAFETY: see above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The nodes of the objects with these names, which stay loaded.
pub(crate) fn nodes_of(folder: &str, names: &[&str]) -> Vec<Node> {
    let load = |name: &&str| Object::load(&format!("{folder}/{name}.so")).nodes();
    names.iter().flat_map(load).copied().collect()
}
