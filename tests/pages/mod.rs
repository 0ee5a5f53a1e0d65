//! Pages for people (the README, rustdoc's pages): their programs are built and run, and the samples of
//! output that they show are compared with the output.

pub(crate) mod package;
pub(crate) mod sample;
pub(crate) mod text;
