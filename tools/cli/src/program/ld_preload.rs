//! The value of `LD_PRELOAD`.

use std::ffi::{OsStr, OsString};

/// `libraries`, and behind them those that this process was given.
pub(crate) fn in_front<L: AsRef<OsStr>>(libraries: impl IntoIterator<Item = L>) -> OsString {
    let ours = libraries.into_iter().map(|library| library.as_ref().to_owned());
    let inherited = std::env::var_os("LD_PRELOAD").filter(|inherited| !inherited.is_empty());
    ours.chain(inherited).collect::<Vec<_>>().join(OsStr::new(":"))
}
