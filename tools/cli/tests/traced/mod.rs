//! Runs programs plain, with the library preloaded, and under `mod-alloc run`; and finds in what was
//! recorded what the programs say of themselves.

pub(crate) mod compact;
pub(crate) mod compared;
#[path = "../../../../tests/support/dhat_json.rs"]
pub(crate) mod dhat_json;
pub(crate) mod native;
pub(crate) mod program;
pub(crate) mod progress;
pub(crate) mod recorded;
