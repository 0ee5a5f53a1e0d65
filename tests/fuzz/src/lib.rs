//! Parts that the fuzz targets share.
//!
//! | file | what |
//! |---|---|
//! | `patches` | a recording in few bytes, so that a change of one of them hits something |
//! | `memory_file` | bytes as a file that has a path |
//! | `judge` | what has to hold of whatever was read |
//! | `most_live` | the most memory at a time |

pub mod judge;
pub mod memory_file;
pub mod most_live;
pub mod patches;
