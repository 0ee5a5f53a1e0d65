//! The owner of a frame: the program's own code, a library, the standard library.

mod functions;
mod own_code;

pub(crate) use functions::{is_entrance, is_start};
pub(crate) use own_code::{Judge, Origin, package};
