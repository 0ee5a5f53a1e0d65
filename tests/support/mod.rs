//! Parts that tests of whole programs share. A test that needs less than everything says
//! `#[expect(dead_code, reason = "…")]` on its `mod support;`.

pub(crate) mod commands;
pub(crate) mod comparison;
pub(crate) mod dhat_json;
pub(crate) mod programs;
pub(crate) mod user_code;
pub(crate) mod viewer;
