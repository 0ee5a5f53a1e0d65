//! The owner of a frame: the program's own code, a library, the standard library.

mod function_name;
mod functions;
mod own_code;

pub(crate) use function_name::{generic_name, without_parameters};
pub(crate) use functions::{
    calls_the_allocator, hands_a_block_on, is_constructor, is_entrance, is_nearest_name, is_start,
    sounds_like_a_maker, without_return_type,
};
pub(crate) use own_code::{Judge, Origin, package};
