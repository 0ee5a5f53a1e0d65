//! What tests of whole programs share. A test that needs less than everything says
//! `#[expect(dead_code, reason = "…")]` on its `mod support;`.

pub mod comparison;
pub mod dhat_json;
pub mod programs;
pub mod user_code;
pub mod viewer;
